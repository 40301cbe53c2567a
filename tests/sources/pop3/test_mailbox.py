"""POP3, against Dovecot."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import re
import socket
import time
from typing import TYPE_CHECKING, ClassVar

import pytest

from tests.servers.delayproxy import Break, DelayProxy, Fault
from tests.servers.dovecot import PASSWORD
from tests.sources import scripted
from tests.sources.contract import SourceContract, mail, plain, read, server, service, take
from trac_mailintake.hookspecs import Opening
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import Answer
from trac_mailintake.intake.times import Seconds
from trac_mailintake.sources import pop3
from trac_mailintake.sources.pop3.mailbox import Pop3Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.dovecot import Dovecot
    from trac_mailintake.hookspecs import SourceKind
    from trac_mailintake.intake.ports import Source


class Pop3Place:
    """A new user's mailbox."""

    def __init__(self, dovecot: Dovecot, *, security: str = "none") -> None:
        self.dovecot = dovecot
        self.user = dovecot.add_user()
        self.trace: list[str] = []
        port = dovecot.pop3s if security == "tls" else dovecot.pop3
        self.server = server("pop3", port, self.user, security=security, ca_file=str(dovecot.authority))
        self.password = PASSWORD

    def deliver(self, *mails: bytes) -> None:
        """Append them."""
        self.dovecot.deliver(self.user, *mails)

    def source(self, afterwards: str) -> Source:
        """A new one."""
        made = service(afterwards=afterwards)
        return pop3.KIND.open(Opening(made, self.server, made.afterwards, lambda: self.password, self.trace.append))

    def there(self) -> list[bytes]:
        """What lies there."""
        return [plain(content) for content in self.dovecot.messages(self.user)]

    def moved(self) -> list[bytes]:
        """Nothing, ever."""
        return []

    def seen(self) -> list[bytes]:
        """What is marked."""
        return [each.content for each in self.dovecot.stored(self.user) if "S" in each.flags and "T" in each.flags]


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


@pytest.fixture
def place(dovecot: Dovecot) -> Pop3Place:
    """A new user."""
    return Pop3Place(dovecot)


@pytest.fixture
def proxy(dovecot: Dovecot) -> Iterator[DelayProxy]:
    """A line to POP3 that can be made long or broken."""
    with DelayProxy(dovecot.pop3) as running:
        yield running


@pytest.mark.parametrize(
    "body",
    [
        b"x" * 5000 + b"\r\n",
        b"y" * 300_000 + b"\r\nz\r\n",
        b".\r\n..\r\n.a\r\n",
        b"no end of line",
        b"w" * (64 * 1024 - 1) + b"\r\n.\r\nend\r\n",
        b"w" * (64 * 1024) + b".\r\n",
        b"",
    ],
)
def test_any_line_arrives_as_it_is(place: Pop3Place, body: bytes) -> None:
    """Longer than the protocol allows, beginning with a dot, or ending where a buffer ends."""
    content = b"Subject: x\r\n\r\n" + body
    place.deliver(content, mail(2))
    source = place.source("leave")
    first, second = [b"".join(chunks) for _, chunks in source.fetch(list(source.list()))]
    assert first == (content if content.endswith(b"\r\n") else content + b"\r\n")
    assert plain(second) == mail(2)
    source.close()


def test_a_dot_between_bare_line_feeds_ends_no_mail(place: Pop3Place) -> None:
    """Only CRLF ends a line: what follows would be taken for another answer of the server."""
    content = b"Subject: x\r\n\r\none\n.\ntwo\n..\nthree\r\n"
    with scripted.pop3({"a": content, "b": b"Subject: y\r\n"}) as old:
        place.server = dataclasses.replace(place.server, port=old.port)
        source = place.source("leave")
        assert [b"".join(chunks) for _, chunks in source.fetch(list(source.list()))] == [content, b"Subject: y\r\n"]
        source.close()


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
    """RFC 1939, 7, allows it; all copies are deleted, but not what only shares the name."""
    mails = {"same#1": b"A: b\r\n", "other": b"C: d\r\n", "same#2": b"A: b\r\n", "same#3": b"A: x\r\n"}
    with scripted.pop3(mails) as odd:
        place.server = dataclasses.replace(place.server, port=odd.port)
        source = place.source("delete")
        done = take(source)
        assert [listed.locator for listed, _ in done] == ["same", "other"]
        assert [reply.answer for reply in source.dispose(done)] == [Answer.COMPLETED] * 2
        source.settle()
    assert mails == {"same#3": b"A: x\r\n"}


