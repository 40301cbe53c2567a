"""A mail server in memory, as its source shows it: it refuses, fails, numbers mail anew, and gives names again."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tests.sources.restless import with_status
from trac_mailintake.intake.errors import Incomplete, LineBroke, SourceError
from trac_mailintake.intake.model import Account, Afterwards, Answer, Listed, Reply
from trac_mailintake.intake.ports.source import IN_A_ROW
from trac_mailintake.mail.content_digest import content_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FIRST: Final = datetime(2026, 11, 30, 10, tzinfo=UTC)
PERMANENT: Final = "NO cannot open it"
TEMPORARY: Final = "NO [UNAVAILABLE] later"


@dataclass
class Mail:
    """A mail. `old`: it was there before the first run. `how` it is given: "", refused, busy, or breaking the line."""

    number: int
    content: bytes
    minute: int
    old: bool = False
    how: str = ""

    @property
    def subject(self) -> str:
        """By which the journal knows it."""
        return f"Mail {self.number}"


@dataclass
class Server:
    """A mailbox. `numbers`: it has UIDVALIDITY and tells dates, as IMAP does; otherwise names, as POP3 does.

    `state` is "", down, refusing (for now) or breaking.
    """

    numbers: bool
    mails: dict[str, Mail] = field(default_factory=dict)
    """By UID, or by UIDL."""
    free: list[str] = field(default_factory=list)
    """Names that had other mails before."""
    validity: int = 1
    state: str = ""
    names: Iterator[int] = field(default_factory=itertools.count)

    def put(self, mail: Mail, name: str = "") -> None:
        """It is delivered; `name`: under a name that was used before."""
        self.mails[name or str(next(self.names) + 1)] = mail

    def remove(self, name: str) -> None:
        """It is gone."""
        self.mails.pop(name, None)
        self.free.append(name)

    def renumber(self) -> None:
        """All get new UIDs, in the same order."""
        self.validity += 1
        self.names = itertools.count()
        mails, self.mails, self.free = [*self.mails.values()], {}, []
        for each in mails:
            self.put(each)

    def write(self, status: str) -> None:
        """It writes a field into each mail."""
        for each in self.mails.values():
            each.content = with_status(each.content, status)

    def listed(self) -> dict[str, Listed]:
        """All messages by name."""
        return {name: self._listed(name, each) for name, each in self.mails.items()}

    def _listed(self, name: str, mail: Mail) -> Listed:
        size = len(mail.content)
        if not self.numbers:
            return Listed(name, f"{name} {size}", size, epoch="UIDL")
        when, locator = FIRST + timedelta(minutes=mail.minute), f"{self.validity}/{name}"
        return Listed(locator, f"{locator} {size} {when:%Y-%m-%dT%H:%M:%SZ}", size, when, epoch=str(self.validity))


class ServerSource:
    """`ports.Source` for it."""

    def __init__(self, server: Server, afterwards: Afterwards) -> None:
        self._server = server
        self._afterwards = afterwards
        self._doomed: list[str] = []
        self.account = Account("imap" if server.numbers else "pop3", "a server in memory")

    def _connect(self) -> None:
        if self._server.state == "down":
            raise SourceError("The server is down.")

    def _names(self) -> dict[str, str]:
        return {listed.locator: name for name, listed in self._server.listed().items()}

    def list(self) -> Sequence[Listed]:
        """See `ports.Source`."""
        self._connect()
        return [*self._server.listed().values()]

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """See `ports.Source`."""
        self._connect()
        names, in_row = self._names(), 0
        for listed in wanted:
            if listed.locator not in names:
                continue
            mail = self._server.mails[names[listed.locator]]
            how = {"refusing": "busy", "breaking": "breaking"}.get(self._server.state, mail.how)
            if how == "breaking":
                self._doomed.clear()
                raise LineBroke("The line broke.")
            if how and in_row >= IN_A_ROW:
                yield listed, _torn(TEMPORARY, asked=False)
            elif how:
                in_row += 1
                yield listed, _torn(TEMPORARY if how == "busy" else PERMANENT)
            else:
                in_row = 0
                yield listed, iter((mail.content,))

    def dispose(self, done: Sequence[tuple[Listed, str]]) -> Sequence[Reply]:
        """See `ports.Source`."""
        self._connect()
        names = self._names()
        return [self._disposed(names.get(listed.locator), content) for listed, content in done]

    def _disposed(self, name: str | None, content: str) -> Reply:
        if self._afterwards is Afterwards.LEAVE or name is None:
            return Reply(Answer.COMPLETED, final=True)
        mail = self._server.mails[name]
        if self._server.state or mail.how:
            return Reply(Answer.TRANSIENT, "It cannot be read again.", fault=True)
        if content_digest([mail.content]) != content:
            return Reply(Answer.PERMANENT, "It is another one.")
        self._doomed.append(name)
        return Reply(Answer.COMPLETED)

    def settle(self) -> None:
        """See `ports.Source`."""
        self._connect()
        for name in self._doomed:
            self._server.remove(name)
        self._doomed.clear()

    def close(self) -> None:
        """See `ports.Source`."""
        self._doomed.clear()


def _torn(words: str, *, asked: bool = True) -> Iterator[bytes]:
    yield b"From: "
    raise Incomplete(f"It did not come: {words}", asked=asked, temporary=words == TEMPORARY, words=words)
