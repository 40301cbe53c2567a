"""POP3, against Dovecot."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import socket
from typing import TYPE_CHECKING, ClassVar

import pytest

from tests.servers.delayproxy import Break, Fault
from tests.sources import scripted
from tests.sources.contract import SourceContract, mail, read, take
from tests.sources.pop3_place import Pop3Place, failing
from tests.waiting import hang_guard
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import Answer
from trac_mailintake.intake.times import Seconds
from trac_mailintake.sources import pop3
from trac_mailintake.sources.pop3.mailbox import Pop3Source

if TYPE_CHECKING:
    from tests.servers.delayproxy import DelayProxy
    from tests.servers.dovecot import Dovecot
    from trac_mailintake.hookspecs import SourceKind


class TestPlain(SourceContract):
    """The contract, without encryption."""

    kind: ClassVar[SourceKind] = pop3.KIND

    @pytest.fixture
    def place(self, dovecot: Dovecot) -> Pop3Place:
        """As the server is."""
        return Pop3Place(dovecot)


class TestTls(SourceContract):
    """The contract, encrypted from the start."""

    kind: ClassVar[SourceKind] = pop3.KIND

    @pytest.fixture
    def place(self, dovecot: Dovecot) -> Pop3Place:
        """The authority that signed the certificate is trusted."""
        return Pop3Place(dovecot, security="tls")


class TestStls(SourceContract):
    """The contract, encrypted by STLS."""

    kind: ClassVar[SourceKind] = pop3.KIND

    @pytest.fixture
    def place(self, dovecot: Dovecot) -> Pop3Place:
        """The same port as without."""
        return Pop3Place(dovecot, security="starttls")


def test_nothing_is_deleted_before_it_is_settled(place: Pop3Place) -> None:
    """Whoever closes without settling has deleted nothing; QUIT is what counts."""
    place.deliver(mail(1), mail(2))
    source = place.source("delete")
    source.dispose(take(source))
    source.close()
    assert place.there() == [mail(1), mail(2)]
    source.dispose(take(source)[:1])
    source.settle()
    assert place.there() == [mail(2)]
    assert read(source, list(source.list())) == [mail(2)]
    source.close()


def test_after_a_restart_a_message_is_read_again_before_it_is_deleted(place: Pop3Place) -> None:
    """It is what the archive holds, so it goes."""
    place.deliver(mail(1), mail(2))
    first = place.source("delete")
    done = take(first)
    first.close()
    second = place.source("delete")
    assert [reply.answer for reply in second.dispose(done)] == [Answer.COMPLETED] * 2
    second.settle()
    assert place.there() == []


def test_another_message_under_the_same_uidl_is_not_deleted(place: Pop3Place) -> None:
    """Same UIDL, same size, other bytes: servers reuse UIDLs."""
    place.deliver(mail(1), mail(2))
    first = place.source("delete")
    done = take(first)
    first.close()
    path = place.dovecot.stored(place.user)[0].path
    path.write_bytes(mail(1).replace(b"Text 1", b"Text 9"))
    second = place.source("delete")
    replies = second.dispose(done)
    second.settle()
    assert [reply.answer for reply in replies] == [Answer.PERMANENT, Answer.COMPLETED]
    assert "gave its UIDL to another message" in replies[0].reason
    assert place.there() == [mail(1).replace(b"Text 1", b"Text 9")]


def test_copies_that_share_a_uidl_are_one_message(place: Pop3Place) -> None:
    """RFC 1939, 7, allows it; all copies are deleted together, and what only shares the name is another message."""
    mails = {"same#1": b"A: b\r\n", "other": b"C: d\r\n", "same#2": b"A: b\r\n", "same#3": b"A: x\r\n"}
    with scripted.pop3(mails) as odd:
        place.server = dataclasses.replace(place.server, port=odd.port)
        source = place.source("delete")
        done = take(source)
        assert [listed.locator.partition(" ")[0] for listed, _ in done] == ["same", "other", "same"]
        assert [reply.answer for reply in source.dispose(done[:2])] == [Answer.COMPLETED] * 2
        source.settle()
    assert mails == {"same#3": b"A: x\r\n"}


def test_a_round_trip_is_shared_by_many_mails(place: Pop3Place, proxy: DelayProxy) -> None:
    """Where the server pipelines, as it says."""
    place.deliver(*map(mail, range(200)))
    place.server = dataclasses.replace(place.server, port=proxy.port)
    source = place.source("delete")
    listed = list(source.list())
    begun = proxy.traffic.turns
    done = [(each, hashlib.sha256(b"".join(chunks)).hexdigest()) for each, chunks in source.fetch(listed)]
    source.dispose(done)
    source.settle()
    assert proxy.traffic.turns - begun <= 12
    assert place.there() == []


# What goes wrong


def test_a_server_without_uidl_is_refused(place: Pop3Place) -> None:
    """What was filed could not be told from what is new."""
    with scripted.pop3({"a": b"A: b\r\n"}, without=(b"UIDL",)) as old:
        assert "knows no UIDL" in failing(place, port=old.port)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (Break.SILENT, "no answer within 1 s"),
        (Break.CUT, "dropped the line"),
        (Break.NONSENSE, "POP3|dropped the line"),
    ],
)
@pytest.mark.parametrize("octets", [0, 10, 1500, 60_000])
def test_a_line_that_breaks_is_told_in_time(
    place: Pop3Place, proxy: DelayProxy, how: Break, told: str, octets: int
) -> None:
    """In the greeting, in the listing, in the middle of a mail; and the next round works."""
    mails = [*map(mail, range(40)), mail(100, size=300_000)]
    place.deliver(*mails)
    place.server = dataclasses.replace(place.server, port=proxy.port, timeout=Seconds(1))
    proxy.reset(Fault(how, octets=octets))
    source = place.source("delete")
    with hang_guard(30), pytest.raises(SourceError, match=told):
        take(source)
    source.close()
    proxy.reset()
    assert read(source, list(source.list())) == mails
    source.close()
    assert place.there() == mails


def test_deletions_that_were_lost_with_the_line_are_never_called_final(place: Pop3Place) -> None:
    """Not even when a new session has been settled since: the caller must give them again in the next round."""
    place.deliver(*map(mail, range(4)))
    source = place.source("delete")
    assert isinstance(source, Pop3Source)
    done = take(source)
    source.dispose(done[:2])
    assert source._session
    source._session.sock.shutdown(socket.SHUT_RDWR)
    with pytest.raises(SourceError, match="dropped the line"):
        read(source, [done[3][0]])
    source.dispose(done[2:3])
    for _ in range(2):
        with pytest.raises(SourceError, match="the line was lost before QUIT"):
            source.settle()
    source.close()
    assert place.there() == [mail(0), mail(1), mail(3)]
    assert {reply.answer for reply in source.dispose(done[:3])} == {Answer.COMPLETED}
    source.settle()
    assert place.there() == [mail(3)]


@pytest.mark.parametrize("answers", range(1, 18))
def test_a_disposal_that_breaks_anywhere_can_be_repeated(place: Pop3Place, proxy: DelayProxy, answers: int) -> None:
    """Whatever the server did and we did not hear: nothing is lost, nothing stays."""
    place.deliver(*map(mail, range(4)))
    source = place.source("delete")
    done = take(source)[:3]
    source.close()
    proxy.reset(Fault(Break.CUT, answers=answers))
    place.server = dataclasses.replace(place.server, port=proxy.port)
    broken = place.source("delete")
    with contextlib.suppress(SourceError):
        broken.dispose(done)
        broken.settle()
    broken.close()
    proxy.reset()
    again = place.source("delete")
    assert {reply.answer for reply in again.dispose(done)} == {Answer.COMPLETED}
    again.settle()
    assert place.there() == [mail(3)]


def _shown(place: Pop3Place) -> Pop3Source:
    source = place.source("leave")
    assert isinstance(source, Pop3Source)
    return source


def test_where_no_top_is_offered_no_header_is_asked_for(place: Pop3Place) -> None:
    """RFC 2449, 6.1: the server says what it can. Nothing is wrong, and mail can be read."""
    with scripted.pop3({"one": b"A: b\r\n\r\nText\r\n"}) as odd:
        place.server = dataclasses.replace(place.server, port=odd.port)
        source = _shown(place)
        listed = list(source.list())
        assert list(source.heads(listed)) == []
        assert len(read(source, listed)) == 1
        assert [line for line in odd.heard if line.startswith(b"TOP")] == []
        source.close()


TEXT = b"A: b\r\n\r\nText\r\n"


@pytest.mark.parametrize(
    ("refused", "asked", "came"),
    [([], 5, 5), ([2], 5, 4), ([1, 2], 5, 3), ([1, 2, 3], 3, 0), ([3, 4, 5], 5, 2), ([1, 2, 3, 4, 5], 3, 0)],
)
def test_a_server_that_refuses_top_is_not_asked_for_ever(
    place: Pop3Place, refused: list[int], asked: int, came: int
) -> None:
    """One without CAPA is asked; after three refusals in a row no more. The mails themselves can be read."""
    tops = {str(number): b"-ERR no such thing\r\n" for number in refused}
    with scripted.pop3({str(number): TEXT for number in range(1, 6)}, without=(b"CAPA",), tops=tops) as odd:
        place.server = dataclasses.replace(place.server, port=odd.port)
        source = _shown(place)
        listed = list(source.list())
        assert [head for _, head in source.heads(listed)] == [b"A: b\r\n\r\n"] * came
        assert len([line for line in odd.heard if line.startswith(b"TOP")]) == asked
        assert len(read(source, listed)) == 5
        assert [line for line in odd.heard if line.startswith(b"PASS")][1:] == []
        source.close()


def test_a_header_that_comes_with_its_body_does_no_harm(place: Pop3Place) -> None:
    """Some servers do not count lines: what follows is read, and the next answer is heard."""
    long = TEXT + b"More text\r\n" * 100_000
    with scripted.pop3(
        {"one": TEXT, "two": TEXT}, without=(b"CAPA",), tops={"one": b"+OK\r\n" + long + b".\r\n"}
    ) as odd:
        place.server = dataclasses.replace(place.server, port=odd.port)
        source = _shown(place)
        one, two = source.heads(list(source.list()))
        assert long.startswith(one[1])
        assert len(one[1]) < 300_000
        assert two[1] == b"A: b\r\n\r\n"
        source.close()
