"""parse: finds the delimiter of a multipart (RFC 2046, 5.1.1), even if its Content-Type is wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container

    from trac_mailintake.mail.mime.window import Tape

_REACH: Final = 64 * 1024
"""Bytes in which the first delimiter must occur before another one is guessed."""
_LIKELY: Final = re.compile(
    rb"^(--[^\s][^\r\n]{0,198}?)[ \t]*\r?\n(?=content-(?:type|disposition|transfer-encoding|id|description)[ \t]*:)",
    re.IGNORECASE | re.MULTILINE,
)
"""A line that looks like a delimiter, followed by a header field of a part."""


def delimiter(tape: Tape, start: int, boundary: str, outer: Container[bytes]) -> tuple[bytes, bool]:
    """The delimiter of the multipart whose body begins at `start`, and whether it is the declared `boundary`.

    `outer` are the delimiters that would end it. b"" if none is declared and none can be guessed.
    """
    declared = b"--" + boundary.encode("utf-8", "surrogateescape") if boundary else b""
    tape.ensure(start, _REACH)
    begin = start - tape.base
    if declared and tape.window.find(declared, begin) >= 0:
        return declared, True
    likely = _LIKELY.search(tape.window, begin, begin + _REACH)
    if likely and likely[1] not in outer:
        return likely[1], False
    return declared, True
