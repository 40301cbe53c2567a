"""parse: cuts finished wiki text so that the rest gets no new meaning."""

from __future__ import annotations

import re
from typing import Final

from trac_mailintake.mail.wiki import escape
from trac_mailintake.mail.wiki.escape_mixed import edited

_BLOCK: Final = re.compile(r"\s*\{\{\{(?:\s*#!|\s*$)")


def front(part: str, line: str) -> str:
    """The first part of a cut `line` of finished wiki text, changed so that nothing becomes markup by the cut."""
    known = {match.span() for match in escape.rules_for(line).finditer(line)}
    found = escape.rules_for(part).finditer(part)
    safe = edited(part, [(*match.span(), escape.escape(match)) for match in found if match.span() not in known])
    return escape.MARK + safe if escape.LINE_START.match(safe) and not escape.LINE_START.match(line) else safe


def ended(text: str, at: int) -> str:
    """The first `at` characters of finished wiki text, with open blocks closed."""
    whole, feed, part = text[:at].rpartition("\n")
    if not _open_blocks(whole):
        end = text.find("\n", at)
        part = front(part, text[at - len(part) : end if end >= 0 else len(text)])
    elif part.startswith("#!"):  # a cut name of a processor may be another processor
        part = ""
    left = f"{whole}{feed}{part}".rstrip()
    return left + "\n}}}" * _open_blocks(left)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters of finished wiki text, with blocks closed at the cut."""
    at, left, step = limit, text, 1
    while len(left) > limit:
        left = ended(text, max(at, 0))
        # With nested blocks, cutting leaves as much again to close, so each step is twice as long.
        at -= max(len(left) - limit, step)
        step *= 2
    return left


def _open_blocks(text: str) -> int:
    """How many blocks of code are open at the end of the text (`Formatter.handle_code_block`)."""
    depth = 0
    for line in text.splitlines():
        if _BLOCK.match(line) and "}}}" not in line:
            depth += 1
        elif depth and line.strip() == "}}}":
            depth -= 1
    return depth
