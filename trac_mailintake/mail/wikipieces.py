"""parse: pieces of Trac's wiki markup: links and blocks of code, and the characters that tell our markup from text."""

from __future__ import annotations

import re
from typing import Final

from trac_mailintake.mail import plain

OWN: Final = "\ue000"
"""At the beginning of a line: this line's markup is ours, not the sender's."""
MACRO: Final = "\ue001"
MACRO_END: Final = "\ue002"

_BLANKS: Final = re.compile(r"\s+")
_SCHEMES: Final = ("", "mailto:", "http://", "https://")
"""What people leave out where they write an address."""
_UNSAFE_IN_URL: Final = re.compile(r"[\s\[\]|<>\"]")
_UNSAFE_IN_LABEL: Final = re.compile(r"[\[\]]")
_FOLLOWED: Final = ("http:", "https:", "ftp:", "mailto:")
"""What Trac makes links of; a telephone's number is a text."""


def block(lines: list[str], indent: str) -> str:
    """A block of code."""
    safe = (_within_block(line, first=not number) for number, line in enumerate(lines))
    return "\n".join(f"{OWN}{indent}{line}" for line in ("{{{", *safe, "}}}"))


def _within_block(line: str, *, first: bool) -> str:
    """A line of code, kept from opening or closing a block, and the first one from naming a processor."""
    bare = line.strip()
    special = bare == "}}}" or bare.startswith("{{{") or (first and bare.startswith("#!"))
    return plain.MARK + line if special else line


def linked(url: str, written: str, before: str) -> str:
    """The markup of a link to `url` whose label was `written`, blanks around it kept; `before` is what stands there."""
    if not url:
        return written
    written = written.replace(OWN, "")
    label = _BLANKS.sub(" ", written).strip()
    if not label:
        return written
    lead = written[: len(written) - len(written.lstrip())]
    if url.startswith("#") or MACRO in written:
        return lead + (written.lstrip() if MACRO in written else plain.escaped(label))
    url = _UNSAFE_IN_URL.sub(lambda match: f"%{ord(match[0]):02X}", url)
    shown = label.rstrip("/")
    if not url.lower().startswith(_FOLLOWED):
        return lead + plain.escaped(label)
    stands_alone = bool(lead) or not (before.isalnum() or before == "!")
    if stands_alone and shown in {url.rstrip("/").removeprefix(scheme) for scheme in _SCHEMES}:
        return lead + url.removeprefix("mailto:")
    if "]" in label or label[0] in "'\"":
        quote = next((mark for mark in "\"'" if mark not in label), "")
        label = f"{quote}{label}{quote}" if quote else _UNSAFE_IN_LABEL.sub("", label)
    return f"{lead}{plain.MARK if before == '!' and not lead else ''}[{url} {label}]"
