"""What a sender wrote is shown by commands, logs and feeds, and obeyed by none of them."""

from __future__ import annotations

import base64
import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox
from tests.servers.tracenv import TracEnv
from trac_mailintake.components.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

TITLE = "\x1b]0;pwned\x07"
EVIL = f"{TITLE}\x1b[31m\x9b31m\u202ereversed\u2028line\x85next\x08\x08\r\nsupport: 7 created\x7f\ufffe"
COMMANDS = (
    ("journal", "list"),
    ("journal", "list", "--json"),
    ("journal", "show", "1"),
    ("journal", "show", "1", "--json"),
    ("journal", "show", "2"),
    ("held", "list"),
    ("held", "list", "--json"),
    ("held", "show", "2"),
    ("status",),
    ("status", "--json"),
    ("service", "list"),
    ("service", "show", "support"),
    ("queue", "list"),
)


def encoded(text: str) -> str:
    """An encoded word."""
    return "=?utf-8?b?" + base64.b64encode(text.encode()).decode() + "?="


def hostile(number: int) -> bytes:
    """A mail with all of it in subject, name, Message-ID, text and the name of a file; raw and encoded."""
    head = f"""From: {encoded("Ann" + EVIL)} <ann@example.net>
To: support@example.org
Subject: {encoded("Help " + EVIL)} \x1b[31m \x07 raw
Message-ID: <{number}\x1b[31m@example.net>
References: <{TITLE}@example.net>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Hello {EVIL}
--b
Content-Type: application/octet-stream
Content-Disposition: attachment; filename="{encoded("file" + EVIL + ".txt")}"

x
--b--
"""
    return head.encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def trac(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TracEnv]:
    """An environment in which one such mail was filed, and one is held."""
    folder = tmp_path_factory.mktemp("output")
    trac = TracEnv.create(folder / "env")
    mailbox = Mailbox(trac, folder / "maildir")
    trac.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
    mailbox.add_service()
    mailbox.put(hostile(1))
    mailbox.run()
    trac.command("mailintake", "service", "set", "support", "allow=example.org")
    mailbox.put(hostile(2))
    mailbox.run()
    (folder / "hostile.eml").write_bytes(hostile(3))
    yield trac
    trac.close()


@pytest.mark.parametrize("words", [*COMMANDS, ("explain", "hostile.eml"), ("explain", "hostile.eml", "--json")])
def test_no_command_lets_a_terminal_obey_a_sender(trac: TracEnv, words: tuple[str, ...]) -> None:
    """Neither escapes nor what turns the line around: they are written out, in JSON as its own escapes."""
    words = tuple(str(trac.path.parent / word) if word.endswith(".eml") else word for word in words)
    done = trac.command("mailintake", *words)
    said = done.out + done.err
    assert said.strip()
    assert {letter for letter in said if not letter.isprintable()} <= {"\n"}
    if words[-1] == "--json" and done.out.strip():
        json.loads(done.out)


def test_what_is_hostile_is_there_all_the_same(trac: TracEnv) -> None:
    """These tests would tell: the mail's words are shown, with what was dangerous written out."""
    shown = trac.command("mailintake", "journal", "show", "1").out
    assert "Help" in shown
    assert "pwned" in shown
    assert "\\u202e" in shown


def test_a_text_is_shown_as_it_is_where_it_is_harmless() -> None:
    """Letters of all scripts, emoji with their joiners, lines; a blank of another width is a blank."""
    for text in ("Grüße, 你好, שלום, مرحبا", "👩\u200d💻", "two\nlines", "मन\u200dत्र"):
        assert plain(text) == text
    assert plain("10\u00a0€") == "10 €"
    assert plain("a\x1b[31mb\x9bc\u202ed") == "a\\x1b[31mb\\x9bc\\u202ed"


def test_a_sender_writes_no_lines_into_the_log(trac: TracEnv) -> None:
    """Each line of Trac's log is Trac's or ours."""
    log = trac.log()
    assert {letter for letter in log if not letter.isprintable()} <= {"\n", "\t"}
    assert "\nsupport: 7 created" not in log


def test_a_mail_leaves_no_control_characters_in_tickets(trac: TracEnv) -> None:
    """Which no XML may hold: the ticket's feed and the timeline's go on working for everybody else."""
    with trac.serve() as tracd:
        visitor = tracd.visitor()
        for feed in (
            "/timeline?ticket=on&format=rss",
            "/query?format=rss",
            "/ticket/1?format=rss",
            "/report/1?format=rss",
        ):
            answer = visitor.get(feed)
            assert answer.status == 200
            ET.fromstring(answer.text)  # noqa: S314 - of our own Trac
    ((summary, description, reporter),) = trac.query("SELECT summary, description, reporter FROM ticket")
    for text in (summary, description, reporter):
        assert not {letter for letter in str(text) if ord(letter) < 32 or ord(letter) == 127} - {"\n", "\r", "\t"}
    assert "\n" not in f"{summary}{reporter}"
