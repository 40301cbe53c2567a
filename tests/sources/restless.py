"""Servers that keep no promise about their mail: they number it anew, write into it, or give one name to several."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from tests.sources.bent import Bend, BentServer
from tests.sources.scripted import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.sources.scripted import Answer


def with_status(content: bytes, status: str) -> bytes:
    """The mail as a server that keeps it in an mbox gives it: with a field of its own, instead of the last one."""
    content = re.sub(rb"(?m)^Status: .*\n", b"", content)
    end = b"\r\n" if b"\r\n\r\n" in content else b"\n"
    head, gap, body = content.partition(end * 2)
    return head + end + b"Status: " + status.encode("ascii") + gap + body


class RestlessImap(BentServer):
    """IMAP. `validity` is the UIDVALIDITY; `renews`: it is another one in each session; `dates`: INTERNALDATE, too."""

    def __init__(self, mails: Iterable[bytes], bends: Mapping[int, Bend] | None = None) -> None:
        super().__init__(mails, Bend(), bends)
        self.validity = 7
        self.renews = False
        self.dates = False
        self._day = 1

    def deliver(self, content: bytes) -> None:
        """Append it to INBOX."""
        inbox = self.folders[b"INBOX"]
        inbox[max(inbox, default=0) + 1] = content

    def write(self, status: str) -> None:
        """Write a field into each mail."""
        inbox = self.folders[b"INBOX"]
        inbox.update({uid: with_status(content, status) for uid, content in inbox.items()})

    def _login(self, _: bytes) -> Iterator[bytes]:
        self.validity += self.renews
        self._day += self.dates
        yield from ()

    def _select(self, arguments: bytes) -> Iterator[bytes]:
        self._selected = arguments.strip(b'"')
        yield b"* %d EXISTS\r\n* OK [UIDVALIDITY %d] yes\r\n" % (len(self.mails), self.validity)

    _examine = _select

    def _identity(self, bend: Bend, mail: memoryview, *, body: bool = False) -> bytes:
        told = super()._identity(bend, mail, body=body)
        return told.replace(b"01-Feb", b"%02d-Feb" % self._day)


class RestlessPop3:
    """POP3. Each mail is a number's UIDL line (None: there is none), its LIST line, and its bytes.

    `wraps` is given instead of mail with octets above 127 unless the session asked for UTF8, which is offered then.
    """

    def __init__(self, wraps: bytes = b"") -> None:
        self.mails: dict[int, tuple[bytes | None, bytes | None, bytes]] = {}
        self.wraps = wraps
        self.offers = [b"UIDL", *([b"UTF8 USER"] if wraps else [])]
        self.refuses: set[bytes] = set()
        """Lines that are refused."""
        self.drops: set[bytes] = set()
        """Lines at which the line is dropped."""
        self._numbers = itertools.count(1)
        self._utf8 = False
        self._doomed: set[int] = set()
        self.server = ScriptedServer(b"+OK ready\r\n", self._answer)

    def put(self, content: bytes, uidl: bytes | None = b"", size: bytes | None = b"") -> int:
        """Append a mail. An empty UIDL line has a new one, an empty size is the true one; None: no line."""
        number = max(self.mails, default=0) + 1
        content = content.replace(b"\n", b"\r\n")
        self.mails[number] = (
            b"%d u%d" % (number, next(self._numbers)) if uidl == b"" else uidl,
            b"%d %d" % (number, len(content)) if size == b"" else size,
            content,
        )
        return number

    def change(self, number: int, content: bytes) -> None:
        """Another mail has its UIDL from now on, or it has another form."""
        uidl, _, _ = self.mails[number]
        content = content.replace(b"\n", b"\r\n")
        self.mails[number] = (uidl, b"%d %d" % (number, len(content)), content)

    def _answer(self, line: bytes) -> Answer:
        word, _, number = line.partition(b" ")
        if line in self.drops:
            return None
        if line in self.refuses:
            return b"-ERR [SYS/PERM] no\r\n"
        name = {b"UTF8": "_utf8_asked"}.get(word, f"_{word.decode('ascii').lower()}")
        answer = getattr(self, name, None)
        return answer(number) if answer else b"+OK\r\n"

    def _capa(self, _: bytes) -> Answer:
        return b"+OK\r\n" + b"".join(each + b"\r\n" for each in self.offers) + b".\r\n"

    def _user(self, _: bytes) -> Answer:
        self._doomed.clear()
        return b"+OK\r\n"

    def _utf8_asked(self, _: bytes) -> Answer:
        self._utf8 = True
        return b"+OK\r\n"

    def _quit(self, _: bytes) -> Answer:
        for number in self._doomed:
            self.mails.pop(number, None)
        self._doomed.clear()
        self._utf8 = False
        return b"+OK\r\n"

    def _list(self, _: bytes) -> Answer:
        return self._lines(size for _, size, _ in self.mails.values())

    def _uidl(self, _: bytes) -> Answer:
        return self._lines(uidl for uidl, _, _ in self.mails.values())

    def _lines(self, lines: Iterable[bytes | None]) -> bytes:
        return b"+OK\r\n" + b"".join(line + b"\r\n" for line in lines if line is not None) + b".\r\n"

    def _retr(self, number: bytes) -> Answer:
        content = self.mails[int(number)][2] if int(number) in self.mails else None
        if content is None:
            return b"-ERR no such message\r\n"
        if self.wraps and not self._utf8 and not content.isascii():
            content = self.wraps
        return b"+OK\r\n" + content + b".\r\n"

    def _dele(self, number: bytes) -> Answer:
        self._doomed.add(int(number))
        return b"+OK\r\n"
