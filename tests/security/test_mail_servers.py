"""A hostile mail server, or somebody who poses as one: every session ends soon, in little memory, with a clear line."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.security.evil import dripping, endless, identity, imap, listed, ok, pop3, saying
from tests.security.visit import PASSWORD
from tests.servers.talking import TalkingServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SECONDS: Final = 120
"""Then a visit is ended, and its test fails. Those that drip are given up after five time-outs of a second."""
MEMORY: Final = 120 * 1024
"""Kilobytes: an answer of 32 MB, and what is made of it. Most visits take 10 MB, which are the libraries."""
ROOT = Path(__file__).parents[2]
LITERAL = b"* 1 FETCH (UID 1 %s BODY[] {%s}\r\n"


@dataclass(frozen=True)
class Visit:
    """What a visit came to."""

    said: str
    refused: str
    memory: int


def greeting(piece: bytes, *, drip: bool = False) -> TalkingServer:
    """A server whose greeting has no end."""
    return TalkingServer((dripping if drip else endless)(piece)(b""), lambda _: ())


def literal(size: bytes, *more: bytes) -> Callable[[bytes], list[bytes]]:
    """A body that is said to have a size."""
    return lambda _: [LITERAL % (identity(10), size), *more]


SLICE = 1024 * 1024


def slices(tag: bytes) -> list[bytes]:
    """A part of a message that has always another one."""
    offset = slices.asked * SLICE  # type: ignore[attr-defined]  # how often it was asked for
    slices.asked += 1  # type: ignore[attr-defined]  # likewise
    head = b"* 1 FETCH (UID 1 %s BODY[]<%d> {%d}\r\n" % (identity(3 * SLICE), offset, SLICE)
    return [head, b"x" * SLICE, b")\r\n", ok(tag)]


slices.asked = 0  # type: ignore[attr-defined]  # see above


def in_turn(*answers: Callable[[bytes], Iterable[bytes]]) -> Callable[[bytes], Iterable[bytes]]:
    """Another answer each time."""
    left = iter(answers)

    def answer(tag: bytes) -> Iterable[bytes]:
        return next(left)(tag)

    return answer


def refused(tag: bytes) -> Iterable[bytes]:
    """Say no."""
    return (tag + b" NO not in slices\r\n",)


ALL = LITERAL % (identity(3 * SLICE), b"20000000")
NOTHING = saying(b"")
IMAP: Final[Mapping[str, tuple[Callable[[], TalkingServer], str]]] = {
    "a greeting without an end": (lambda: greeting(b"x"), "no IMAP"),
    "a greeting that drips": (lambda: greeting(b"x", drip=True), "too slowly"),
    "greetings without an end": (lambda: greeting(b"* OK hello\r\n"), "too long"),
    "a million capabilities": (lambda: imap({b"CAPABILITY": endless(b"* CAPABILITY IMAP4rev1\r\n")}), "too long"),
    "untagged answers without an end": (lambda: imap({b"LOGIN": endless(b"* OK wait\r\n")}), "too long"),
    "untagged answers that drip": (lambda: imap({b"LOGIN": dripping(b"* OK wait\r\n")}), "too slowly"),
    "continuations without an end": (lambda: imap({b"LOGIN": endless(b"+ go on\r\n")}), "too long"),
    "lines of a megabyte": (lambda: imap({b"LOGIN": endless(b"* OK " + b"x" * 900_000 + b"\r\n")}), "too long"),
    "answers to other questions": (lambda: imap({b"LOGIN": endless(b"ZZ99 OK fine\r\n")}), "unexpected"),
    "a literal larger than memory": (lambda: imap({b"BODY": literal(b"4000000000000000000")}), "too long"),
    "a literal larger than numbers": (lambda: imap({b"BODY": literal(b"9" * 30)}), "too long"),
    "a literal of five thousand digits": (lambda: imap({b"BODY": literal(b"9" * 5000)}), "no IMAP"),
    "a literal of two gigabytes that comes": (
        lambda: imap({b"BODY": endless(b"x", LITERAL % (identity(10), b"2000000000"))}),
        "too long",
    ),
    "a literal that drips": (lambda: imap({b"BODY": dripping(b"x", LITERAL % (identity(10), b"20000"))}), "too slowly"),
    "a literal shorter than it says": (lambda: imap({b"BODY": literal(b"3000", b"abc)\r\n")}), "no answer within 1 s"),
    "a message without an end": (
        lambda: imap({b"FETCH": saying(listed(1, 3 * SLICE)), b"BODY": slices}, mails=1),
        "longer than",
    ),
    "all of a message for a slice, without an end": (
        lambda: imap(
            {b"FETCH": saying(listed(1, 3 * SLICE)), b"BODY": endless(b"x", ALL.replace(b"{2", b"{22"))}, mails=1
        ),
        "too long",
    ),
    "all of a message for a slice, that drips": (
        lambda: imap({b"FETCH": saying(listed(1, 3 * SLICE)), b"BODY": dripping(b"x", ALL)}, mails=1),
        "too slowly",
    ),
    "a message in no slices, without an end": (
        lambda: imap(
            {
                b"FETCH": saying(listed(1, 3 * SLICE)),
                b"BODY": in_turn(refused, endless(b"x", ALL.replace(b"{2", b"{22"))),
            },
            mails=1,
        ),
        "longer than",
    ),
    "a message in no slices, that drips": (
        lambda: imap({b"FETCH": saying(listed(1, 3 * SLICE)), b"BODY": in_turn(refused, dripping(b"x", ALL))}, mails=1),
        "too slowly",
    ),
    "four billion mails": (lambda: imap({b"FETCH": NOTHING}, mails=2**32 - 1), "mails; move old ones elsewhere"),
    "mails that are not there, without an end": (
        lambda: imap({b"FETCH": endless(b"* 1 FETCH (UID 1 FLAGS ())\r\n")}),
        "too long",
    ),
    "a number of five thousand digits": (
        lambda: imap({b"EXAMINE": saying(b"* 3 EXISTS\r\n* OK [UIDVALIDITY " + b"9" * 5000 + b"] x\r\n")}),
        "no IMAP",
    ),
    "a validity of more than 32 bits": (
        lambda: imap({b"EXAMINE": saying(b"* 3 EXISTS\r\n* OK [UIDVALIDITY 99999999999] x\r\n")}),
        "32 bits",
    ),
    "somebody who is logged in already": (
        lambda: TalkingServer(
            (b"* PREAUTH come in\r\n",), lambda line: (b"* CAPABILITY IMAP4rev1\r\n" + ok(line.split()[0]),)
        ),
        "refused",
    ),
}
FOLDERS: Final[Mapping[str, tuple[Callable[[], TalkingServer], str]]] = {
    "a million folders": (lambda: imap({b"LIST": endless(b'* LIST () "/" "a folder"\r\n')}), "too long"),
    "folders within folders within folders": (
        lambda: imap({b"LIST": saying(b"* LIST " + b"(" * 100_000 + b"\r\n")}),
        "no IMAP",
    ),
    "a status within a status": (
        lambda: imap({b"STATUS": saying(b"* STATUS INBOX " + b"(" * 100_000 + b"\r\n")}),
        "no IMAP",
    ),
}
POP3: Final[Mapping[str, tuple[Callable[[], TalkingServer], str]]] = {
    "a greeting of POP3 without an end": (lambda: greeting(b"x"), "no POP3"),
    "a greeting of POP3 that drips": (lambda: greeting(b"x", drip=True), "too slowly"),
    "capabilities without an end": (lambda: pop3({b"CAPA": endless(b"X Y\r\n", b"+OK\r\n")}), "too long"),
    "a listing without an end": (lambda: pop3({b"LIST": endless(b"1 1\r\n", b"+OK\r\n")}), "too long"),
    "a listing that drips": (lambda: pop3({b"LIST": dripping(b"1 1\r\n", b"+OK\r\n")}), "too slowly"),
    "a number of a mail of five thousand digits": (
        lambda: pop3({b"LIST": lambda _: [b"+OK\r\n" + b"9" * 5000 + b" 1\r\n.\r\n"]}),
        "no POP3",
    ),
    "a listing of nothing": (lambda: pop3({b"LIST": lambda _: [b"+OK\r\n\r\n.\r\n"]}), "no POP3"),
    "a name without an end": (lambda: pop3({b"UIDL": endless(b"1", b"+OK\r\n")}), "UIDL"),
    "a mail without an end": (lambda: pop3({b"RETR": endless(b"hello\r\n", b"+OK\r\n")}), "does not end"),
    "a line without an end": (lambda: pop3({b"RETR": endless(b"x", b"+OK\r\n")}), "does not end"),
    "a mail that drips": (lambda: pop3({b"RETR": dripping(b"x", b"+OK\r\n")}), "too slowly"),
}
HARMLESS: Final[Mapping[str, tuple[Callable[[], TalkingServer], str]]] = {
    "bodies within bodies": (
        lambda: imap({b"FETCH": saying(b"* 1 FETCH (" + b"BODY[" * 190_000 + b")\r\n")}),
        "0 mails",
    ),
    "quotes within bodies": (
        lambda: imap({b"FETCH": saying(b"* 1 FETCH (" + b'BODY[] "' * 120_000 + b")\r\n")}),
        "0 mails",
    ),
    "sizes that are none": (lambda: imap({b"FETCH": saying(listed(1, 10**18 - 1))}), "did not come"),
    "the same mail twice, another out of order": (
        lambda: imap({b"FETCH": saying(listed(9) + listed(2) + listed(9, 11))}),
        "did not come",
    ),
    "a literal longer than the size told before": (
        lambda: imap({b"BODY": literal(b"3000", b"x" * 3000, b")\r\n", b"* OK x\r\n")}),
        "",
    ),
}
POP3_HARMLESS: Final[Mapping[str, tuple[Callable[[], TalkingServer], str]]] = {
    "two mails of one name, and two names of one mail": (
        lambda: pop3({b"UIDL": lambda _: [b"+OK\r\n1 a\r\n2 a\r\n1 b\r\n3 a\r\n.\r\n"]}),
        "2 mails",
    ),
    "numbers below zero and beyond": (
        lambda: pop3({b"LIST": lambda _: [b"+OK\r\n-1 -5\r\n1 " + b"9" * 30 + b"\r\n.\r\n"]}),
        "3 mails",
    ),
}
KINDS: Final = (("imap", "mailbox", IMAP), ("imap", "folders", FOLDERS), ("pop3", "mailbox", POP3))
SURVIVED: Final = (("imap", "mailbox", HARMLESS), ("pop3", "mailbox", POP3_HARMLESS))


def visited(protocol: str, what: str, make: Callable[[], TalkingServer]) -> Visit:
    """What a process of its own says of a server."""
    with make() as server:
        words = [sys.executable, "-m", "tests.security.visit", protocol, str(server.port), what]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, done.stderr[-2000:]
    return Visit(**json.loads(done.stdout))


@pytest.fixture(scope="module")
def visits() -> dict[str, object]:
    """All visits, several at a time, since some of them wait."""
    with ThreadPoolExecutor(8) as pool:
        return {
            name: pool.submit(visited, protocol, what, make)
            for protocol, what, table in (*KINDS, *SURVIVED)
            for name, (make, _) in table.items()
        }


def visit_of(visits: dict[str, object], name: str) -> Visit:
    """One of them, which came to an end, and did not take much."""
    visit: Visit = visits[name].result()  # type: ignore[attr-defined]  # a Future
    assert visit.memory < MEMORY
    assert PASSWORD not in visit.said + visit.refused
    assert (visit.said + visit.refused).isprintable()
    assert len(visit.refused) < 400
    return visit


@pytest.mark.parametrize(("name", "told"), [(name, told) for _, _, table in KINDS for name, (_, told) in table.items()])
def test_a_hostile_mail_server_is_given_up(visits: dict[str, object], name: str, told: str) -> None:
    """In bounded time and memory, with a line that says why, and never with an exception of a library's."""
    visit = visit_of(visits, name)
    assert told in visit.refused, visit


