"""fetch and dispose: a POP3 mailbox (RFC 1939), whose messages are identified by UIDL.

Servers sometimes reuse a UIDL, so a message is deleted only after it was read in the same session and found equal to
the archived one. Messages that share a UIDL, or have none, are told apart by the digest of their content, for which
they must be read in each session.
"""

from __future__ import annotations

import contextlib
import logging
import poplib
from collections import defaultdict
from typing import TYPE_CHECKING

from trac_mailintake.intake.errors import Incomplete, SourceError
from trac_mailintake.intake.model import UNREAD, UTF8, Account, Afterwards, Answer, Listed, Reply
from trac_mailintake.intake.ports.source import IN_A_ROW
from trac_mailintake.mail.content_digest import ContentDigest
from trac_mailintake.sources.errors import address, asking, excerpt, missing, raising, told
from trac_mailintake.sources.local import files
from trac_mailintake.sources.net.quota import most
from trac_mailintake.sources.pop3 import NAME
from trac_mailintake.sources.pop3.listing import lines
from trac_mailintake.sources.pop3.session import connect, is_busy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from trac_mailintake.hookspecs import Opening
    from trac_mailintake.sources.pop3.listing import Line
    from trac_mailintake.sources.pop3.session import Session

log = logging.getLogger(__name__)

_AT_ONCE = 50
"""Commands sent before their answers are read, if the server offers PIPELINING (RFC 2449, 6.6)."""

_SESSIONS = 12
"""Sessions that may break while messages without a UIDL of their own are read: servers count logins."""

_EPOCH = "UIDL"
"""A UIDL identifies its message for ever (RFC 1939, 7)."""

_OTHER = Reply(Answer.PERMANENT, "the server gave its UIDL to another message, which was left alone")


