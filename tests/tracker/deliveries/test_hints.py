"""Which message a row is about whose bytes nobody has read, by what listings tell: rows and messages alone."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from trac_mailintake.intake.model import Account, Listed
from trac_mailintake.tracker.db.transaction import SECOND
from trac_mailintake.tracker.deliveries.hints import is_without_bytes, moved, perhaps_from_before, unread
from trac_mailintake.tracker.deliveries.rows import Row, live_key, passed_key
from trac_mailintake.tracker.lifecycle.states import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ACCOUNT: Final = Account("imap", "imap://ann@mail.example.org/INBOX")
FIRST: Final = datetime(2026, 11, 30, 10, tzinfo=UTC)


def listed(epoch: int, uid: int, size: int = 100, minute: int | None = 0) -> Listed:
    """A message; `minute`: when it arrived, None if that is not told."""
    arrived = None if minute is None else FIRST + timedelta(minutes=minute)
    when = arrived.strftime("%Y-%m-%dT%H:%M:%SZ") if arrived else "-"
    return Listed(f"{epoch}/{uid}", f"{epoch}/{uid} {size} {when}", size, arrived, epoch=str(epoch))


def row(number: int, message: Listed, state: State = State.DEFERRED, **more: Any) -> Row:  # noqa: ANN401 - columns
    """The row of a message; with `rule="start"` that of one that `service` passes over."""
    empty: dict[str, object] = dict.fromkeys(Row._fields, 0) | dict.fromkeys(("sha256", "archive", "owner", "rule"))
    known = {"id": number, "service": "support", "fingerprint": message.fingerprint, "size": message.size}
    made = Row(**{**empty, **known, "state": state, **more})
    live = passed_key(ACCOUNT, message, made.service) if made.rule == "start" else live_key(ACCOUNT, message)
    return made._replace(live=live)


@dataclass(frozen=True)
class View:
    """A listing as the service `support` sees it, beside `sales`."""

    messages: Sequence[Listed]

    @property
    def keys(self) -> Mapping[str, Listed]:
        """See `hints.Listing`."""
        return {live_key(ACCOUNT, each): each for each in self.messages}

    @property
    def passed(self) -> Mapping[str, str]:
        """See `hints.Listing`."""
        return {live_key(ACCOUNT, each): passed_key(ACCOUNT, each, "support") for each in self.messages}

    @property
    def named(self) -> Mapping[str, Listed]:
        """See `hints.Listing`."""
        keys = ((passed_key(ACCOUNT, each, name), each) for name in ("support", "sales") for each in self.messages)
        return {**self.keys, **dict(keys)}


def found(messages: Sequence[Listed], *rows: Row) -> dict[int, str]:
    """The new locators of rows, by number."""
    return {each.id: where.locator for each, where in moved(ACCOUNT, View(messages), rows)}


START: Final[dict[str, Any]] = {"state": State.IGNORED, "rule": "start", "recorded": 1}


@pytest.mark.parametrize(
    ("more", "follows"),
    [
        ({}, True),
        ({"state": State.HELD, "rule": "unreadable"}, True),
        ({"state": State.HELD, "rule": "too-large"}, True),
        (START, True),
        ({"state": State.HELD, "archive": "batch", "sha256": "x"}, False),
        ({"state": State.CLAIMED}, False),
        ({"state": State.FREE}, False),
        ({"state": State.IGNORED, "rule": "vanished"}, False),
    ],
)
def test_a_row_without_bytes_follows_its_mail(more: dict[str, Any], follows: bool) -> None:  # noqa: FBT001 - a case
    """By size and date; not one that somebody may have in hand, or that was read."""
    assert found([listed(8, 3), listed(8, 4, 101)], row(1, listed(7, 5), **more)) == ({1: "8/3"} if follows else {})


def test_what_is_told_of_no_other_or_of_nothing_is_not_followed() -> None:
    """Another size, another date, or none."""
    before = [row(1, listed(7, 1)), row(2, listed(7, 2, minute=None))]
    assert found([listed(8, 1, 101), listed(8, 2, minute=1), listed(8, 3, minute=None)], *before) == {}


def test_mail_that_was_read_is_told_by_its_content_first() -> None:
    """A message that may be either is left to that; what is still listed has nothing to do with it."""
    mine, read = row(1, listed(7, 1)), row(2, listed(7, 2), State.CREATED, sha256="x")
    assert found([listed(8, 1), listed(8, 2)], mine, read) == {}
    there = row(2, listed(8, 1), State.CREATED, sha256="x")
    assert found([listed(8, 1), listed(8, 2)], mine, there) == {1: "8/2"}


def test_each_service_passes_over_its_own() -> None:
    """And a mail that another service has filed is passed over all the same."""
    before = [row(1, listed(7, 1), **START), row(2, listed(7, 1), **{**START, "service": "sales"})]
    filed = row(3, listed(8, 4), State.CREATED, sha256="x")
    assert found([listed(8, 4)], *before, filed) == {1: "8/4", 2: "8/4"}


@pytest.mark.parametrize("seed", range(40))
def test_alike_mails_are_followed_one_by_one(seed: int) -> None:
    """Generated mailboxes, with few sizes and dates: no message is meant twice, and none is missed that is meant."""
    chance = random.Random(seed)  # noqa: S311 - test data, not secrets
    looks = [(chance.choice((100, 200)), chance.choice((0, 1, None))) for _ in range(12)]
    kinds: list[dict[str, Any]] = [START, {}, {"state": State.HELD, "rule": "unreadable"}]
    rows = [row(number, listed(7, number, *look), **chance.choice(kinds)) for number, look in enumerate(looks)]
    there = chance.sample(looks, 9)
    messages = [listed(8, number, *look) for number, look in enumerate(there)]
    pairs = list(moved(ACCOUNT, View(messages), rows))
    assert len({where.live for _, where in pairs}) == len({each.id for each, _ in pairs}) == len(pairs)
    for each, where in pairs:
        assert each.fingerprint.split(" ")[1:] == where.fingerprint.split(" ")[1:]
    for kind in (True, False):
        meant = Counter(looks[each.id] for each in rows if (each.rule == "start") is kind)
        told = Counter(look for look in there if look[1] is not None)
        assert sum((each.rule == "start") is kind for each, _ in pairs) == (meant & told).total()


def test_which_mail_may_be_from_before_the_start() -> None:
    """None if all old mail was found; only of about its size, and not later, if the server kept the dates."""
    began = int((FIRST + timedelta(hours=1)).timestamp()) * SECOND
    start = {**START, "recorded": began}
    new, early, large = listed(8, 3, 150, 90), listed(8, 4, 150, 30), listed(8, 5, 9000, 30)
    view, gone, kept = (
        View([listed(8, 1), new, early, large]),
        row(1, listed(7, 9, 120), **start),
        row(2, listed(8, 1), **start),
    )

    def perhaps(*rows: Row) -> list[Listed]:
        return perhaps_from_before("support", view, rows)

    assert perhaps(kept) == []
    assert perhaps(gone, kept) == [early]
    assert perhaps(gone) == [listed(8, 1), new, early]
    assert perhaps_from_before("sales", view, [gone, kept]) == []
    assert perhaps(gone, kept, row(3, early, State.CREATED)) == []


def test_mail_that_came_after_the_first_was_held_is_new() -> None:
    """Whatever dates the server told of old mail: otherwise new mail was held for as long as others are in doubt."""
    seen = int((FIRST + timedelta(hours=1)).timestamp()) * SECOND
    gone = row(1, listed(7, 9, 120), **START)
    early, late = listed(8, 3, 150, 30), listed(8, 4, 150, 90)
    view = View([listed(8, 1), early, late])
    held: dict[str, Any] = {"state": State.HELD, "rule": "start-unsure"}
    first, other = row(2, listed(8, 1), **held, recorded=seen), row(3, listed(7, 1), **held, recorded=1)
    assert perhaps_from_before("support", view, [gone]) == [listed(8, 1), early, late]
    assert perhaps_from_before("support", view, [gone, other]) == [listed(8, 1), early, late]
    assert perhaps_from_before("support", view, [gone, first]) == [early]


def test_what_is_held_without_its_bytes() -> None:
    """And listed no more."""
    held = row(1, listed(7, 1), State.HELD)
    assert is_without_bytes(held)
    assert not is_without_bytes(held._replace(archive="batch"))
    assert not is_without_bytes(held._replace(state=State.DEFERRED))
    assert unread(View([listed(7, 1)]), [held]) == []
    assert unread(View([listed(8, 1)]), [held]) == [held]
