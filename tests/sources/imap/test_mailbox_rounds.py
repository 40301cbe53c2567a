"""What a round asks of a folder on an IMAP server besides reading it once from beginning to end; on Dovecot."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from typing import TYPE_CHECKING

import pytest

from tests.servers.delayproxy import Break, DelayProxy, Fault
from tests.sources.contract import mail, read, service
from tests.sources.scripted import ScriptedServer
from trac_mailintake.hookspecs import Opening
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import Answer
from trac_mailintake.intake.ports import Foreseeing
from trac_mailintake.mail.content_digest import content_digest
from trac_mailintake.sources import imap

if TYPE_CHECKING:
    from tests.sources.imap_place import ImapPlace
    from trac_mailintake.intake.model import Listed
    from trac_mailintake.intake.ports import Source


def known(source: Source) -> list[tuple[Listed, str]]:
    """List and read all: each with the digest that its archived copy has."""
    return [(listed, content_digest(chunks)) for listed, chunks in source.fetch(list(source.list()))]


def other_size(done: list[tuple[Listed, str]]) -> list[tuple[Listed, str]]:
    """The same, as if the server had told another size."""
    return [(dataclasses.replace(listed, size=(listed.size or 0) + 2), content) for listed, content in done]


def test_a_folder_is_not_moved_to_itself(place: ImapPlace) -> None:
    """It would never become empty."""
    place.folder = "Support"
    with pytest.raises(SourceError, match="is moved to itself"):
        place.source("move:Support")


def test_a_service_without_a_mail_server_says_so() -> None:
    """Somebody removed it behind the service's back."""
    made = service(folder="INBOX", afterwards="leave")
    with pytest.raises(SourceError, match="no mail server is given"):
        imap.KIND.open(Opening(made, None, made.afterwards, lambda: "", None))


@pytest.mark.parametrize("size", [100, 3_000_000])
def test_a_reader_may_stop_in_the_middle_of_a_message(place: ImapPlace, size: int) -> None:
    """The rest comes whole, as it is refused or too large for the archive."""
    mails = [mail(1, size=size), mail(2), mail(3, size=size), mail(4)]
    place.deliver(*mails)
    source = place.source("delete")
    got = []
    for place_, (_, chunks) in enumerate(source.fetch(list(source.list()))):
        got.append(next(chunks) if place_ % 2 == 0 else b"".join(chunks))
    assert [len(each) > 0 for each in got] == [True] * 4
    assert [got[1].replace(b"\r\n", b"\n"), got[3].replace(b"\r\n", b"\n")] == [mail(2), mail(4)]
    source.close()
    assert place.there() == mails


def test_hundreds_of_copies_are_disposed_of(place: ImapPlace) -> None:
    """More than one command can name; only those that were named."""
    place.deliver(*map(mail, range(450)))
    source = place.source("delete")
    done = known(source)
    replies = source.dispose(done[:440])
    source.settle()
    assert {reply.answer for reply in replies} == {Answer.COMPLETED}
    assert len(replies) == 440
    source.close()
    assert place.there() == [mail(number) for number in range(440, 450)]


def test_a_later_session_disposes_of_what_is_still_the_same(place: ImapPlace) -> None:
    """By its size; if that is another one, by its content; what was gone is done with."""
    place.deliver(*map(mail, range(4)))
    source = place.source("delete")
    done = known(source)
    source.close()
    with place.client() as other:
        other.select_folder("INBOX")
        other.add_flags([1], [rb"\Deleted"])
        other.uid_expunge([1])
    wanted = [*done[:2], *other_size(done[2:3])]
    assert {reply.answer for reply in source.dispose(wanted)} == {Answer.COMPLETED}
    source.settle()
    source.close()
    assert place.there() == [mail(3)]


def test_another_message_is_left_alone(place: ImapPlace) -> None:
    """A server that forgot its UIDs gave one to a message that nobody has archived."""
    place.deliver(mail(1), mail(2))
    source = place.source("delete")
    done = known(source)
    source.close()
    wanted = [(listed, "0" * 64) for listed, _ in other_size(done)]
    assert {reply.answer for reply in source.dispose(wanted)} == {Answer.PERMANENT}
    source.settle()
    source.close()
    assert place.there() == [mail(1), mail(2)]


