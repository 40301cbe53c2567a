"""fetch and dispose: one folder on an IMAP server (RFC 3501, with UIDPLUS, RFC 4315, and MOVE, RFC 6851)."""

from __future__ import annotations

import contextlib
import imaplib
import time
from typing import TYPE_CHECKING

from imapclient.exceptions import IMAPClientError

from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import Account, Afterwards, Answer, Listed, Reply
from trac_mailintake.intake.times import Seconds
from trac_mailintake.sources.errors import address, asking, excerpt, told
from trac_mailintake.sources.imap import NAME, absent
from trac_mailintake.sources.imap.disposal import DELETED, Disposal
from trac_mailintake.sources.imap.fetch_response import merged
from trac_mailintake.sources.imap.headers import headers
from trac_mailintake.sources.imap.interrupted_copies import content_of
from trac_mailintake.sources.imap.pipelining import Orders, Slicing, of_epoch, uid_of, uids_of
from trac_mailintake.sources.imap.session import choice, connect, number_of
from trac_mailintake.sources.imap.slices import opened
from trac_mailintake.sources.local import files
from trac_mailintake.sources.net.quota import MESSAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trac_mailintake.hookspecs import Opening
    from trac_mailintake.sources.imap.fetch_response import Fetched
    from trac_mailintake.sources.imap.session import Session
    from trac_mailintake.sources.imap.whole_message import Whole

_WINDOW = 2000
"""Messages listed at a time."""
_AT_ONCE = 200
"""Messages disposed of by one command: servers accept lines of some kilobytes (RFC 7162, 4)."""
_OTHER = Reply(Answer.PERMANENT, "the server gave its UID to another message, which was left alone")
_UNREAD = Reply(Answer.TRANSIENT, "it cannot be read again, and so not compared with the archived one")
_SLOW = Seconds(30.0)
"""After reading so slowly, nothing is requested ahead any more: servers drop connections that do not read."""


