"""parse: encoded words (RFC 2047), even misplaced or malformed ones."""

from __future__ import annotations

import binascii
import re
from typing import Final

from trac_mailintake.mail import charsets

_WORD: Final = re.compile(
    r"=\?([A-Za-z0-9][A-Za-z0-9_.:+-]{0,60}(?:\*[A-Za-z0-9-]*)?)\?([bBqQ])\?((?:[^?]|(?<!=)\?(?!=))*)\?="
    r"|=\?\?([bB])\?([A-Za-z0-9+/=]+)\?="
)
"""Without a charset it is not an encoded word (RFC 2047, 2), but base64 is still decoded, since nobody can read it."""
_NOT_BASE64: Final = re.compile(r"[^A-Za-z0-9+/]+")
_LINE_BREAKS: Final = re.compile(r"[\r\n]+")


def decode(text: str) -> str:
    """The text with its encoded words decoded. Line breaks in them become blanks, and NUL is dropped."""
    if "=?" not in text:
        return text
    pieces: list[str] = []
    run: list[tuple[str, str]] = []
    charset = ""
    position = 0
    for match in _WORD.finditer(text):
        between = text[position : match.start()]
        label = (match[1] or "").partition("*")[0].lower()
        adjacent = bool(run) and not between.strip()
        if run and not (adjacent and label == charset):
            pieces.append(_text(run, charset))
            run = []
        if not adjacent:
            pieces.append(between)
        run.append(((match[2] or match[4]).lower(), match[3] if match[2] else match[5]))
        charset, position = label, match.end()
    if run:
        pieces.append(_text(run, charset))
    pieces.append(text[position:])
    return "".join(pieces)


def _text(run: list[tuple[str, str]], charset: str) -> str:
    """The text of adjacent words (encoding, content).

    Careless software cuts inside a character, or inside a group of four digits.
    """
    pieces: list[bytes] = []
    digits = ""
    for encoding, content in run:
        if encoding == "b":
            digits += _NOT_BASE64.sub("", content)
            if len(digits) % 4 and "=" not in content:
                continue
            pieces.append(_base64(digits))
        else:
            pieces.append(_base64(digits))
            pieces.append(_quoted_printable(content))
        digits = ""
    pieces.append(_base64(digits))
    return _LINE_BREAKS.sub(" ", charsets.decode(b"".join(pieces), charset))


def _quoted_printable(content: str) -> bytes:
    return binascii.a2b_qp(content.replace("\r", "").replace("\n", "").encode("utf-8", "replace"), header=True)


def _base64(digits: str) -> bytes:
    whole = len(digits) - (len(digits) % 4 == 1)
    return binascii.a2b_base64(digits[:whole] + "=" * (-whole % 4))
