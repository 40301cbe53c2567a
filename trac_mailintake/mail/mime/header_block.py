"""parse: splits a header block into fields (RFC 5322, 2.2; RFC 2045, 3).

This only splits bytes; `mail.headers` interprets them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail import defects
from trac_mailintake.mail.limits import LIMITS
from trac_mailintake.mail.message import Defect
from trac_mailintake.mail.mime.window import Tape
from trac_mailintake.mail.spool import InMemory

if TYPE_CHECKING:
    from trac_mailintake.mail.limits import Limits
    from trac_mailintake.mail.wording import Reason

Field = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class LineEnds:
    """How the lines of a message end: nearly always LF or CR LF; old software wrote CR alone."""

    newline: bytes
    field: re.Pattern[bytes]
    blank: re.Pattern[bytes]
    blank_after: re.Pattern[bytes]
    mbox: re.Pattern[bytes]
    junk: re.Pattern[bytes]


def _line_ends(newline: str) -> LineEnds:
    """The patterns of a header block whose lines end with `newline`; each of them is linear in time."""
    end = rf"\r*{newline}" if newline == "\n" else newline
    name = r"[!-9;-~]+"
    return LineEnds(
        newline=newline.encode(),
        field=re.compile(rf"({name})[ \t]*:([^{newline}]*(?:{newline}[ \t][^{newline}]*)*)(?:{newline}|\Z)".encode()),
        blank=re.compile(end.encode()),
        blank_after=re.compile(f"{newline}{end}".encode()),
        mbox=re.compile(
            (
                rf"(?:\xef\xbb\xbf)?(?:[ \t]*{end})*"
                rf"(?:>?From (?![ \t]*:)[^{newline}]*{newline}(?:{end})*)?[ \t]*(?={name}[ \t]*:)"
            ).encode()
        ),
        junk=re.compile(
            rf"(?!{end})[^{newline}]{{1,998}}{newline}(?=(?:{_USUAL})[ \t]*:)".encode(),
            re.IGNORECASE,
        ),
    )


_USUAL: Final = (
    "from|to|cc|subject|date|message-id|mime-version|received|return-path|reply-to|references|in-reply-to"
    r"|content-[a-z-]{2,30}|x-[\w-]{1,60}"
)
"""Field names that do not occur at the beginning of ordinary text lines."""

LF: Final = _line_ends("\n")
CR: Final = _line_ends("\r")

WINDOW: Final = 4
"""Size of the window as a multiple of the limit, so that one huge field does not hide those after it."""


_TELLING: Final = {"from", "sender", "authentication-results"}
"""Fields that name the author, or a host that vouches for them; in lower case."""
_JUNK: Final = Defect.of(defects.JUNK_IN_HEAD())
"""One defect for all such lines, since a header block may consist of them."""
_FROM: Final = re.compile(rb"^from[ \t]*+:", re.IGNORECASE | re.MULTILINE)
_ENDS: Final = bytes.maketrans(b"\r\v\f\x1c\x1d\x1e", b"\n" * 6)
"""Characters that end a line for some software; Python's mail parser treats CR, LF and CR LF alike."""
_DROPPED: Final = bytes({*range(0x20), *range(0x7F, 0x100)} - set(b"\t\n\r\v\f\x1c\x1d\x1e"))
"""Bytes that some software drops."""


@dataclass(frozen=True, slots=True)
class Block:
    """A header block: its fields with raw values, and the position where the body begins.

    `doubt`: why it is uncertain who wrote the message, because of a limit; None if it is not. The border host verified
    the whole header, and may vouch for the lowest From (RFC 6376, 5.4.2), which may be a field that was not read here.
    """

    fields: tuple[Field, ...]
    body: int
    defects: tuple[Defect, ...]
    doubt: Reason | None = None


def line_ends(tape: Tape, limits: Limits) -> LineEnds:
    """How the lines of this message end, judged by the first one."""
    tape.ensure(0, limits.head)
    first = tape.window.find(b"\r", 0, limits.head)
    if first < 0 or tape.window[first : first + 2] == b"\r\n":
        return LF
    line_feed = tape.window.find(b"\n", 0, limits.head)
    return CR if line_feed < 0 or (first < line_feed and CR.field.match(tape.window, first + 1, limits.head)) else LF


def preamble(tape: Tape, ends: LineEnds) -> int:
    """Where the first field begins: after blank lines and the `From ` line of an mbox, if a field follows."""
    match = ends.mbox.match(tape.window)
    return match.end() if match else 0


