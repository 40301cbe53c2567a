"""record: takes out of a text what `escape` put into it, for readers who see wiki text as it is written.

Trac's notifications in plain text contain descriptions and comments as they are stored. There `!` and zero-width spaces
of ours would stand between the words of the sender.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from trac_mailintake.mail.wiki.escape import BREAK, MARK, rules_for

_BLOCK: Final = re.compile(r"([> ]*)\{\{\{\s*")
_INDENT: Final = re.compile(f"{MARK}(\u00a0+)")


def unescaped(text: str) -> str:
    """The text without our escapes and fences; line ends stay.

    What people typed themselves loses at most a `!`, or two backslashes behind a blank at the end of a line.

    Trac hides a `!` only where one of its rules would match, so only such a `!` is dropped. Within a block of code all
    stays; the lines that begin and end the block are dropped.
    """
    lines = []
    end = ""
    for line in text.splitlines(keepends=True):
        if end and line.rstrip() == end:
            end = ""
        elif not end and (begun := _BLOCK.fullmatch(line)):
            end = begun[1] + "}}}"
        elif end:
            lines.append("" if line.strip() == "#!default" else line.replace(MARK, ""))
        else:
            lines.append(_line(line))
    return "".join(lines)


def _line(line: str) -> str:
    bare = line.rstrip("\r\n")
    end = line[len(bare) :]
    if "!" in bare:
        bare = _escapes(rules_for(bare).pattern).sub(_dropped, bare)
    bare = _INDENT.sub(lambda found: " " * len(found[1]), bare).replace(MARK, "")
    return bare.removesuffix(BREAK) + end


@cache
def _escapes(rules: str) -> re.Pattern[str]:
    return re.compile(f"(?P<bang>!)?(?:{rules})")


def _dropped(match: re.Match[str]) -> str:
    return match[0][1:] if match["bang"] else match[0]
