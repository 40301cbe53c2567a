"""Removes characters that no text from outside may have. It imports little: an idle run needs it, too."""

from __future__ import annotations

import re
from typing import Final

from trac_mailintake.mail import marks

_UNFIT: Final = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff{marks.NONCHARACTERS}]")
_CONTROLS: Final = bytes({*range(0x20), 0x7F} - set(b"\t\n\r\v\f"))
_BLANKS: Final = bytes.maketrans(b"\v\f", b"  ")
"""Terminals obey control characters, and XML, such as Trac's feeds, must not contain them."""


BIDI_CONTROLS: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""The characters that change the direction of text (UAX #9, 2), for a character set in a regular expression."""
_DIRECTING: Final = re.compile(f"[{BIDI_CONTROLS}]")


def one_way(text: str) -> str:
    """The text without characters that change its direction: what stands beside it cannot be reversed by it.

    Letters have their own direction, so Arabic and Hebrew are shown as they are read.
    """
    return text if text.isascii() else _DIRECTING.sub("", text)


def scrub(text: str) -> str:
    """The text without control characters, lone surrogates and noncharacters.

    Databases or XML cannot contain them, and some noncharacters are our own marks. All text from outside must pass
    through this before it is used: decoded bytes, and HTML once its entities are decoded.
    """
    if text.isascii():
        return scrubbed_ascii(text.encode("ascii"))
    return _UNFIT.sub(_fit, text) if _UNFIT.search(text) else text


def scrubbed_ascii(raw: bytes) -> str:
    """The text of ASCII bytes, as `scrub` gives it. Raises UnicodeDecodeError if a byte is not ASCII."""
    return raw.translate(_BLANKS, _CONTROLS).decode("ascii")


def _fit(match: re.Match[str]) -> str:
    letter = match[0]
    return " " if letter in "\v\f" else "" if letter.isascii() else "\ufffd"
