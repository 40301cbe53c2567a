"""A POP3 session (RFC 1939, 2449, 2595): encryption, login, dialogue, and lines of any kind."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import pytest

from tests.servers.dovecot import PASSWORD
from tests.sources import scripted
from tests.sources.contract import mail, plain, server, take
from tests.sources.pop3_place import Pop3Place, failing
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.sources.pop3 import session

if TYPE_CHECKING:
    from tests.servers.dovecot import Dovecot


def test_a_wrong_password_is_told(place: Pop3Place) -> None:
    """Without the password."""
    place.password = "wrong of a test"
    assert re.search(r"login was refused \(.*\); correct username and password", failing(place))


def test_a_mailbox_in_use_is_no_wrong_password(place: Pop3Place) -> None:
    """RFC 2449, 8.1.1."""
    with scripted.pop3({}, login=b"-ERR [IN-USE] locked") as busy:
        assert "mailbox is not available" in failing(place, port=busy.port)


def test_a_password_that_the_server_repeats_is_not_told(place: Pop3Place) -> None:
    """Some servers quote what they do not understand."""
    with scripted.pop3({}, login=b"-ERR what is PASS " + PASSWORD.encode()) as parrot:
        assert "login was refused" in failing(place, port=parrot.port)
    assert PASSWORD not in "\n".join(place.trace)


def test_nothing_is_sent_in_the_clear_without_stls(place: Pop3Place) -> None:
    """A server, or somebody in between, that offers no STLS gets no password."""
    for without in ((), (b"CAPA",)):
        with scripted.pop3({}, without=without) as bare:
            assert "the server offers no STLS" in failing(place, port=bare.port, security="starttls")
        assert not any(line.startswith((b"USER", b"PASS")) for line in bare.heard)


def test_a_certificate_of_an_unknown_authority_is_refused(dovecot: Dovecot) -> None:
    """With both kinds of encryption, in plain words."""
    for security in ("tls", "starttls"):
        sentence = failing(Pop3Place(dovecot, security=security), ca_file="")
        assert "signed by an authority that this machine does not know" in sentence


def test_tls_to_a_port_that_speaks_none_is_told(dovecot: Dovecot) -> None:
    """And the other way round."""
    assert "should security be starttls?" in failing(Pop3Place(dovecot, security="tls"), port=dovecot.pop3)
    assert re.search("no POP3|dropped the line|no answer", failing(Pop3Place(dovecot), port=dovecot.pop3s, timeout=1))


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


@pytest.mark.parametrize(
    "body", [b"a\r\n", b"a", b"..a\r\n", b"", b".\nx\r\n", b"x" * 300_000 + b"\r\n", b"x\r" * 70_000]
)
def test_a_message_ends_at_its_dot(body: bytes) -> None:
    """RFC 1939, 3: a dot alone between CRLFs; one more dot at the beginning of a line is taken away."""
    ended = body if body.endswith(b"\r\n") or not body else body + b"\r\n"
    stuffed = b"".join(b"." + line if line.startswith(b".") else line for line in ended.splitlines(keepends=True) or [])
    with scripted.pop3({"a": stuffed}) as talking:
        opened = session.connect(server("pop3", talking.port, "ann"), lambda: "secret", None)
        opened.send(["RETR 1"])
        assert opened.answer()[0]
        assert b"".join(opened.content(10**7)).replace(b"\r\n", b"\n") == ended.replace(b"\r\n", b"\n")
        opened.leave()


def test_a_message_that_does_not_end_is_given_up() -> None:
    """Also one whose line breaks within it."""
    with scripted.pop3({"a": b"x" * 900_000 + b"\r\n"}) as talking:
        opened = session.connect(server("pop3", talking.port, "ann"), lambda: "secret", None)
        opened.send(["RETR 1"])
        opened.answer()
        with pytest.raises(Exception, match="does not end"):
            list(opened.content(1000))
        opened.drop()


def test_an_answer_that_is_none_is_told() -> None:
    """What does not begin with +OK or -ERR, and what is too long for a line."""
    for greeting in (b"HELLO\r\n", b"+OK " + b"x" * 9000 + b"\r\n"):
        with (
            scripted.ScriptedServer(greeting, lambda _: b"+OK\r\n") as talking,
            pytest.raises(SourceError, match="is no POP3"),
        ):
            session.connect(server("pop3", talking.port, "ann"), lambda: "secret", None)


def test_the_folder_is_counted() -> None:
    """POP3 has one."""

    def answer(line: bytes) -> bytes:
        said = {b"STAT": b"+OK 3 1000\r\n", b"CAPA": b"-ERR what?\r\n"}
        return said.get(line, b"+OK\r\n")

    with scripted.ScriptedServer(b"+OK\r\n", answer) as talking:
        assert session.folders(server("pop3", talking.port, "ann"), lambda: "secret") == (("INBOX", 3),)
        assert talking.heard[-1] == b"QUIT"


@pytest.mark.parametrize(
    ("capa", "utf8", "asks"),
    [
        (b"+OK\r\nUIDL\r\nUTF8 USER\r\n.\r\n", b"+OK", 1),
        (b"+OK\r\nUTF8\r\n.\r\n", b"-ERR not now", 1),
        (b"+OK\r\nUIDL\r\nX-UTF8\r\n.\r\n", b"+OK", 0),
        (b"-ERR what?\r\n", b"+OK", 0),
    ],
)
def test_utf8_is_asked_for_before_the_login_where_it_is_offered(capa: bytes, utf8: bytes, asks: int) -> None:
    """RFC 6856, 2.1; a server that refuses what it offers is used without."""

    def answer(line: bytes) -> bytes:
        return {b"CAPA": capa, b"UTF8": utf8 + b"\r\n"}.get(line, b"+OK\r\n")

    with scripted.ScriptedServer(b"+OK\r\n", answer) as talking:
        opened = session.connect(server("pop3", talking.port, "ann"), lambda: "secret", None)
        opened.leave()
        assert opened.in_utf8 is (asks == 1 and utf8 == b"+OK")
        said = [b"CAPA", *[b"UTF8"] * asks, b"USER ann", b"PASS secret"]
        assert [line for line in talking.heard if line != b"QUIT"] == said


def test_a_refusal_for_now_is_told_from_others() -> None:
    """By its response code (RFC 2449, 8.1.1, RFC 3206)."""
    assert session.is_busy(ValueError("-ERR [SYS/TEMP] later"))
    assert session.is_busy(ValueError(b"-ERR [in-use] locked"))
    assert not session.is_busy(ValueError("-ERR [SYS/PERM] never"))
