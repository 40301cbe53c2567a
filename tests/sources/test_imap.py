"""IMAP, against Dovecot."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

import pytest
from imapclient import IMAPClient

from tests.servers.delayproxy import Break, DelayProxy, Fault
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.sources import scripted
from tests.sources.contract import (
    TARGET,
    MoveContract,
    SeenContract,
    SourceContract,
    mail,
    plain,
    read,
    server,
    service,
    take,
)
from trac_mailintake.hookspecs import Opening
from trac_mailintake.intake.model import Answer
from trac_mailintake.intake.ports import SourceError
from trac_mailintake.sources import imap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac_mailintake.hookspecs import SourceKind
    from trac_mailintake.intake.ports import Source


class ImapPlace:
    """A new user's INBOX."""

    def __init__(self, dovecot: Dovecot, *, security: str = "none", folder: str = "INBOX") -> None:
        self.dovecot = dovecot
        self.user = dovecot.add_user()
        self.folder = folder
        self.trace: list[str] = []
        port = dovecot.imaps if security == "tls" else dovecot.imap
        self.server = server("imap", port, self.user, security=security, ca_file=str(dovecot.authority))
        self.password = PASSWORD

    def deliver(self, *mails: bytes) -> None:
        """Append them."""
        self.dovecot.deliver(self.user, *mails, folder=self.folder)

    def source(self, afterwards: str) -> Source:
        """A new one."""
        made = service(folder=self.folder, afterwards=afterwards)
        return imap.KIND.open(Opening(made, self.server, made.afterwards, lambda: self.password, self.trace.append))

    def there(self) -> list[bytes]:
        """What lies there; without UIDPLUS, what is not marked as deleted."""
        stored = self.dovecot.stored(self.user, self.folder)
        return [plain(each.content) for each in stored if "T" not in each.flags]

    def moved(self) -> list[bytes]:
        """What was moved."""
        return [plain(content) for content in self.dovecot.messages(self.user, TARGET)]

    def seen(self) -> list[bytes]:
        """What is marked."""
        return [each.content for each in self.dovecot.stored(self.user, self.folder) if "S" in each.flags]

    def client(self) -> IMAPClient:
        """Another client of the same user."""
        other = IMAPClient(self.dovecot.host, self.dovecot.imap, ssl=False, timeout=10)
        other.login(self.user, PASSWORD)
        return other


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


@pytest.fixture(scope="session")
def copying(dovecot: Dovecot) -> Iterator[Dovecot]:
    """IMAP with UIDPLUS and without MOVE; needs what `dovecot` needs."""
    with Dovecot(without=("MOVE",)) as running:
        yield running


@pytest.fixture
def place(dovecot: Dovecot) -> ImapPlace:
    """A new user with all that the server can do."""
    return ImapPlace(dovecot)


@pytest.fixture
def proxy(dovecot: Dovecot) -> Iterator[DelayProxy]:
    """A line to IMAP that can be made long or broken."""
    with DelayProxy(dovecot.imap) as running:
        yield running


def test_being_seen_says_nothing(place: ImapPlace) -> None:
    """Others read too; what they have read is listed as the same."""
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


# What goes wrong


def _failing(place: ImapPlace, **changes: object) -> str:
    """The sentence that listing fails with."""
    place.server = dataclasses.replace(place.server, **changes)  # type: ignore[arg-type]  # the caller knows
    source = place.source("delete")
    with pytest.raises(SourceError) as failure:
        source.list()
    source.close()
    sentence = str(failure.value)
    assert PASSWORD not in sentence
    assert "\n" not in sentence
    return sentence


def test_a_wrong_password_is_told(place: ImapPlace) -> None:
    """Without the password."""
    place.password = "wrong of a test"
    sentence = _failing(place)
    assert re.search(r"login was refused \(.*\); correct username and password", sentence)
    assert "wrong of a test" not in sentence


def test_a_missing_folder_is_told_with_those_that_exist(place: ImapPlace) -> None:
    """So that one can choose."""
    place.dovecot.folder(place.user, "Größen")
    place.folder = "Missing"
    assert "choose one of: INBOX, Größen" in _failing(place)


def test_a_certificate_of_an_unknown_authority_is_refused(dovecot: Dovecot) -> None:
    """With both kinds of encryption, in plain words."""
    for security in ("tls", "starttls"):
        sentence = _failing(ImapPlace(dovecot, security=security), ca_file="")
        assert "signed by an authority that this machine does not know; set the mail server's CA file" in sentence


