"""record: which listed message a row is about whose bytes nobody has read, after its server numbered all mail anew.

There is no digest by which it could be compared: the mail was there before the service's start (`start=now`), is held
without its bytes, or did not come yet. Its listing told its size, and the second in which it arrived. A message that
has both, where no other message of the mailbox may be meant, is taken for this mail. If that were wrong, no mail would
be lost: a row that is to be fetched gets the bytes of the message at its locator, whatever it was before, and mail that
arrived in the same second as mail from before the start is from before the start.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from itertools import repeat
from typing import TYPE_CHECKING, Final, Protocol

from trac_mailintake.intake import reasons
from trac_mailintake.tracker.db.transaction import SECOND
from trac_mailintake.tracker.deliveries.rows import live_key, passed_key
from trac_mailintake.tracker.lifecycle.states import State
from trac_mailintake.tracker.lifecycle.transitions import Whereabouts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from trac_mailintake.intake.model import Account, Listed
    from trac_mailintake.tracker.deliveries.rows import Row

WRITTEN: Final = 4096
"""Bytes by which the fields that servers write may change the size of a mail."""


class Listing(Protocol):
    """A listing as a service sees it: see `mailbox`."""

    @property
    def keys(self) -> Mapping[str, Listed]:
        """The messages by live key."""

    @property
    def named(self) -> Mapping[str, Listed]:
        """The messages by every live key that a row of them may have."""

    @property
    def passed(self) -> Mapping[str, str]:
        """By live key, the key of the row by which this service passed the message over."""


def is_from_before(row: Row) -> bool:
    """Whether the row says that its mail was there before its service's start."""
    return row.state is State.IGNORED and row.rule == reasons.START.slug


def is_without_bytes(row: Row) -> bool:
    """Whether the row's mail is held, and lies only in its mailbox."""
    return row.state is State.HELD and not row.archive


def unread(view: Listing, rows: Iterable[Row]) -> list[Row]:
    """The rows that are not listed, and of which only hints are known."""
    return [row for row in rows if row.live not in view.named and _is_unread(row)]


def moved(account: Account, view: Listing, rows: Sequence[Row]) -> Iterator[tuple[Row, Whereabouts]]:
    """The rows whose messages are listed elsewhere now, and where."""
    lives, alike = {row.live for row in rows}, _alike(view)
    read = {_hint(row.fingerprint) for row in rows if row.sha256 and row.live not in view.named}
    for (passing, hint), some in _lost(view, rows).items():
        if passing or hint not in read:  # otherwise the one that was read is found by its content first
            there = map(_whereabouts, repeat(account), alike.get(hint, ()), repeat(passing))
            yield from zip(some, (each for each in there if each.live not in lives), strict=False)


def new_in(view: Listing, known: Collection[str]) -> dict[str, Listed]:
    """The listed messages that none of these live keys is about, by their own."""
    return {live: each for live, each in view.keys.items() if live not in known and view.passed.get(live) not in known}


def _alike(view: Listing) -> Mapping[str, Sequence[Listed]]:
    """The listed messages by their hints."""
    alike = defaultdict[str, list["Listed"]](list)
    for each in view.keys.values():
        if each.size and each.arrived:
            alike[_hint(each.fingerprint)].append(each)
    return alike


def _lost(view: Listing, rows: Iterable[Row]) -> Mapping[tuple[str, str], Sequence[Row]]:
    """The rows by the service that passes their mail over, "" if it is to be fetched, and by their hints."""
    lost = defaultdict[tuple[str, str], list["Row"]](list)
    for row in unread(view, rows):
        lost[row.service if is_from_before(row) else "", _hint(row.fingerprint)].append(row)
    return lost


def perhaps_from_before(service: str, view: Listing, rows: Sequence[Row]) -> list[Listed]:
    """The listed messages without a row that may have been there before the start, though their hints are others.

    If the server kept the times of arrival, as others show, later mail is new. So is mail of quite another size, and
    mail that came after the first of such messages was held: the server has numbered it in the present epoch only.
    """
    mine = [row for row in rows if row.service == service and is_from_before(row)]
    lost = unread(view, mine)
    if not lost:
        return []
    until = _begun(lost) if len(lost) < len(mine) else _first_held(view, rows)
    new = new_in(view, {row.live for row in rows}).values()
    return [each for each in new if _is_like_any(each, lost) and not _is_later(each, until)]


def _first_held(view: Listing, rows: Iterable[Row]) -> datetime | None:
    """When the first listed message that may be from before the start was held; None if none is."""
    held = [row for row in rows if row.rule == reasons.START_UNSURE.slug and row.live in view.named]
    return _begun(held) if held else None


def _begun(rows: Iterable[Row]) -> datetime:
    return datetime.fromtimestamp(min(row.recorded for row in rows) / SECOND, UTC)


def _is_later(listed: Listed, until: datetime | None) -> bool:
    return until is not None and listed.arrived is not None and listed.arrived > until


def _is_like_any(listed: Listed, rows: Iterable[Row]) -> bool:
    """Whether a message has about the size of one of the rows."""
    return listed.size is None or any(abs(listed.size - (row.size or 0)) <= WRITTEN for row in rows)


def _is_unread(row: Row) -> bool:
    return not row.sha256 and (row.state is State.DEFERRED or is_from_before(row) or is_without_bytes(row))


def _hint(fingerprint: str) -> str:
    """What a fingerprint says besides the locator: size and time of arrival."""
    return fingerprint.partition(" ")[2]


def _whereabouts(account: Account, listed: Listed, passing: str) -> Whereabouts:
    """Where a message is listed; `passing`: the service that passes it over, "" if it is to be fetched."""
    live = passed_key(account, listed, passing) if passing else live_key(account, listed)
    return Whereabouts(live, listed.locator, listed.fingerprint, listed.size or 0)
