"""The proxy that other tests break lines with does what they rely on."""

from __future__ import annotations

import imaplib
import poplib
import time
from typing import TYPE_CHECKING

import pytest

from tests.servers.delayproxy import Break, DelayProxy, Fault
from tests.servers.dovecot import PASSWORD
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.dovecot import Dovecot


@pytest.fixture
def proxy(dovecot: Dovecot) -> Iterator[DelayProxy]:
    """A proxy to IMAP."""
    with DelayProxy(dovecot.imap) as running:
        yield running


def test_delays_each_round_trip(proxy: DelayProxy) -> None:
    """A question and its answer take the round trip together; questions sent at once share one."""
    client = imaplib.IMAP4(proxy.host, proxy.port, timeout=10)
    proxy.round_trip = 0.1
    turns = proxy.traffic.turns
    begun = time.monotonic()
    client.noop()
    client.noop()
    assert time.monotonic() - begun >= 0.2
    assert proxy.traffic.turns - turns == 2
    begun = time.monotonic()
    client.send(b"X1 NOOP\r\nX2 NOOP\r\n")
    answers = [client.readline() for _ in range(2)]
    assert time.monotonic() - begun >= 0.1
    assert proxy.traffic.turns - turns == 3
    assert [answer.split()[:2] for answer in answers] == [[b"X1", b"OK"], [b"X2", b"OK"]]
    client.shutdown()


def test_carries_much(dovecot: Dovecot, proxy: DelayProxy) -> None:
    """Bytes arrive as they were sent, also with a delay."""
    user = dovecot.add_user()
    mail = b"Subject: much\r\n\r\n" + b"0123456789" * 100 * 1000 + b"\r\n"
    dovecot.deliver(user, mail)
    proxy.round_trip = 0.01
    with imaplib.IMAP4(proxy.host, proxy.port, timeout=10) as client:
        client.login(user, PASSWORD)
        client.select("INBOX", readonly=True)
        _, fetched = client.fetch("1", "(BODY.PEEK[])")
    assert isinstance(fetched[0], tuple)
    assert fetched[0][1] == mail


def test_cuts_after_an_answer(dovecot: Dovecot, proxy: DelayProxy) -> None:
    """The server does what it is asked, and the client never hears."""
    user = dovecot.add_user()
    dovecot.deliver(user, b"Subject: x\n\ntext\n")
    proxy.fault = Fault(Break.CUT, answers=3)
    client = imaplib.IMAP4(proxy.host, proxy.port, timeout=10)  # asks for the capabilities: the first answer
    client.login(user, PASSWORD)
    client.select("INBOX")
    with pytest.raises(imaplib.IMAP4.abort):
        client.store("1", "+FLAGS", r"\Seen")
    client.shutdown()
    assert proxy.traffic.broken == 1
    until(lambda: dovecot.stored(user)[0].flags == "S")


def test_goes_silent(proxy: DelayProxy) -> None:
    """A client waits until its own time-out."""
    proxy.fault = Fault(Break.SILENT, answers=1)
    client = imaplib.IMAP4(proxy.host, proxy.port, timeout=0.5)
    with pytest.raises(TimeoutError):
        client.noop()
    client.shutdown()


def test_answers_nonsense(proxy: DelayProxy) -> None:
    """A client reads what is no IMAP."""
    proxy.fault = Fault(Break.NONSENSE, answers=1)
    client = imaplib.IMAP4(proxy.host, proxy.port, timeout=5)
    with pytest.raises(imaplib.IMAP4.abort, match="no answer to anything"):
        client.noop()
    client.shutdown()


@pytest.mark.parametrize("octets", [0, 1, 60])
def test_cuts_after_octets(dovecot: Dovecot, proxy: DelayProxy, octets: int) -> None:
    """The line breaks in the midst of a word."""
    proxy.target = dovecot.pop3
    proxy.fault = Fault(Break.CUT, octets=octets)
    with pytest.raises((poplib.error_proto, EOFError)):
        poplib.POP3(proxy.host, proxy.port, timeout=5).capa()


def test_recovers(dovecot: Dovecot, proxy: DelayProxy) -> None:
    """After `reset` the line is good again."""
    proxy.target = dovecot.pop3
    proxy.fault = Fault(Break.CUT, answers=1)
    with pytest.raises(poplib.error_proto):
        poplib.POP3(proxy.host, proxy.port, timeout=5).capa()
    proxy.reset()
    client = poplib.POP3(proxy.host, proxy.port, timeout=5)
    assert client.capa()
    client.quit()