def test_a_certificate_for_another_name_is_refused(dovecot: Dovecot) -> None:
    """The name in it is what counts."""
    sentence = _failing(ImapPlace(dovecot, security="tls"), host="127.1")
    assert "certificate is for another name than 127.1; set the host to the name in the certificate" in sentence


def test_an_expired_certificate_is_refused(dovecot: Dovecot) -> None:
    """And who has to do something about it."""
    with Dovecot(certificate_days=-1) as expired:
        assert "certificate has expired; have a new one" in _failing(ImapPlace(expired, security="tls"))


def test_tls_to_a_port_that_speaks_none_is_told(dovecot: Dovecot) -> None:
    """And nothing is sent in the clear."""
    place = ImapPlace(dovecot, security="tls")
    assert "is the port right, or should security be starttls?" in _failing(place, port=dovecot.imap)
    assert "LOGIN" not in _spoken(place)


def _spoken(place: ImapPlace) -> str:
    """What was sent."""
    return "\n".join(line for line in place.trace if line.startswith("C: "))


def test_nothing_is_sent_in_the_clear_without_starttls(place: ImapPlace) -> None:
    """A server, or somebody in between, that offers no STARTTLS gets no password."""
    with scripted.imap(b"IMAP4rev1 AUTH=PLAIN", {}) as bare:
        sentence = _failing(place, port=bare.port, security="starttls")
    assert "the server offers no STARTTLS" in sentence
    assert "LOGIN" not in _spoken(place)
    assert not any(b"LOGIN" in line or b"AUTH" in line for line in bare.heard)


def test_no_password_is_sent_where_logins_are_disabled(place: ImapPlace) -> None:
    """RFC 3501, 6.2.3: the server wants encryption first."""
    with scripted.imap(b"IMAP4rev1 STARTTLS LOGINDISABLED", {}) as strict:
        assert "set security to tls or starttls" in _failing(place, port=strict.port)
    assert not any(b"LOGIN " in line for line in strict.heard)


def test_a_password_that_the_server_repeats_is_not_told(place: ImapPlace) -> None:
    """Some servers quote what they do not understand."""
    with scripted.ScriptedServer(
        b"* OK ready\r\n",
        lambda line: (
            b"* CAPABILITY IMAP4rev1\r\n" + line.split()[0] + b" OK done\r\n"
            if b"CAPABILITY" in line
            else line.split()[0] + b" BAD what is " + line + b"\r\n"
        ),
    ) as parrot:
        assert "login was refused" in _failing(place, port=parrot.port)
    assert PASSWORD not in "\n".join(place.trace)


def test_bodies_may_come_in_any_form(place: ImapPlace) -> None:
    """A short one as a quoted string, an empty one as NIL; items in any order; answers nobody asked for between."""
    identity = b'INTERNALDATE " 1-Feb-2026 10:00:00 +0100" RFC822.SIZE'
    fetched = (
        b'* 1 FETCH (FLAGS (\\Seen UID 9) BODY[] "FLAGS (UID 3) \\"a\\"" ' + identity + b" 18 UID 7)\r\n"
        b"* 2 FETCH (FLAGS (\\Answered))\r\n"
        b"* 2 FETCH (FLAGS () UID 8 " + identity + b" 0 BODY[] NIL)\r\n"
        b"* 4 EXISTS\r\n"
        b"* 3 FETCH (UID 9 BODY[] {6}\r\nA: b\r\n " + identity + b" 6)\r\n"
    )
    selected = b"* 3 EXISTS\r\n* OK [UIDVALIDITY 5] yes\r\n"
    with scripted.imap(b"IMAP4rev1", {b"EXAMINE": selected, b"FETCH": fetched}) as odd:
        place.server = dataclasses.replace(place.server, port=odd.port)
        source = place.source("leave")
        listed = list(source.list())
        assert [each.locator for each in listed] == ["5/7", "5/8", "5/9"]
        assert listed[0].arrived == datetime(2026, 2, 1, 9, tzinfo=UTC)
        assert read(source, listed) == [b'FLAGS (UID 3) "a"', b"", b"A: b\n"]
        source.close()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"port": 1}, "nothing listens there"),
        ({"host": "no-such-host.invalid"}, "the host's name cannot be resolved"),
        ({"security": "perhaps"}, "none of tls, starttls, none"),
        ({"security": "tls", "ca_file": "/does/not/exist"}, "CA file /does/not/exist cannot be used"),
        ({"username": "line\nbreak"}, "line break or NUL"),
    ],
)
def test_wrong_settings_are_told(place: ImapPlace, changes: dict[str, object], told: str) -> None:
    """With what to correct."""
    assert told in _failing(place, **changes)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (Break.SILENT, "no answer within 1 s"),
        (Break.CUT, "dropped the line"),
        (Break.NONSENSE, "IMAP|dropped the line"),
    ],
)
@pytest.mark.parametrize("octets", [0, 10, 3000, 60_000, 1_500_000])
def test_a_line_that_breaks_is_told_in_time(
    place: ImapPlace, proxy: DelayProxy, how: Break, told: str, octets: int
) -> None:
    """In the greeting, in the listing, in a batch, in the middle of a mail; and the next round works."""
    mails = [*map(mail, range(100)), mail(100, size=3_000_000)]
    place.deliver(*mails)
    place.server = dataclasses.replace(place.server, port=proxy.port, timeout=1)
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