class ImapSource:
    """One folder. The connection is opened when needed, and dropped after any failure."""

    def __init__(self, opening: Opening) -> None:
        """`opening` must have a server. Raises SourceError if mail would be moved to its own folder."""
        if opening.server is None:
            raise SourceError(f"service {opening.service.name}: no mail server is given; set one")
        self._server = opening.server
        self._opening = opening
        self._folder = opening.service.folder or "INBOX"
        self._afterwards = opening.afterwards
        self._session: Session | None = None
        self._orders: Orders | None = None
        self._slicing = Slicing()
        self._whole: Whole | None = None
        self._refusal = ""
        self._read: set[str] = set()
        """Locators of the messages read in this session."""
        self._doubtful = False
        self._foresees = True
        self._foresaw = 0.0
        self._uidvalidity = 0
        self.marked: Sequence[Listed] = ()
        """See `ports.Marking`."""
        self.account = Account(NAME, f"{address(self._server)}/{self._folder}")
        self._disposal = Disposal(self._afterwards, self._folder, self.account.label)
        if self._afterwards.folder == self._folder:
            raise SourceError(f"{self.account.label}: is moved to itself; correct afterwards={self._afterwards}")

    def list(self) -> Sequence[Listed]:
        """All messages except those marked as deleted, by UID, which is the order of arrival."""
        with self._guarded():
            session, count = self._select()
            found, marked = self._found(session, count)
            # Without UIDPLUS, marking is all that is ever done.
            self.marked = [found[uid] for uid in sorted(marked)] if session.has_capability("UIDPLUS") else []
        return [found[uid] for uid in sorted(found.keys() - marked)]

    def _found(self, session: Session, count: int) -> tuple[dict[int, Listed], set[int]]:
        """The `count` messages of the folder, by UID, and the UIDs of those that are marked as deleted."""
        found: dict[int, Listed] = {}
        marked: set[int] = set()
        # By sequence numbers, which have no gaps: no server may renumber during FETCH (RFC 3501, 7.4.1).
        for start in range(1, count + 1, _WINDOW):
            if max(count, len(found)) > MESSAGES:
                raise SourceError(f"{self.account.label}: holds over {MESSAGES} mails; move old ones elsewhere")
            window = f"{start}:{min(start + _WINDOW - 1, count)}"
            for uid, each in absent.listing(session, window).items():
                # Unsolicited responses, such as changed flags, have no size.
                if uid and (each.size or uid not in found):
                    found[uid] = self._listed(each)
                    (marked.add if DELETED.lower() in each.flags else marked.discard)(uid)
        return found, marked

    def _listed(self, fetched: Fetched) -> Listed:
        fingerprint = fetched.fingerprint(self._uidvalidity)
        locator = f"{self._uidvalidity}/{fetched.uid}"
        return Listed(locator, fingerprint, fetched.size, fetched.arrived, str(self._uidvalidity))

    # fetch

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """The bytes of each; small messages in batches, large ones in slices."""
        mine = self._mine(wanted)
        if not mine:
            return
        self._expect(mine)
        for place, listed in enumerate(mine):
            if self._session is None and not self._again(mine[place:]):
                return
            chunks = self._opened(listed)
            if chunks is not None:
                self._note(listed)
                yield listed, chunks
                # The reader may have stopped midway.
                self._abandon()
                if self._orders is not None:
                    self._orders.end(listed)

    def _expect(self, mine: Sequence[Listed]) -> None:
        """Say what comes now. Stops requesting ahead if the reader is slow, or if much was requested in vain."""
        with self._guarded():
            vain = self._ordering().expect(mine)
            late = self._foresaw and time.monotonic() - self._foresaw > _SLOW
            self._foresees = self._foresees and not late and vain <= len(mine) // 2
            self._foresaw = 0.0

    def _opened(self, listed: Listed) -> Iterator[bytes] | None:
        """The bytes of a message, or what says when it is read that it does not come; None if it is gone."""
        chunks = opened(self, listed)
        if chunks is not None:
            return chunks
        with asking(), self._guarded():
            orders, session = self._ordering(), self.connected()
            if absent.may_be(orders, listed):
                self.quiet()
                if not absent.is_there(session, listed):
                    return None
            return absent.chunks(orders, listed, self.account.label)

    def _again(self, left: Sequence[Listed]) -> bool:
        """Begin a new session for the remaining messages, after one message was not read to its end."""
        mine = self._mine(left)
        with self._guarded():
            self._ordering().expect(mine)
        return len(mine) == len(left)

    def ahead(self, coming: Sequence[Listed]) -> None:
        """See `ports.Foreseeing`. Does not request what others have taken, or if answers waited too long before."""
        if self._session is None or not self._foresees:
            return
        mine = self._mine(coming)
        if mine:
            with self._guarded():
                self._ordering().expect(mine)
                self._foresaw = time.monotonic()

    def _mine(self, wanted: Sequence[Listed]) -> Sequence[Listed]:
        """The messages with the folder's present UIDVALIDITY; all others are void."""
        if not wanted:
            return []
        with self._guarded():
            if self._session is None:
                self._select()
        return of_epoch(wanted, self._uidvalidity)

    def heads(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, bytes]]:
        """See `ports.Peeking`."""
        with asking(), self._guarded():
            mine = self._mine(wanted)
            self.quiet()
            return iter(headers(self.connected(), mine))

    # for `opened`

    @property
    def slices(self) -> bool:
        """See `slices.Asked`."""
        return not self._slicing.failed

    def piece(self, listed: Listed, offset: int | None) -> bytes | None:
        """See `slices.Asked`."""
        with asking(), self._guarded():
            return self._ordering().piece(listed, offset)

    def is_odd(self, listed: Listed) -> bool:
        """See `slices.Asked`."""
        return self._orders is not None and self._orders.is_odd(listed)

    def whole(self, listed: Listed) -> tuple[Whole, int | None]:
        """See `slices.Asked`."""
        with asking(), self._guarded():
            self.quiet()
            whole = self.connected().whole(uid_of(listed))
            self._whole = whole
            return whole, whole.begin()

    def read(self, whole: Whole) -> Iterator[bytes]:
        """See `slices.Asked`."""
        chunks = whole.chunks()
        while True:
            # A reader may drop this after another session has begun, which must not fail because of it.
            with asking(), self._guarded(whole):
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield chunk

    def _abandon(self, reading: Whole | None = None) -> None:
        """Drop the session, since a message is not read to its end, and no other answer can be received."""
        whole, self._whole = self._whole, reading
        if whole is not None and whole is not reading and not whole.finished:
            self._drop()

    def _note(self, listed: Listed) -> None:
        if self._afterwards.word is not Afterwards.LEAVE:
            self._read.add(listed.locator)

    # dispose

    def dispose(self, done: Sequence[tuple[Listed, str]]) -> Sequence[Reply]:
        """Delete, move, mark as seen, or leave exactly these, by UID. The next call or `settle` reads the answers."""
        if self._afterwards.word is Afterwards.LEAVE:
            return [files.DONE] * len(done)
        mine = self._mine([listed for listed, _ in done])
        contents = {listed.locator: content for listed, content in done}
        replies: dict[str, Reply] = {}
        for start in range(0, len(mine), _AT_ONCE):
            with self._guarded():
                self._hear()
                some = mine[start : start + _AT_ONCE]
                still, others = self._still(some, contents)
                said = self._consumed({uid_of(listed): contents[listed.locator] for listed in still})
                replies |= {listed.locator: said for listed in still}
                replies |= others
        return [replies.get(listed.locator, files.GONE) for listed, _ in done]

    def _consumed(self, messages: Mapping[int, str]) -> Reply:
        """Dispose of messages together. Refused ones stay, and the connection still works."""
        if not messages:
            return files.GONE
        fault = ""
        try:
            fault = self._disposal.fault(self)
            if not fault:
                self._disposal.consume(self, messages)
        except imaplib.IMAP4.abort:
            raise
        except IMAPClientError as error:
            # Another folder may be selected.
            self.reselect()
            return Reply(Answer.TRANSIENT, self._refused(excerpt(error)), fault=True)
        return Reply(Answer.TRANSIENT, fault, fault=True) if fault else files.DONE

    def _refused(self, said: str) -> str:
        return (
            f"{self.account.label}: {self._afterwards} was refused ({said}); the mails stay, the next run tries again"
        )

    def _still(
        self, wanted: Sequence[Listed], contents: Mapping[str, str]
    ) -> tuple[Sequence[Listed], Mapping[str, Reply]]:
        """The messages that still exist, as far as the server must be asked; and the replies for others, by locator.

        A message read in this session cannot change, only disappear: see RFC 9051, 2.3.1.1. Otherwise one of the same
        size is the same, and one of another size is read and compared.
        """
        unsure = [listed for listed in wanted if listed.locator not in self._read]
        self._read.difference_update(listed.locator for listed in wanted)
        if not unsure:
            return wanted, {}
        self.quiet()
        fetched = merged(self.connected().raw_fetch(uids_of(unsure), "(UID RFC822.SIZE)"))
        replies = {
            listed.locator: self._compared(listed, fetched.get(uid_of(listed)), contents[listed.locator])
            for listed in unsure
        }
        others = {locator: reply for locator, reply in replies.items() if reply is not None}
        return [listed for listed in wanted if listed.locator not in others], others

    def _compared(self, listed: Listed, found: Fetched | None, content: str) -> Reply | None:
        """The reply for a message that is not the archived one; None if it is."""
        if found is None:
            return files.GONE
        if found.size == listed.size:
            return None
        there = content_of(self.connected(), uid_of(listed), found.size or 0)
        if there == content:
            return None
        return _OTHER if there else _UNREAD

    def target(self) -> str:
        """See `ports.Targeting`."""
        with self._guarded():
            return self._disposal.target(self)

    def settle(self) -> None:
        """Wait for the answers to all disposals. Raises SourceError also if the server refused some."""
        with self._guarded():
            self._hear()
        refusal, self._refusal = self._refusal, ""
        if refusal:
            raise SourceError(refusal)
        if self._doubtful:
            raise SourceError(f"{self.account.label}: the line broke over a disposal; the next run looks what is left")

    # the session

    def close(self) -> None:
        """Log out."""
        self._abandon()
        session = self._let_go()
        self._doubtful, self._refusal = False, ""
        self._disposal.forget_fault()
        if session is not None:
            session.leave()

    def _let_go(self) -> Session | None:
        session, self._session, self._orders = self._session, None, None
        self._read.clear()
        return session

    def _drop(self) -> None:
        session = self._let_go()
        if session is not None:
            self._doubtful |= session.doubtful
            session.drop()

    @contextlib.contextmanager
    def _guarded(self, reading: Whole | None = None) -> Iterator[None]:
        """Turn failures into SourceError; the session cannot be used afterwards."""
        self._abandon(reading)
        try:
            with told(self._server, self.account.label, imaplib.IMAP4.error):
                yield
        except BaseException:
            self._drop()
            raise

    def _hear(self) -> None:
        """Read the answers to disposals; `settle` raises refusals."""
        said = self._session.hear() if self._session is not None else ""
        if said:
            self._refusal = self._refusal or self._refused(said)

    def quiet(self) -> None:
        """See `disposal.Selected`."""
        self._hear()
        if self._orders is not None:
            self._orders.drain()

    def _ordering(self) -> Orders:
        session = self.connected()
        if self._orders is None:
            self._orders = Orders(session, self._slicing)
        return self._orders

    def connected(self) -> Session:
        """See `disposal.Selected`."""
        if self._session is None:
            self._select()
        if self._session is None:
            raise SourceError(f"{self.account.label}: the session ended; the next run begins a new one")
        return self._session

    def _select(self) -> tuple[Session, int]:
        """The session with the folder selected (read-only if nothing will change), and its number of messages."""
        self.quiet()
        if self._session is None:
            self._session = connect(self._server, self._opening.password, self._opening.trace)
        readonly = self._afterwards.word is Afterwards.LEAVE
        try:
            answer = self._session.select_folder(self._folder, readonly=readonly)
        except imaplib.IMAP4.readonly as error:
            raise SourceError(
                f"{self.account.label}: the folder is read-only; set afterwards=leave, or grant the right to change it"
            ) from error
        except imaplib.IMAP4.abort:
            raise
        except IMAPClientError as error:
            raise SourceError(
                f"{self.account.label}: the folder cannot be opened ({excerpt(error)}); {choice(self._session)}"
            ) from error
        self._uidvalidity = number_of(answer[b"UIDVALIDITY"])
        return self._session, number_of(answer[b"EXISTS"])

    def reselect(self) -> None:
        """See `disposal.Selected`."""
        before = self._uidvalidity
        self._select()
        if self._uidvalidity != before:
            raise SourceError(f"{self.account.label}: the folder was made anew meanwhile; the next run lists it again")