@pytest.mark.parametrize(
    ("name", "told"), [(name, told) for _, _, table in SURVIVED for name, (_, told) in table.items()]
)
def test_what_makes_no_sense_does_no_harm(visits: dict[str, object], name: str, told: str) -> None:
    """It is left out, or counted once."""
    visit = visit_of(visits, name)
    assert told in visit.said + visit.refused, visit


def test_what_a_server_says_is_shown_without_what_a_terminal_obeys() -> None:
    """Alerts, referrals and farewells; neither the log nor a page nor a terminal gets an escape."""
    evil = b"NO [ALERT] [REFERRAL imap://evil/] \x1b]0;pwned\x07 \xc2\x9b31m \xe2\x80\xaereversed\r\n"

    def alerting(command: bytes) -> TalkingServer:
        return imap({command: lambda tag: [tag + b" " + evil]})

    for command in (b"LOGIN", b"EXAMINE", b"LIST", b"FETCH"):
        what = "folders" if command == b"LIST" else "mailbox"
        visit = visited("imap", what, partial(alerting, command))
        assert "[ALERT]" in visit.refused
        assert visit.refused.isprintable()
    farewell = TalkingServer((b"* BYE [ALERT] \x1b[31m go\r\n",), lambda _: ())
    assert visited("imap", "mailbox", lambda: farewell).refused.isprintable()
    refusing = visited("pop3", "mailbox", lambda: pop3({b"PASS": lambda _: [b"-ERR \x1b]0;pwned\x07\r\n"]}))
    assert "refused" in refusing.refused
    assert refusing.refused.isprintable()
