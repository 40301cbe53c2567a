"""Mail servers that mean harm: each is a generator of what it answers, and there is no end to what some of them say."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

from tests.servers.talking import TalkingServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

Answers = "Mapping[bytes, Callable[[bytes], Iterable[bytes]]]"
"""What is said to a command, given its tag (IMAP) or what follows the command (POP3)."""


def imap(answers: Mapping[bytes, Callable[[bytes], Iterable[bytes]]], *, mails: int = 3) -> TalkingServer:
    """An IMAP server that is honest but for some commands (`BODY` is the FETCH of bodies)."""

    def answer(line: bytes) -> Iterable[bytes]:
        tag, _, rest = line.partition(b" ")
        command = rest.upper().removeprefix(b"UID ").split(b" ", 1)[0]
        if command == b"FETCH" and b"BODY" in rest.upper():
            command = b"BODY"
        if command in answers:
            return answers[command](tag)
        said = {
            b"CAPABILITY": b"* CAPABILITY IMAP4rev1 UIDPLUS MOVE\r\n",
            b"EXAMINE": b"* %d EXISTS\r\n* OK [UIDVALIDITY 7] fine\r\n" % mails,
            b"LIST": b'* LIST () "/" INBOX\r\n',
            b"STATUS": b"* STATUS INBOX (MESSAGES 3)\r\n",
            b"FETCH": b"".join(listed(number) for number in range(1, min(mails, 3) + 1)),
        }
        return (said.get(command, b"") + ok(tag),)

    return TalkingServer((b"* OK ready\r\n",), answer)


def pop3(answers: Mapping[bytes, Callable[[bytes], Iterable[bytes]]]) -> TalkingServer:
    """A POP3 server that is honest but for some commands."""

    def answer(line: bytes) -> Iterable[bytes]:
        command, _, rest = line.upper().partition(b" ")
        if command in answers:
            return answers[command](rest)
        said = {
            b"CAPA": b"UIDL\r\nPIPELINING\r\n.\r\n",
            b"LIST": b"1 7\r\n2 7\r\n3 7\r\n.\r\n",
            b"UIDL": b"1 a\r\n2 b\r\n3 c\r\n.\r\n",
            b"RETR": b"hello\r\n.\r\n",
        }
        return (b"+OK\r\n" + said.get(command, b""),)

    return TalkingServer((b"+OK ready\r\n",), answer)


def ok(tag: bytes) -> bytes:
    """A command has succeeded."""
    return tag + b" OK done\r\n"


def identity(size: int) -> bytes:
    """The items that tell messages apart."""
    return b'RFC822.SIZE %d INTERNALDATE "01-Feb-2026 10:00:00 +0100"' % size


def listed(number: int, size: int = 10) -> bytes:
    """A message of a listing."""
    return b"* %d FETCH (UID %d FLAGS () %s)\r\n" % (number, number, identity(size))


def saying(text: bytes) -> Callable[[bytes], Iterable[bytes]]:
    """Say something, then that all is well."""
    return lambda tag: (text + ok(tag),)


def endless(piece: bytes, begin: bytes = b"") -> Callable[[bytes], Iterator[bytes]]:
    """Say the same, for ever."""
    many = piece * max(1, 65536 // len(piece))
    return lambda _: itertools.chain((begin,), itertools.repeat(many))


def dripping(piece: bytes, begin: bytes = b"") -> Callable[[bytes], Iterator[bytes]]:
    """Say the same, for ever, and slowly: never so slowly that one read takes too long."""

    def drops(_: bytes) -> Iterator[bytes]:
        yield begin
        while True:
            yield piece
            time.sleep(0.3)

    return drops