@pytest.mark.parametrize("answers", range(1, 14))
@pytest.mark.parametrize("afterwards", ["delete", f"move:{TARGET}"])
@pytest.mark.parametrize("has_move", [True, False])
def test_a_disposal_that_breaks_anywhere_can_be_repeated(
    dovecot: Dovecot,
    copying: Dovecot,
    answers: int,
    afterwards: str,
    has_move: bool,  # noqa: FBT001 - a case
) -> None:
    """Whatever the server did and we did not hear: nothing is lost, nothing is there twice."""
    place = ImapPlace(dovecot if has_move else copying)
    place.deliver(*map(mail, range(4)))
    source = place.source(afterwards)
    done = take(source)[:3]
    source.close()
    with DelayProxy(place.dovecot.imap, fault=Fault(Break.CUT, answers=answers)) as proxy:
        place.server = dataclasses.replace(place.server, port=proxy.port)
        broken = place.source(afterwards)
        with contextlib.suppress(SourceError):
            broken.dispose(done)
        broken.close()
        proxy.reset()
        again = place.source(afterwards)
        again.dispose(done)
        again.close()
    assert place.there() == [mail(3)]
    if afterwards != "delete":
        assert sorted(place.moved()) == [mail(0), mail(1), mail(2)]


# The dialogue


def test_the_trace_shows_the_dialogue_and_no_secret(place: ImapPlace) -> None:
    """Neither the password nor its encodings; of mails only their size."""
    place.deliver(mail(1, size=5000))
    source = place.source("leave")
    take(source)
    source.close()
    said = "\n".join(place.trace)
    assert re.search(r"^C: \S+ LOGIN \*\*\*$", said, re.MULTILINE)
    assert re.search(r"^C: \S+ EXAMINE \"?INBOX\"?$", said, re.MULTILINE)
    assert re.search(r"^S: \(\d+ bytes\)$", said, re.MULTILINE)
    assert "secret" not in said
    assert "xxxxx" not in said


@pytest.mark.parametrize("user", ["größe", 'al"ice\\ smith', "alice"])
@pytest.mark.parametrize("password", ['pass "word\\', "paßwort"])
def test_any_username_and_password_arrive_and_stay_secret(place: ImapPlace, user: str, password: str) -> None:
    """Quoted in LOGIN, or by AUTHENTICATE PLAIN what is not ASCII."""
    plain_form = base64.b64encode(f"\0{user}\0{password}".encode())
    tag = b""

    def answer(line: bytes) -> bytes:
        nonlocal tag
        if line == plain_form:
            return b"* OK so " + line + b"\r\n" + tag + b" OK in\r\n"
        tag = line.split()[0]
        if b"AUTHENTICATE" in line:
            return b"+ \r\n"
        return (b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n" if b"CAPABILITY" in line else b"") + tag + b" OK done\r\n"

    with scripted.ScriptedServer(b"* OK ready\r\n", answer) as heard:
        place.password = password
        _failing(place, port=heard.port, username=user)
    if user.isascii() and password.isascii():
        [login] = [line for line in heard.heard if b" LOGIN " in line]
        quoted = "alice" if user == "alice" else '"al\\"ice\\\\ smith"'
        assert login.decode().endswith(f' LOGIN {quoted} "pass \\"word\\\\"')
    else:
        assert plain_form in heard.heard
    said = "\n".join(place.trace)
    assert "***" in said
    assert password not in said
    assert plain_form.decode() not in said