@dataclass(frozen=True, slots=True)
class Cut:
    """The fields at the beginning of some bytes, the index after them, and whether the limit cut them off.

    `doubt`: as in `Block`, but only about fields that are too long.
    """

    fields: tuple[Field, ...]
    behind: int
    full: bool
    defects: tuple[Defect, ...]
    doubt: Reason | None


def cut(window: bytes, start: int, limits: Limits, ends: LineEnds = LF) -> Cut:
    """The fields in `window` from the index `start` on, up to the first line that is not a field."""
    position, kept = start, 0
    fields: list[Field] = []
    found: list[Defect] = []
    doubt = None
    while kept <= limits.head and (
        match := ends.field.match(window, position) or _junk(window, position, fields, ends)
    ):
        position = match.end()
        if match.re is ends.junk:
            kept += len(match[0])
            found.append(_JUNK)
            continue
        name, value = match[1][: limits.field].decode("ascii"), match[2]
        if len(value) > limits.field:
            value = value[: limits.field]
            found.append(Defect.of(defects.LONG_FIELD(field=name[:40], limit=limits.field)))
            doubt = defects.AUTHOR_CUT() if name.lower() in _TELLING else doubt
        fields.append((name, value))
        kept += len(name) + len(value) + 2
    return Cut(tuple(fields), position, kept > limits.head, tuple(found), doubt)


def _junk(window: bytes, position: int, fields: list[Field], ends: LineEnds) -> re.Match[bytes] | None:
    """Match junk that a broken gateway left between two fields, such as a fold without its blank."""
    return ends.junk.match(window, position) if fields else None


def read(tape: Tape, start: int, limits: Limits, ends: LineEnds) -> Block:
    """The header block that begins at `start`; the body begins at the first line that is not a field."""
    tape.ensure(start, WINDOW * limits.head)
    found = cut(tape.window, start - tape.base, limits, ends)
    position, noticed = tape.base + found.behind, found.defects
    at_end = position >= tape.end
    if found.full or (at_end and tape.end < tape.raw.length):
        noticed = (*noticed, Defect.of(defects.LONG_HEAD(limit=limits.head)))
        return Block(found.fields, _behind(tape, position, ends), noticed, defects.AUTHOR_CUT())
    blank = ends.blank.match(tape.window, found.behind)
    if blank:
        position = tape.base + blank.end()
    elif not at_end:
        noticed = (*noticed, Defect.of(defects.NO_BLANK_LINE()))
    return Block(found.fields, position, noticed, found.doubt)


def doubt(tape: Tape, start: int, head: Block, ends: LineEnds) -> Reason | None:
    """Why it is uncertain from the header block just read at `start` who wrote the message; None if it is certain.

    Some software ends lines in other ways, or drops bytes; some reads a header up to the first blank line, whatever
    stands before that. So a line that such software may take for a From field, and that is none here, raises a doubt.
    """
    if head.doubt:
        return head.doubt
    window, stop = tape.window, head.body - tape.base
    if any(defect.slug == defects.NO_BLANK_LINE.slug for defect in head.defects):
        blank = ends.blank_after.search(window, stop)
        if blank is None and tape.end < tape.raw.length:
            return defects.AUTHOR_CUT()
        stop = blank.start() if blank else len(window)
    lines = window[start - tape.base : stop].translate(_ENDS, _DROPPED)
    read_here = sum(name.lower() == "from" for name, _ in head.fields)
    return defects.AUTHOR_HIDDEN() if len(_FROM.findall(lines)) > read_here else None


def ending(beginning: bytes, limits: Limits = LIMITS) -> int | None:
    """Where the header of a message ends, behind its blank line; None if `beginning` does not show that.

    What is before it is read in the same way whatever follows: the way its lines end is certain, and its first field
    has been found.
    """
    tape = Tape(InMemory.of(beginning))
    ends = line_ends(tape, limits)
    if ends is CR and not CR.field.match(beginning, beginning.find(b"\r") + 1):
        return None  # a line feed in the body would count
    begins = ends.mbox.match(beginning)
    blank = ends.blank_after.search(beginning, begins.end()) if begins else None
    return blank.end() if blank else None


def _behind(tape: Tape, position: int, ends: LineEnds) -> int:
    """Where the body begins after a header block that is too long."""
    match = tape.search(ends.blank_after, max(tape.base, position - 1), 3)
    return tape.base + match.end() if match else tape.end
