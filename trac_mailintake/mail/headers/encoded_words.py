"""parse: encoded words (RFC 2047), even misplaced or malformed ones."""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail import charsets

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    position = 0
    for run in _runs(text):
        between = text[position : run[0].start()]
        if between.strip() or not pieces:  # blanks between two words are not part of the text (RFC 2047, 6.2)
            pieces.append(between)
        pieces.append(_text(run))
        position = run[-1].end()
    return "".join((*pieces, text[position:]))


def _runs(text: str) -> Iterator[list[re.Match[str]]]:
    """The encoded words in runs: those of one charset with only blanks between them are decoded together."""
    run: list[re.Match[str]] = []
    for match in _WORD.finditer(text):
        if run and (text[run[-1].end() : match.start()].strip() or _charset(match) != _charset(run[-1])):
            yield run
            run = []
        run.append(match)
    if run:
        yield run


def _charset(word: re.Match[str]) -> str:
    """The charset without its language (RFC 2231, 5), "" without one."""
    return (word[1] or "").partition("*")[0].lower()


def _content(word: re.Match[str]) -> tuple[str, str]:
    """The encoding, `b` or `q`, and the encoded text."""
    return (word[2].lower(), word[3]) if word[2] else (word[4].lower(), word[5])


def _text(run: list[re.Match[str]]) -> str:
    """The text of a run. Careless software cuts inside a character, or inside a group of four digits."""
    pieces: list[bytes] = []
    digits = ""
    for encoding, content in map(_content, run):
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
    return _LINE_BREAKS.sub(" ", charsets.decode(b"".join(pieces), _charset(run[0])))


def _quoted_printable(content: str) -> bytes:
    return binascii.a2b_qp(content.replace("\r", "").replace("\n", "").encode("utf-8", "replace"), header=True)


def _base64(digits: str) -> bytes:
    whole = len(digits) - (len(digits) % 4 == 1)
    return binascii.a2b_base64(digits[:whole] + "=" * (-whole % 4))
