"""fetch: parses FETCH responses (RFC 3501, 7.4.2) from imaplib's results."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from trac_mailintake.sources.net.quota import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FLAGS = re.compile(rb"\bFLAGS \(([^()]*)\)")
_UID = re.compile(rb"\bUID (\d{1,10})")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,18})")
_ARRIVED = re.compile(
    rb'\bINTERNALDATE "[ ]?(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})"'
)
# RFC 3501 wants the octet where a part begins, `<0>`; some servers (hoodiecrow, Twisted) add its length, `<0.2048>`.
_BODY = rb"\bBODY\[([^\[\]]{0,200})\](?:<(\d{1,10})(?:\.\d{1,10})?>)? "
_LITERAL_BODY = re.compile(_BODY + rb"\{\d{1,10}\}\Z")
_QUOTED_BODY = re.compile(_BODY + rb'(?:(NIL)|"((?:[^"\\]|\\.)*)")')
_VALUE = rb'(?:\d+|NIL|\{\d+\}|"(?:[^"\\]|\\.)*"|\((?:[^()"]|"(?:[^"\\]|\\.)*"|\([^()]*\))*\))'
_AFTER = re.compile(rb"(?: +[A-Z][A-Z0-9._-]*(?:\[[^\[\]]*\](?:<[\d.]+>)?)? +" + _VALUE + rb")* *\)\s*", re.IGNORECASE)
"""What may follow a literal to the end of its response: more items, each with its value."""
_ESCAPE = re.compile(rb"\\(.)")
_MONTHS: Final = (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec")


class PassedOver(bytes):
    """Placeholder of a literal that was too large to hold, and was discarded."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """One FETCH response; missing items are None.

    `arrived`: INTERNALDATE in UTC. `flags`: in lower case. `offset`: where a partial body begins. `section`: the bytes
    of a section, such as the header. `passed_over`: there was a body, but it was not held, or its length was wrong.
    """

    uid: int | None
    size: int | None
    arrived: datetime | None
    flags: frozenset[bytes]
    body: bytes | None
    offset: int | None = None
    passed_over: bool = False
    section: bytes | None = None

    def fingerprint(self, uidvalidity: int) -> str:
        """The fingerprint of a message: its locator, size and INTERNALDATE."""
        arrived = self.arrived.strftime("%Y-%m-%dT%H:%M:%SZ") if self.arrived else "-"
        return f"{uidvalidity}/{self.uid} {self.size} {arrived}"


def parse(came: Iterable[object]) -> Iterator[Fetched]:
    """The responses in imaplib's result: a pair for each literal, and a bytes object that ends each response."""
    response = _Response()
    for piece in came:
        if isinstance(piece, tuple):
            response.add(*piece)
        elif isinstance(piece, bytes):
            yield response.fetched(piece)
            response = _Response()


class _Response:
    """A response being parsed."""

    def __init__(self) -> None:
        self._text = b""
        self._body: bytes | None = None
        self._section: bytes | None = None
        self._offset: bytes | None = None
        self._begins = 0

    def add(self, head: bytes, literal: bytes) -> None:
        """Add some text, and the literal after it."""
        self._text += head
        found = _LITERAL_BODY.search(head)
        if found and found.group(1):
            self._section = literal
        elif found:
            # A second one belongs to another response: the end of this one was taken for its literal.
            self._body = literal if self._body is None else PassedOver()
            self._offset, self._begins = found.group(2), len(self._text)

    def fetched(self, end: bytes) -> Fetched:
        """The parsed response. If the text after a literal does not fit, its length was wrong: it is not a mail."""
        text = self._text + end
        if self._body is not None and not ends(text[self._begins :]):
            self._body = PassedOver()
        return _fetched(text, self._body, self._offset, self._section)


def ends(text: bytes) -> bool:
    """Whether this text may follow a literal up to the end of its response (RFC 3501, 9: msg-att)."""
    return _AFTER.fullmatch(text) is not None


def merged(came: Iterable[Fetched]) -> dict[int, Fetched]:
    """The responses merged by UID: a message may have several, each with some of the items (RFC 3501, 7.4.2).

    Later items replace earlier ones; flags add up.
    """
    known: dict[int, Fetched] = {}
    for each in came:
        if each.uid is not None:
            before = known.get(each.uid)
            known[each.uid] = each if before is None else _joined(before, each)
    return known


def _joined(before: Fetched, after: Fetched) -> Fetched:
    return replace(
        before,
        size=before.size if after.size is None else after.size,
        arrived=before.arrived if after.arrived is None else after.arrived,
        flags=before.flags | after.flags,
        body=before.body if after.body is None else after.body,
        section=before.section if after.section is None else after.section,
    )


def is_body(text: bytes) -> bool:
    """Whether a literal after this text is a whole body, not a part or a section of one."""
    found = _LITERAL_BODY.search(text)
    return found is not None and not found.group(1) and found.group(2) is None


def _fetched(text: bytes, body: bytes | None, offset: bytes | None, section: bytes | None) -> Fetched:
    # The sender's text and keywords, which may look like items, are removed before items are searched.
    quoted = _QUOTED_BODY.search(text)
    if quoted is not None:
        # NIL is not an empty mail but none: somebody else expunged it, and the server may make up size and date, too
        # (RFC 2180, 4.1.3). An empty slice may also be NIL.
        nothing = None if quoted.group(2) is None else b""
        said = nothing if quoted.group(3) else _ESCAPE.sub(rb"\1", quoted.group(4))
        if quoted.group(1):
            section = said
        else:
            body, offset = said, quoted.group(2)
        text = text[: quoted.start()] + text[quoted.end() :]
    flags = _FLAGS.search(text)
    if flags is not None:
        text = text[: flags.start()] + text[flags.end() :]
    size = _number(_SIZE, text)
    passed_over = isinstance(body, PassedOver)
    return Fetched(
        uid=_number(_UID, text),
        size=None if size is None else min(size, LARGEST),
        arrived=_arrived(text),
        flags=frozenset(flags.group(1).lower().split()) if flags else frozenset(),
        body=None if passed_over else body,
        offset=None if offset is None else int(offset),
        passed_over=passed_over,
        section=section,
    )


def _number(pattern: re.Pattern[bytes], text: bytes) -> int | None:
    found = pattern.search(text)
    return int(found.group(1)) if found else None


def _arrived(text: bytes) -> datetime | None:
    found = _ARRIVED.search(text)
    if found is None:
        return None
    day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    try:
        zone = timezone(-offset if sign == b"-" else offset)
        number = _MONTHS.index(month.lower()) + 1
        return datetime(int(year), number, int(day), int(hour), int(minute), int(second), tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None  # an invalid date: the fingerprint has one item less
