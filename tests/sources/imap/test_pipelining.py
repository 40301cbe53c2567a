"""IMAP on a long line: what is asked for before it is needed, and what is told without waiting for the answer."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

import pytest

from tests.servers.delayproxy import Break, Fault
from tests.sources.bent import Bend, BentServer
from tests.sources.contract import TARGET, mail, plain, read
from tests.sources.imap_place import ImapPlace
from tests.waiting import hang_guard, until
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.ports import Foreseeing
from trac_mailintake.intake.times import Seconds
from trac_mailintake.sources.imap.pipelining import SLICE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.servers.delayproxy import DelayProxy
    from tests.servers.dovecot import Dovecot
    from trac_mailintake.intake.model import Listed
    from trac_mailintake.intake.ports import Source

LARGE = 5_000_000
"""Bytes that are read in slices."""


def distant(place: ImapPlace, proxy: DelayProxy, *, afterwards: str = "delete", round_trip: float = 0.0) -> Source:
    """A source at the other end of the proxy."""
    proxy.round_trip = round_trip
    place.server = dataclasses.replace(place.server, port=proxy.port, timeout=Seconds(2))
    return place.source(afterwards)


def announce(source: Source, coming: Sequence[Listed]) -> None:
    """As a round does."""
    assert isinstance(source, Foreseeing)
    source.ahead(coming)


def asked(place: ImapPlace) -> int:
    """How many FETCH commands for bodies were sent."""
    return sum(" UID FETCH " in line and "BODY.PEEK" in line for line in place.trace)


def test_what_is_announced_travels_meanwhile(place: ImapPlace, proxy: DelayProxy) -> None:
    """When it is needed it is there, and nobody waits for the line."""
    mails = [mail(number) for number in range(100)]
    place.deliver(*mails)
    source = distant(place, proxy, round_trip=0.6)
    listed = source.list()
    assert read(source, list(listed[:50])) == mails[:50]
    turns = proxy.traffic.turns
    announce(source, listed[50:])
    until(lambda: proxy.traffic.turns > turns)
    turns = proxy.traffic.turns
    assert read(source, list(listed[50:])) == mails[50:]
    assert proxy.traffic.turns == turns
    source.close()


def test_what_is_announced_may_be_large(place: ImapPlace) -> None:
    """More of it than is asked for at once, in slices and whole, comes complete and in order."""
    mails = [mail(1), mail(2, size=LARGE), mail(3), mail(4, size=LARGE), mail(5, size=LARGE), mail(6)]
    place.deliver(*mails)
    source = place.source("leave")
    listed = source.list()
    assert read(source, list(listed[:1])) == mails[:1]
    announce(source, listed[1:])
    assert read(source, list(listed[1:])) == mails[1:]
    source.close()


def test_only_what_is_fetched_comes_whatever_was_announced(place: ImapPlace) -> None:
    """Others may have taken some of it; then nothing more is asked for ahead in this session."""
    mails = [mail(number, size=LARGE if number in (0, 12) else 0) for number in range(40)]
    place.deliver(*mails)
    source = place.source("leave")
    listed = source.list()
    assert read(source, [listed[0]]) == [mails[0]]
    announce(source, listed[10:20])
    assert read(source, [listed[2], *listed[25:35]]) == [mails[2], *mails[25:35]]
    before = asked(place)
    announce(source, listed[35:])
    assert asked(place) == before
    assert read(source, list(listed[35:])) == mails[35:]
    source.close()


def test_some_of_what_was_announced_may_be_left_out(place: ImapPlace) -> None:
    """What comes anyway is thrown away, and the next is asked for ahead again."""
    mails = [mail(number) for number in range(30)]
    place.deliver(*mails)
    source = place.source("leave")
    listed = list(source.list())
    read(source, listed[:1])
    announce(source, listed[1:11])
    assert read(source, [listed[20], *listed[3:11]]) == [mails[20], *mails[3:11]]
    before = asked(place)
    announce(source, listed[11:20])
    assert asked(place) == before + 1
    assert read(source, listed[11:20]) == mails[11:20]
    source.close()


@pytest.mark.parametrize("afterwards", ["delete", f"move:{TARGET}", "seen"])
def test_mail_is_disposed_of_while_other_mail_is_under_way(place: ImapPlace, afterwards: str) -> None:
    """Commands and answers mingle on the line; each mail has its own."""
    mails = [mail(number, size=200_000) for number in range(30)]
    place.deliver(*mails)
    source = place.source(afterwards)
    listed = list(source.list())
    for start in range(0, 30, 10):
        assert read(source, listed[start : start + 10]) == mails[start : start + 10]
        announce(source, listed[start + 10 : start + 20])
        replies = source.dispose([(each, "") for each in listed[start : start + 10]])
        assert len(replies) == 10
    source.settle()
    source.close()
    if afterwards == "seen":
        assert [plain(content) for content in place.seen()] == mails
    else:
        assert place.there() == []
    if afterwards.startswith("move"):
        assert sorted(place.moved()) == sorted(mails)


def test_moving_by_copies_mingles_with_nothing(copying: Dovecot) -> None:
    """A server without MOVE, where the other folder is looked into: what was under way is read before, and kept."""
    place = ImapPlace(copying)
    mails = [mail(number) for number in range(30)]
    place.deliver(*mails)
    source = place.source(f"move:{TARGET}")
    listed = list(source.list())
    for start in range(0, 30, 10):
        assert read(source, listed[start : start + 10]) == mails[start : start + 10]
        announce(source, listed[start + 10 : start + 20])
        source.dispose([(each, "") for each in listed[start : start + 10]])
    source.settle()
    source.close()
    assert place.there() == []
    assert sorted(place.moved()) == sorted(mails)


@pytest.mark.parametrize(("how", "told"), [(Break.CUT, "dropped the line"), (Break.SILENT, "no answer within 2 s")])
@pytest.mark.parametrize("octets", [60_000, 300_000])
def test_a_line_that_breaks_under_what_was_announced_is_told(
    place: ImapPlace, proxy: DelayProxy, how: Break, told: str, octets: int
) -> None:
    """When it is fetched, in time; what was read before can still be disposed of, and the rest is read later."""
    mails = [mail(number, size=40_000) for number in range(20)]
    place.deliver(*mails)
    proxy.reset(Fault(how, octets=10 * 40_000 + octets))
    source = distant(place, proxy)
    listed = list(source.list())
    assert read(source, listed[:10]) == mails[:10]
    with hang_guard(30), pytest.raises(SourceError, match=told):  # noqa: PT012 - it may break over either
        announce(source, listed[10:])
        read(source, listed[10:])
    proxy.reset()
    source.dispose([(each, "") for each in listed[:10]])
    source.settle()
    source.close()
    assert place.there() == mails[10:]


@pytest.mark.parametrize("answers", range(4, 10))
def test_a_disposal_of_which_nothing_was_heard_is_not_settled(
    place: ImapPlace, proxy: DelayProxy, answers: int
) -> None:
    """Whatever the server did of it: until it said so, `settle` says no; and it can be done again."""
    place.deliver(mail(1), mail(2), mail(3))
    source = distant(place, proxy)
    listed = list(source.list())
    read(source, listed)
    source.close()
    proxy.reset(Fault(Break.CUT, answers=answers))
    source = distant(place, proxy)
    settled = False
    with contextlib.suppress(SourceError):
        read(source, listed[:2])
        source.dispose([(each, "") for each in listed[:2]])
        source.settle()
        settled = True
    with contextlib.suppress(SourceError):
        if not settled:
            source.settle()
            settled = True
    source.close()
    if settled:
        assert place.there() == [mail(3)]
    proxy.reset()
    source = distant(place, proxy)
    source.dispose([(each, "") for each in listed[:2]])
    source.settle()
    source.close()
    assert place.there() == [mail(3)]


@pytest.mark.parametrize("told", [10, 5_000_000])
def test_a_size_that_is_told_wrongly_spoils_nothing(place: ImapPlace, told: int) -> None:
    """Too small or too large: the mail has the bytes that came, and nothing is asked for that cannot be."""
    with BentServer([b"Subject: a\r\n\r\nAll there."], Bend(told=lambda _: told)) as odd:
        place.server = dataclasses.replace(place.server, port=odd.port)
        source = place.source("leave")
        listed = list(source.list())
        for _ in range(2):
            announce(source, listed)
            assert read(source, listed) == [b"Subject: a\n\nAll there."]
        source.close()


def test_what_was_read_can_be_read_again(place: ImapPlace) -> None:
    """In the same session, large and small: an answer that came early is not taken for one that is still to come."""
    place.deliver(mail(1), mail(2), mail(3, size=3 * SLICE), mail(4))
    source = place.source("leave")
    listing = list(source.list())
    whole = [mail(1), mail(2), mail(3, size=3 * SLICE), mail(4)]
    for wanted in (listing, listing, listing[1:], listing):
        assert read(source, wanted) == whole[-len(wanted) :]
    source.close()
