"""A `winmail.dat`, put together as Outlook does (MS-OXTNEF)."""

from __future__ import annotations

import struct

HEAD = bytes.fromhex("789f3e22") + b"\x01\x00"
ENCLOSED = bytes.fromhex("0703020000000000c000000000000046")
BINARY, TEXT, UNICODE, OBJECT, LONG = 0x0102, 0x001E, 0x001F, 0x000D, 0x0003


def attribute(level: int, name: int, value: bytes) -> bytes:
    """One attribute; the sum at its end is right."""
    return struct.pack("<BHHI", level, name, 6, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def prop(number: int, kind: int, value: bytes, name: str = "") -> bytes:
    """One MAPI property, of a type that says its length or of four bytes; those with a `name` count from 0x8000."""
    named = b""
    if name:
        text = f"{name}\0".encode("utf-16-le")
        named = b"G" * 16 + struct.pack("<II", 1, len(text)) + text + b"\0" * (-len(text) % 4)
    padded = value + b"\0" * (-len(value) % 4)
    counted = struct.pack("<II", 1, len(value)) + padded if kind != LONG else padded
    return struct.pack("<HH", kind, number) + named + counted


def props(*properties: bytes) -> bytes:
    """A list of properties."""
    return struct.pack("<I", len(properties)) + b"".join(properties)


def attached(title: str, content: bytes, *properties: bytes) -> bytes:
    """The attributes of one attachment."""
    listed = attribute(2, 0x9005, props(*properties)) if properties else b""
    title_and_content = attribute(2, 0x8010, title.encode("cp1252") + b"\0") + attribute(2, 0x800F, content)
    return attribute(2, 0x9002, b"\0" * 14) + title_and_content + listed


def tnef(*attachments: bytes, plain: bytes = b"", of_message: bytes = b"") -> bytes:
    """The whole wrapping."""
    codepage = attribute(1, 0x9007, struct.pack("<II", 1252, 0))
    text = attribute(1, 0x800C, plain) if plain else b""
    listed = attribute(1, 0x9003, props(of_message)) if of_message else b""
    return HEAD + attribute(1, 0x9006, b"\x00\x00\x01\x00") + codepage + text + listed + b"".join(attachments)