class Pop3Source:
    """One mailbox. A session sees the messages that were there when it began; `settle` ends it."""

    def __init__(self, opening: Opening) -> None:
        """`opening` has a server. Raises SourceError."""
        if opening.server is None:
            raise SourceError(f"service {opening.service.name}: no mail server is given; set one")
        self._server = opening.server
        self._opening = opening
        self._session: Session | None = None
        self._at_once = 1
        self._listed: dict[int, Listed] = {}
        self._contents: dict[int, str] = {}
        """Of the messages read in this session, the digests of their content."""
        self._words: dict[int, str] = {}
        """Of the messages that could not be read, what the server said."""
        self._unreadable: set[tuple[int, Line]] = set()
        """The messages over which a session broke, by number: it stays while nothing is removed."""
        self._deleted: set[int] = set()
        self._lost = False
        self.account = Account(NAME, address(opening.server))

    def list(self) -> Sequence[Listed]:
        """All messages, in the server's order; equal copies that share a UIDL count once (RFC 1939, 7)."""
        while True:
            before = len(self._unreadable)
            try:
                with self._guarded():
                    self._open()
                break
            except SourceError:
                if not before < len(self._unreadable) < _SESSIONS:
                    raise
        unique: dict[str, Listed] = {}
        for number, listed in self._listed.items():
            if number not in self._deleted:
                unique.setdefault(listed.locator, listed)
        return [*unique.values()]

    # fetch

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """The bytes of each, with several requested at once."""
        numbered = self._numbered(wanted)
        refused = Refused()
        for start in range(0, len(numbered), self._at_once):
            if refused.in_row >= IN_A_ROW:
                for _, listed in numbered[start:]:
                    yield listed, self._missing(listed, refused.words, asked=False)
                return
            yield from self._retrieve(numbered[start : start + self._at_once], refused)

    def _missing(self, listed: Listed, words: str, *, asked: bool = True) -> Iterator[bytes]:
        return raising(missing(self.account.label, listed.locator, words, asked=asked))

    def _numbered(self, wanted: Sequence[Listed]) -> Sequence[tuple[int, Listed]]:
        """The number of each wanted message that exists; the first one of equal copies."""
        if not wanted:
            return []
        with self._guarded():
            self._open()
        numbers: dict[str, int] = {}
        for number, listed in self._listed.items():
            if number not in self._deleted:
                numbers.setdefault(listed.locator, number)
        found = ((numbers.get(listed.locator), listed) for listed in wanted)
        return [(number, listed) for number, listed in found if number is not None]

    def _retrieve(
        self, batch: Sequence[tuple[int, Listed]], refused: Refused
    ) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        with self._guarded():
            session = self._open()
        with asking(), self._guarded():
            session.send([f"RETR {number}" for number, _ in batch])
        waiting = len(batch)
        try:
            for number, listed in batch:
                with asking(), self._guarded():
                    accepted, said = session.answer()
                refused.heard(said, accepted=accepted)
                if accepted:
                    reading = self._reading(session, number)
                    yield listed, reading
                    for _ in reading:
                        pass  # read what the caller did not want: the next answer follows it
                else:
                    yield listed, self._missing(listed, said)
                waiting -= 1
        finally:
            if waiting:
                self._drop()

    def _reading(self, session: Session, number: int) -> _Reading:
        # Only for this session: after a failure the numbers mean other messages.
        contents, longest = self._contents, most(self._listed[number].size)

        def chunks() -> Iterator[bytes]:
            with asking(), self._guarded():
                yield from session.content(longest)

        def finish(content: str) -> None:
            contents[number] = content

        return _Reading(chunks(), finish)

    def heads(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, bytes]]:
        """See `ports.Peeking`: by TOP (RFC 1939, 7), which is optional."""
        numbered = self._numbered(wanted)
        if not numbered:
            return
        with asking(), self._guarded():
            offered = self._open().gives_heads()
        refused = Refused()
        for start in range(0, len(numbered) if offered else 0, self._at_once):
            yield from self._tops(numbered[start : start + self._at_once], refused)
            if refused.in_row >= IN_A_ROW:
                return

    def _tops(self, batch: Sequence[tuple[int, Listed]], refused: Refused) -> Sequence[tuple[Listed, bytes]]:
        """The beginnings of messages, without those that are refused."""
        came = []
        with asking(), self._guarded():
            session = self._open()
            session.send([f"TOP {number} 0" for number, _ in batch])
            for number, listed in batch:
                accepted, said = session.answer()
                refused.heard(said, accepted=accepted)
                if accepted:
                    chunks = session.content(most(self._listed[number].size))
                    came.append((listed, next(chunks, b"")))
                    for _ in chunks:
                        pass  # some servers do not count lines
        return came

    def advice(self) -> str:
        """See `ports.Advising`: whether the server offers TOP, if the service needs it, and gives the first header."""
        if not self._opening.service.recipients.catchemail:
            return ""
        first = self.list()[:1]
        with self._guarded():
            offered = self._open().gives_heads()
        if offered and len(list(self.heads(first))) == len(first):
            return ""
        return (
            f"{self.account.label}: the server gives no headers without bodies (TOP), so mail for others is fetched "
            "whole to see whom it is for; nothing of it is kept. Use IMAP if the server offers it"
        )

    # dispose

    def dispose(self, done: Sequence[tuple[Listed, str]]) -> Sequence[Reply]:
        """Mark as deleted, which `settle` makes final, or leave."""
        if self._opening.afterwards.word is Afterwards.LEAVE or not done:
            return [files.DONE] * len(done)
        with self._guarded():
            self._open()
        alike = self._alike()
        replies: list[Reply] = []
        doomed: dict[int, int] = {}
        for place, (listed, content) in enumerate(done):
            there = {number: self._content(number) for number in alike.get(listed.locator, ())}
            same = [number for number, each in there.items() if each == content]
            doomed |= {number: place for number in same if number not in self._deleted}
            replies.append(self._reply(listed, there, content))
        for number, said in self._delete([*doomed]).items():
            sentence = f"{self.account.label}: DELE was refused ({said}); the mail stays, the next run tries again"
            replies[doomed[number]] = Reply(Answer.TRANSIENT, sentence, fault=True)
        return replies

    def _reply(self, listed: Listed, there: Mapping[int, str], content: str) -> Reply:
        """The reply for a message of this content, by the contents of those at its locator; "" could not be read."""
        if content in there.values():
            return files.DONE
        words = [self._words.get(number, "") for number, each in there.items() if not each]
        if not words:
            return _OTHER if there else files.GONE
        sentence = (
            f"{self.account.label}: message {listed.locator} cannot be read again ({words[0]}), and so not compared"
            " with the archived one; it stays there, the next run tries again"
        )
        return Reply(Answer.TRANSIENT, sentence, fault=True)

    def _alike(self) -> Mapping[str, Sequence[int]]:
        """The numbers of all messages with one locator, by that."""
        alike: defaultdict[str, list[int]] = defaultdict(list)
        for number, listed in self._listed.items():
            alike[listed.locator].append(number)
        return alike

    def _content(self, number: int) -> str:
        """The digest of a message's content, read again unless this session has read it; "" if it cannot be read."""
        if number not in self._contents:
            for _, chunks in self._retrieve([(number, self._listed[number])], Refused()):
                try:
                    for _ in chunks:
                        pass
                except Incomplete as error:
                    self._words[number] = error.words
        return self._contents.get(number, "")

    def _delete(self, numbers: Sequence[int]) -> dict[int, str]:
        """Mark as deleted. Returns the refused messages, with the server's text."""
        refused = {}
        with self._guarded():
            session = self._open()
            for start in range(0, len(numbers), self._at_once):
                batch = numbers[start : start + self._at_once]
                session.send([f"DELE {number}" for number in batch])
                for number in batch:
                    accepted, said = session.answer()
                    if accepted:
                        self._deleted.add(number)
                    else:
                        refused[number] = said
        return refused

    def settle(self) -> None:
        """Send QUIT, which makes the server delete. The next call begins a new session.

        If a session with deletions was lost, this fails until `close`, since it is unknown which deletions were undone.
        """
        if self._session is not None:
            with self._guarded():
                self._session.send(["QUIT"])
                accepted, said = self._session.answer()
                if not accepted:
                    raise SourceError(f"{self.account.label}: not all was deleted ({said}); the next run tries again")
            self._deleted.clear()
            self._drop()
        if self._lost:
            raise SourceError(
                f"{self.account.label}: the line was lost before QUIT, so the server keeps what was to be deleted; "
                "the next run deletes it"
            )

    # the session

    def close(self) -> None:
        """Close the connection; messages that are marked but not settled stay."""
        if self._session is not None and not self._deleted:
            self._session.leave()
        self._drop()
        self._lost = False

    def _drop(self) -> None:
        session, self._session = self._session, None
        self._lost = self._lost or bool(self._deleted)
        self._listed, self._contents, self._words, self._deleted = {}, {}, {}, set()
        if session is not None:
            session.drop()

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn failures into SourceError; the session cannot be used afterwards."""
        try:
            with told(self._server, self.account.label, poplib.error_proto):
                yield
        except BaseException:
            self._drop()
            raise

    def _open(self) -> Session:
        """The session; a new one first lists all messages by number."""
        if self._session is None:
            session = connect(self._server, self._opening.password, self._opening.trace)
            self._session = session
            self._at_once = _AT_ONCE if session.offers("PIPELINING") else 1
            there = self._lines(session)
            form = UTF8 if session.in_utf8 else ""
            self._listed = {number: _named(each.name, each.size, form) for number, each in there.items()}
            self._tell_apart({number: each for number, each in there.items() if not each.alone}, form)
        if self._session is None:
            raise SourceError(f"{self.account.label}: the session ended; the next run begins a new one")
        return self._session

    def _lines(self, session: Session) -> dict[int, Line]:
        sizes = session.list()[1]
        if not sizes:
            return {}
        try:
            return lines(sizes, session.uidl()[1])
        except poplib.error_proto as error:
            if is_busy(error):
                raise SourceError(
                    f"{self.account.label}: the mailbox is not available ({excerpt(error)}); the next run tries again"
                ) from error
            raise SourceError(
                f"{self.account.label}: the server knows no UIDL, so what was filed cannot be told; use IMAP"
            ) from error

    def _tell_apart(self, there: Mapping[int, Line], form: str) -> None:
        """Name messages without a UIDL of their own by their content; those that cannot be read by their number."""
        for number, each in there.items():
            content = ""
            if (number, each) not in self._unreadable:
                try:
                    content = self._content(number)
                except SourceError:
                    # The next session leaves it out, so that it does not keep all other mail from being listed.
                    self._unreadable.add((number, each))
                    raise
            name = f"{each.name or '-'} {content or f'{UNREAD} {number}'}"
            self._listed[number] = _named(name, each.size, form, content or UNREAD)


class Refused:
    """How many messages in a row the server has just refused, and what it said to the last of them."""

    def __init__(self) -> None:
        self.in_row = 0
        self.words = ""

    def heard(self, said: str, *, accepted: bool) -> None:
        """Note an answer."""
        self.in_row = 0 if accepted else self.in_row + 1
        self.words = said


class _Reading:
    """The chunks of one message, hashed as they pass. Not a generator: a reader that stops must not close it."""

    def __init__(self, chunks: Iterator[bytes], finish: Callable[[str], None]) -> None:
        self._chunks = chunks
        self._finish = finish
        self._known = ContentDigest()

    def __iter__(self) -> _Reading:
        return self

    def __next__(self) -> bytes:
        chunk = next(self._chunks, None)
        if chunk is None:
            self._finish(self._known.hexdigest())
            raise StopIteration
        self._known.update(chunk)
        return chunk


def _named(name: str, size: int | None, form: str, content: str = "") -> Listed:
    return Listed(name, f"{name} {size}{form}", size, epoch=_EPOCH, content=content)
