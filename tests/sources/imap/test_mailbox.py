"""IMAP, against Dovecot."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import pytest

from tests.sources.contract import (
    TARGET,
    MoveContract,
    SeenContract,
    SourceContract,
    mail,
    plain,
    read,
    take,
)
from trac_mailintake.intake.model import Answer
from trac_mailintake.sources import imap

if TYPE_CHECKING:
    from tests.servers.delayproxy import DelayProxy
    from tests.servers.dovecot import Dovecot
    from trac_mailintake.hookspecs import SourceKind

from tests.sources.imap_place import ImapPlace


class TestPlain(SourceContract, MoveContract, SeenContract):
    """The contract, without encryption."""

    kind: ClassVar[SourceKind] = imap.KIND

    @pytest.fixture
    def place(self, dovecot: Dovecot) -> ImapPlace:
        """With MOVE and UIDPLUS."""
        return ImapPlace(dovecot)


class TestTls(SourceContract, MoveContract, SeenContract):
    """The contract, encrypted from the start."""

    kind: ClassVar[SourceKind] = imap.KIND

    @pytest.fixture
    def place(self, dovecot: Dovecot) -> ImapPlace:
        """The authority that signed the certificate is trusted."""
        return ImapPlace(dovecot, security="tls")


class TestStarttls(SourceContract, MoveContract, SeenContract):
    """The contract, encrypted by STARTTLS, in a folder whose name is not ASCII."""

    kind: ClassVar[SourceKind] = imap.KIND

    @pytest.fixture
    def place(self, dovecot: Dovecot) -> ImapPlace:
        """A folder with an ampersand besides."""
        made = ImapPlace(dovecot, security="starttls", folder="Anfragen & 日本語")
        dovecot.folder(made.user, made.folder)
        return made


class TestWithoutMoveAndUidplus(SourceContract, MoveContract, SeenContract):
    """The contract, on a server that can do the least."""

    kind: ClassVar[SourceKind] = imap.KIND

    @pytest.fixture
    def place(self, plain_dovecot: Dovecot) -> ImapPlace:
        """Neither MOVE nor UIDPLUS."""
        return ImapPlace(plain_dovecot)


class TestWithoutMove(SourceContract, MoveContract, SeenContract):
    """The contract, on a server with UIDPLUS that has to COPY."""

    kind: ClassVar[SourceKind] = imap.KIND

    @pytest.fixture
    def place(self, copying: Dovecot) -> ImapPlace:
        """UIDPLUS, no MOVE."""
        return ImapPlace(copying)


def test_being_seen_says_nothing(place: ImapPlace) -> None:
    """Messages that another client has read are listed as before."""
    place.deliver(mail(1), mail(2))
    source = place.source("leave")
    before = list(source.list())
    with place.client() as other:
        other.select_folder("INBOX")
        other.add_flags(other.search(), [rb"\Seen", rb"\Flagged", b"UID", b"RFC822.SIZE"])
    assert list(source.list()) == before
    source.close()


def test_fetching_marks_nothing_as_seen(place: ImapPlace) -> None:
    """BODY.PEEK, small or large, even where the folder may be changed."""
    place.deliver(mail(1), mail(2, size=2_500_000))
    source = place.source("delete")
    take(source)
    source.close()
    assert place.seen() == []


@pytest.mark.parametrize("afterwards", ["delete", f"move:{TARGET}"])
@pytest.mark.parametrize("has", ["everything", "no move", "neither"])
def test_what_others_marked_as_deleted_is_neither_listed_nor_expunged(
    dovecot: Dovecot, copying: Dovecot, plain_dovecot: Dovecot, afterwards: str, has: str
) -> None:
    """Somebody may want it back."""
    place = ImapPlace({"everything": dovecot, "no move": copying, "neither": plain_dovecot}[has])
    place.deliver(mail(1), mail(2), mail(3))
    with place.client() as other:
        other.select_folder("INBOX")
        other.add_flags([2], [rb"\Deleted"])
    source = place.source(afterwards)
    done = take(source)
    assert len(done) == 2
    source.dispose(done)
    source.close()
    flags = {plain(each.content): each.flags for each in place.dovecot.stored(place.user)}
    left = {mail(2): "T"} if has != "neither" else {mail(1): "T", mail(2): "T", mail(3): "T"}
    assert flags == left


@pytest.mark.parametrize("message_id", [True, False])
def test_a_copy_that_a_crash_left_is_recognised(copying: Dovecot, message_id: bool) -> None:  # noqa: FBT001 - a case
    """Between COPY and the deletion; mails of the same size, or with the same id, are not mistaken for it."""
    place = ImapPlace(copying)
    mails = [mail(number) if message_id else mail(number).replace(b"Message-ID", b"X-No-Id") for number in range(3)]
    place.deliver(*mails)
    copying.folder(place.user, TARGET)
    with place.client() as other:
        other.select_folder("INBOX")
        other.copy([1], TARGET)
    copying.deliver(place.user, mails[1].replace(b"Text 1", b"Text X"), folder=TARGET)
    source = place.source(f"move:{TARGET}")
    source.dispose(take(source)[:2])
    source.close()
    assert place.there() == [mails[2]]
    assert sorted(place.moved()) == sorted([mails[0], mails[1], mails[1].replace(b"Text 1", b"Text X")])


def test_a_folder_that_was_made_anew_has_other_messages(place: ImapPlace) -> None:
    """A new UIDVALIDITY: what was listed before is neither read nor disposed of."""
    place.deliver(mail(1))
    source = place.source("delete")
    done = take(source)
    source.close()
    other = [
        (dataclasses.replace(one, locator=f"1{one.locator}", fingerprint=f"1{one.fingerprint}"), h) for one, h in done
    ]
    assert read(source, [listed for listed, _ in other]) == []
    assert [reply.answer for reply in source.dispose(other)] == [Answer.COMPLETED]
    source.close()
    assert place.there() == [mail(1)]


def test_a_vanished_message_is_left_out(place: ImapPlace) -> None:
    """Small or large, read or disposed of."""
    place.deliver(mail(1), mail(2), mail(3, size=2_000_000), mail(4))
    source = place.source("delete")
    done = take(source)
    with place.client() as other:
        other.select_folder("INBOX")
        other.add_flags([1, 3], [rb"\Deleted"])
        other.uid_expunge([1, 3])
    assert read(source, [listed for listed, _ in done]) == [mail(2), mail(4)]
    assert {reply.answer for reply in source.dispose(done)} == {Answer.COMPLETED}
    source.close()
    assert place.there() == []


def test_sizes_around_a_slice_are_read_whole(place: ImapPlace) -> None:
    """A mail of exactly one slice, one byte less, one more."""
    head = b"Subject: x\r\n\r\n"
    mails = [head + b"y" * (1024 * 1024 + more - len(head) - 2) + b"\r\n" for more in (-1, 0, 1, 1024 * 1024)]
    place.deliver(*mails)
    source = place.source("leave")
    assert [b"".join(chunks) for _, chunks in source.fetch(list(source.list()))] == mails
    source.close()


def test_an_empty_mail_is_a_mail(place: ImapPlace) -> None:
    """Of no byte at all."""
    place.deliver(b"", mail(1))
    source = place.source("leave")
    assert read(source, list(source.list())) == [b"", mail(1)]
    source.close()


def test_a_round_trip_is_shared_by_many_mails(place: ImapPlace, proxy: DelayProxy) -> None:
    """Listing, reading and deleting two hundred mails takes few questions."""
    place.deliver(*map(mail, range(200)))
    place.server = dataclasses.replace(place.server, port=proxy.port)
    source = place.source("delete")
    source.list()
    begun = proxy.traffic.turns
    done = take(source)
    assert proxy.traffic.turns - begun <= 6
    source.dispose(done)
    assert proxy.traffic.turns - begun <= 10
    source.close()
    assert place.there() == []