def test_a_folder_that_is_made_anew_meanwhile_loses_nothing(place: ImapPlace) -> None:
    """Its new messages have the UIDs of those that were listed, under another UIDVALIDITY."""
    place.dovecot.folder(place.user, "Support")
    place.folder = "Support"
    place.deliver(mail(1), mail(2))
    source = place.source("delete")
    done = known(source)
    source.close()
    time.sleep(1.1)  # Dovecot takes the time in seconds for a UIDVALIDITY
    with place.client() as other:
        other.delete_folder("Support")
    place.dovecot.folder(place.user, "Support")
    place.deliver(mail(3), mail(4))
    assert read(source, [listed for listed, _ in done]) == []
    assert {reply.answer for reply in source.dispose(done)} == {Answer.COMPLETED}
    source.settle()
    source.close()
    assert place.there() == [mail(3), mail(4)]


def test_a_line_that_breaks_over_a_disposal_is_told(place: ImapPlace) -> None:
    """What the server did is not known; the next run looks. A break before that is told as what it is."""
    place.deliver(*map(mail, range(14)))
    direct = place.source("delete")
    done = known(direct)
    direct.close()
    told = []
    with DelayProxy(place.dovecot.imap) as proxy:
        place.server = dataclasses.replace(place.server, port=proxy.port)
        for answers, each in enumerate(done, 1):
            proxy.reset(Fault(Break.CUT, answers=answers))
            source = place.source("delete")
            with contextlib.suppress(SourceError):
                source.dispose([each])
                source.settle()
            try:
                source.settle()
            except SourceError as error:
                told.append(str(error))
            source.close()
            proxy.reset()
            source.settle()  # the doubt was about that session
            source.dispose([each])
            source.close()
    assert told
    assert all("broke over a disposal" in sentence for sentence in told)
    assert len(told) < len(done)
    assert place.there() == []


def test_what_is_foreseen_comes_when_it_is_wanted(place: ImapPlace) -> None:
    """All of it, in any order; nothing is asked for without a session, and nothing of another folder."""
    place.deliver(*map(mail, range(6)))
    source = place.source("leave")
    assert isinstance(source, Foreseeing)
    listed = list(source.list())
    source.close()
    source.ahead(listed)  # there is no session
    first = [*source.fetch(listed[:2])]
    assert len(first) == 2
    source.ahead([dataclasses.replace(each, locator=f"1{each.locator}") for each in listed[2:]])
    source.ahead(listed[2:4])
    assert read(source, listed[2:4]) == [mail(2), mail(3)]
    source.ahead(listed[4:])
    assert read(source, [listed[5]]) == [mail(5)]
    assert read(source, listed) == [mail(number) for number in range(6)]
    source.close()


def test_what_was_foreseen_and_taken_by_others_is_no_more_asked_for(place: ImapPlace) -> None:
    """Many workers share the mailbox: each would read what the others file."""
    place.deliver(*map(mail, range(30)))
    source = place.source("leave")
    assert isinstance(source, Foreseeing)
    listed = list(source.list())
    assert read(source, listed[:2]) == [mail(0), mail(1)]
    source.ahead(listed[2:20])
    assert read(source, listed[20:22]) == [mail(20), mail(21)]
    before = len(place.trace)
    source.ahead(listed[22:])
    assert not [line for line in place.trace[before:] if "FETCH" in line]
    assert read(source, listed[22:]) == [mail(number) for number in range(22, 30)]
    source.close()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"NO [NOPERM] you may not", "the folder cannot be opened"),
        (b"OK [READ-ONLY] look", "the folder is read-only; set afterwards=leave"),
        (b"BYE", "dropped the line|BYE"),
    ],
)
def test_a_folder_that_cannot_be_changed_is_told(place: ImapPlace, answer: bytes, said: str) -> None:
    """Before any mail is read that could not be disposed of."""

    def answered(line: bytes) -> bytes | None:
        tag, _, rest = line.partition(b" ")
        word = rest.split()[0].upper() if rest.split() else b""
        if word == b"SELECT":
            return (
                None
                if answer == b"BYE"
                else b"* 3 EXISTS\r\n* OK [UIDVALIDITY 5] yes\r\n" + tag + b" " + answer + b"\r\n"
            )
        return (b"* CAPABILITY IMAP4rev1\r\n" if word == b"CAPABILITY" else b"") + tag + b" OK done\r\n"

    with ScriptedServer(b"* OK ready\r\n", answered) as odd:
        place.server = dataclasses.replace(place.server, port=odd.port)
        source = place.source("delete")
        with pytest.raises(SourceError, match=said):
            source.list()
        source.close()
