"""The dialogue with a mail server, as `--trace` shows it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.sources.net.transcript import Transcript

SECRET = "open sesame 12"


def recorded() -> tuple[Transcript, list[str]]:
    """A transcript that hides a password, and its lines."""
    lines: list[str] = []
    transcript = Transcript(lines.append)
    transcript.hide("ann", SECRET)
    return transcript, lines


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b"A1 LOGIN ann secret\r\n", "C: A1 LOGIN ***"),
        (b"a1 login ann secret\r\n", "C: a1 login ***"),
        (b"PASS secret\r\n", "C: PASS ***"),
        (b"APOP ann 0123\r\n", "C: APOP ***"),
        (b"A1 AUTHENTICATE PLAIN AGFu\r\n", "C: A1 AUTHENTICATE PLAIN ***"),
        (b"USER ann\r\n", "C: USER ann"),
        (b"PASSAGE x\r\n", "C: PASSAGE x"),
        (b'A2 SELECT "x\x1b[2J"\r\n', 'C: A2 SELECT "x?[2J"'),
    ],
)
def test_what_is_sent_is_shown_without_secrets(sent: bytes, shown: str) -> None:
    """And without anything that a terminal obeys."""
    transcript, lines = recorded()
    transcript.client(sent)
    assert lines == [shown]


@pytest.mark.parametrize(
    "form", [SECRET, base64.b64encode(SECRET.encode()).decode(), base64.b64encode(f"\0ann\0{SECRET}".encode()).decode()]
)
@given(st.text(max_size=20), st.text(max_size=20))
def test_a_password_is_hidden_wherever_it_is(form: str, before: str, behind: str) -> None:
    """As it is, and as RFC 4616 and RFC 4648 write it; also where a server repeats it."""
    transcript, lines = recorded()
    transcript.client(f"X {before}{form}{behind}\r\n".encode())
    transcript.server(f"* BAD {before}{form}{behind}\r\n".encode())
    assert not [line for line in lines if form in line]
    assert len(lines) == len(["C", "S"])


def test_an_exchange_is_hidden_until_it_ends() -> None:
    """RFC 9051, 6.2.2: what is sent between AUTHENTICATE and its answer is the secret, in an encoding of its own."""
    transcript, lines = recorded()
    transcript.client(b"A1 AUTHENTICATE CRAM-MD5\r\n")
    transcript.server(b"+ PDE4\r\n")
    transcript.client(b"\r\n")
    transcript.client(b"YW5uIGI5\r\n")
    transcript.server(b"A1 OK done\r\n")
    transcript.client(b"A2 NOOP\r\n")
    assert lines[2:] == ["C: ***", "S: A1 OK done", "C: A2 NOOP"]


def test_messages_are_only_counted() -> None:
    """They are neither ours to show nor short."""
    transcript, lines = recorded()
    transcript.content(12345)
    assert lines == ["S: (12345 bytes)"]


def test_nothing_is_kept_unless_somebody_asks() -> None:
    """A run by cron has no trace."""
    transcript = Transcript(None)
    transcript.hide("ann", SECRET)
    transcript.client(b"PASS x\r\n")
    transcript.server(b"+OK\r\n")
    transcript.content(1)
    assert transcript._trace is None