def test_without_pipelining_one_command_is_sent_at_a_time(place: Pop3Place) -> None:
    """A server that does not announce PIPELINING need not support it."""
    mails = {str(number): b"A: %d\r\n" % number for number in range(5)}
    with scripted.pop3(mails) as old:
        place.server = dataclasses.replace(place.server, port=old.port)
        source = place.source("delete")
        source.dispose(take(source))
        source.settle()
        said = [line.split(b" ")[0] for line in old.heard]
    assert mails == {}
    assert said[-11:] == [*[b"RETR"] * 5, *[b"DELE"] * 5, b"QUIT"]


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


def _failing(place: Pop3Place, **changes: object) -> str:
    """The sentence that listing fails with."""
    place.server = dataclasses.replace(place.server, **changes)  # type: ignore[arg-type]  # the caller knows
    source = place.source("delete")
    with pytest.raises(SourceError) as failure:
        source.list()
    source.close()
    sentence = str(failure.value)
    assert place.password not in sentence
    assert "\n" not in sentence
    return sentence


def test_a_wrong_password_is_told(place: Pop3Place) -> None:
    """Without the password."""
    place.password = "wrong of a test"
    assert re.search(r"login was refused \(.*\); correct username and password", _failing(place))


def test_a_mailbox_in_use_is_no_wrong_password(place: Pop3Place) -> None:
    """RFC 2449, 8.1.1."""
    with scripted.pop3({}, login=b"-ERR [IN-USE] locked") as busy:
        assert "mailbox is not available" in _failing(place, port=busy.port)


def test_a_password_that_the_server_repeats_is_not_told(place: Pop3Place) -> None:
    """Some servers quote what they do not understand."""
    with scripted.pop3({}, login=b"-ERR what is PASS " + PASSWORD.encode()) as parrot:
        assert "login was refused" in _failing(place, port=parrot.port)
    assert PASSWORD not in "\n".join(place.trace)


def test_a_server_without_uidl_is_refused(place: Pop3Place) -> None:
    """What was filed could not be told from what is new."""
    with scripted.pop3({"a": b"A: b\r\n"}, without=(b"UIDL",)) as old:
        assert "knows no UIDL" in _failing(place, port=old.port)


def test_nothing_is_sent_in_the_clear_without_stls(place: Pop3Place) -> None:
    """A server, or somebody in between, that offers no STLS gets no password."""
    for without in ((), (b"CAPA",)):
        with scripted.pop3({}, without=without) as bare:
            assert "the server offers no STLS" in _failing(place, port=bare.port, security="starttls")
        assert not any(line.startswith((b"USER", b"PASS")) for line in bare.heard)


def test_a_certificate_of_an_unknown_authority_is_refused(dovecot: Dovecot) -> None:
    """With both kinds of encryption, in plain words."""
    for security in ("tls", "starttls"):
        sentence = _failing(Pop3Place(dovecot, security=security), ca_file="")
        assert "signed by an authority that this machine does not know" in sentence


def test_tls_to_a_port_that_speaks_none_is_told(dovecot: Dovecot) -> None:
    """And the other way round."""
    assert "should security be starttls?" in _failing(Pop3Place(dovecot, security="tls"), port=dovecot.pop3)
    assert re.search("no POP3|dropped the line|no answer", _failing(Pop3Place(dovecot), port=dovecot.pop3s, timeout=1))


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
    begun = time.monotonic()
    with pytest.raises(SourceError, match=told):
        take(source)
    assert time.monotonic() - begun < 6
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


def test_the_trace_shows_the_dialogue_and_no_secret(place: Pop3Place) -> None:
    """Of mails only their size."""
    place.deliver(mail(1, size=5000))
    source = place.source("leave")
    take(source)
    source.close()
    said = "\n".join(place.trace)
    assert "C: PASS ***" in place.trace
    assert f"C: USER {place.user}" in place.trace
    assert "C: RETR 1" in place.trace
    assert re.search(r"^S: \(\d+ bytes\)$", said, re.MULTILINE)
    assert "secret" not in said
    assert "xxxxx" not in said
