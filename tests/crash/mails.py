"""Mails for the tests: few that have everything, and many that are told apart."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

SENDER: Final = "Alice <alice@example.org>"


def _mail(number: str, subject: str, body: str, *fields: str) -> bytes:
    head = (
        f"From: {SENDER}",
        "To: support@example.org",
        "Date: Thu, 01 Jan 2026 10:00:00 +0000",
        f"Message-ID: <{number}@example.org>",
        f"Subject: {subject}",
        "MIME-Version: 1.0",
        *fields,
    )
    return ("\r\n".join(head) + "\r\n\r\n" + body.replace("\n", "\r\n")).encode()


def request(number: int, contents: dict[str, bytes] | None = None, *, attachment: bytes = b"") -> bytes:
    """A new request, told by its subject; with these files, or a file `notes.bin` when there are bytes for it."""
    text = f"This is what I want, number {number}.\n"
    contents = contents or ({"notes.bin": attachment} if attachment else {})
    return _mail(f"r{number}", f"Request {number}", *(_mixed(text, contents) if contents else (text,)))


def reply(number: int, to: int, contents: dict[str, bytes] | None = None) -> bytes:
    """An answer to a request, told by its text; with these files."""
    parent = f"In-Reply-To: <r{to}@example.org>"
    body, *fields = _mixed(f"Answer {number}.\n", contents) if contents else (f"Answer {number}.\n",)
    return _mail(f"a{number}", f"Re: Request {to}", body, parent, *fields)


def _mixed(text: str, files: dict[str, bytes]) -> tuple[str, str]:
    parts = [f"Content-Type: text/plain; charset=utf-8\n\n{text}"]
    for name, content in files.items():
        encoded = base64.encodebytes(content).decode("ascii")
        parts.append(
            f"Content-Type: application/octet-stream\nContent-Disposition: attachment; filename={name}\n"
            f"Content-Transfer-Encoding: base64\n\n{encoded}"
        )
    body = "".join(f"--frontier\n{part}\n" for part in parts) + "--frontier--\n"
    return body, 'Content-Type: multipart/mixed; boundary="frontier"'


FILES: Final = {"letter.txt": b"Dear all,\n" * 200, "picture.bin": bytes(range(256)) * 10}

LOAD: Final = (
    _mail("one", "Two files", *_mixed("See the files.\n", FILES)),
    _mail("two", "Re: Two files", "I forgot one thing.\n", "In-Reply-To: <one@example.org>"),
    _mail("three", "Marked up", "<p>Some <b>bold</b> words.</p>\n", "Content-Type: text/html; charset=utf-8"),
)
"""A mail with two attachments, its answer, and one in HTML."""


def digest(content: bytes) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(content).hexdigest()


def attachment(number: int) -> bytes:
    """The file that a request brings; every tenth mail has one."""
    return b"file %d\n" % number * 50 if number % 10 == 0 else b""


def answered(number: int) -> int:
    """To which request the mail of that number is an answer, when it is one: every fourth is, to the one before."""
    return number - 1


def load(total: int) -> list[bytes]:
    """So many mails: requests with and without a file, and answers to them."""
    return [
        reply(number, answered(number)) if number % 4 == 3 else request(number, attachment=attachment(number))
        for number in range(total)
    ]
