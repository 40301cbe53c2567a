"""parse: format=flowed (RFC 3676): joins lines that the sender's software broke."""

from __future__ import annotations

from typing import Final

_SIGNATURE: Final = "-- "


def unwrapped(text: str, *, delsp: bool) -> str:
    """The text without soft line breaks; `delsp`: also remove the blank before each (RFC 3676, DelSp)."""
    paragraphs: list[str] = []
    pieces: list[str] = []
    depth = -1
    for line in text.split("\n"):
        quotes = len(line) - len(line.lstrip(">"))
        content = line[quotes:].removeprefix(" ")
        if pieces and (quotes != depth or content == _SIGNATURE):
            paragraphs.append(_paragraph(depth, pieces))
            pieces = []
        depth = quotes
        soft = content.endswith(" ") and content != _SIGNATURE
        pieces.append(content[:-1] if soft and delsp else content)
        if not soft:
            paragraphs.append(_paragraph(depth, pieces))
            pieces = []
    if pieces:
        paragraphs.append(_paragraph(depth, pieces))
    return "\n".join(paragraphs)


def _paragraph(depth: int, pieces: list[str]) -> str:
    text = "".join(pieces)
    return f"{'>' * depth} {text}" if depth else text
