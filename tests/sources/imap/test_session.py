"""What goes wrong with an IMAP server, and its dialogue."""

from __future__ import annotations

import base64
import dataclasses
import re

import pytest

from tests.servers.dovecot import PASSWORD, Dovecot
from tests.sources import scripted
from tests.sources.contract import (
    mail,
    take,
)
from tests.sources.imap_place import ImapPlace
from trac_mailintake.intake.errors import SourceError

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
