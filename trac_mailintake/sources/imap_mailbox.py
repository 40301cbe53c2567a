"""fetch and dispose: one folder of an IMAP account (RFC 3501, with UIDPLUS, RFC 4315, and MOVE, RFC 6851)."""

from __future__ import annotations

import contextlib
import imaplib
import re
from typing import TYPE_CHECKING

from imapclient.exceptions import IMAPClientError

from trac_mailintake.intake.model import Account, Afterwards, Listed
from trac_mailintake.intake.ports import SourceError
from trac_mailintake.sources import files
from trac_mailintake.sources.imap_copies import copied
from trac_mailintake.sources.imap_session import connect, names
from trac_mailintake.sources.trouble import address, excerpt, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trac_mailintake.hookspecs import Opening
    from trac_mailintake.intake.model import Reply
    from trac_mailintake.sources.imap_fetch import Fetched
    from trac_mailintake.sources.imap_session import Session

SLICE = 2 * 1024 * 1024
"""Bytes of a large message that are asked for at a time; what is not larger comes whole, several in an answer."""

_BATCH = 50
_BATCH_BYTES = 8 * 1024 * 1024
_WINDOW = 2000
"""Messages listed at a time."""
_AT_ONCE = 200
"""Messages disposed of by one command: servers take lines of some kilobytes (RFC 7162, 4)."""
_SHOWN = 20
_LOCATOR = re.compile(r"(\d{1,10})/(\d{1,10})\Z", re.ASCII)
_IDENTITY = "RFC822.SIZE INTERNALDATE"
_DELETED = b"\\Deleted"


class ImapSource:
    """One folder. The connection is opened when it is needed, and let go after any failure."""

    def __init__(self, opening: Opening) -> None:
        """`opening` has a server. Raises SourceError when mail would be moved to where it is taken from."""
        if opening.server is None:
            raise SourceError(f"service {opening.service.name}: no mail server is given; set one")
        self._server = opening.server
        self._opening = opening
        self._folder = opening.service.folder or "INBOX"
        self._afterwards = opening.afterwards
        self._session: Session | None = None
        self._uidvalidity = 0
        self._target_exists = False
        self.account = Account("imap", f"{address(self._server)}/{self._folder}")
        if self._afterwards.folder == self._folder:
            raise SourceError(f"{self.account.label}: is moved to itself; correct afterwards={self._afterwards}")

    def list(self) -> Sequence[Listed]:
        """All messages but those that somebody marked as deleted, by UID, which is the order of arrival."""
        with self._guarded():
            session, count = self._select()
            found: list[Listed] = []
            # By sequence numbers, which are dense: no server may renumber during FETCH (RFC 3501, 7.4.1).
            for start in range(1, count + 1, _WINDOW):
                window = f"{start}:{min(start + _WINDOW - 1, count)}"
                fetched = session.raw_fetch(window, f"(UID {_IDENTITY} FLAGS)", uid=False)
                found += [self._listed(each) for each in fetched if each.uid and _DELETED.lower() not in each.flags]
        return sorted(found, key=_uid_of)

    def _listed(self, fetched: Fetched) -> Listed:
        fingerprint = fetched.fingerprint(self._uidvalidity)
        return Listed(f"{self._uidvalidity}/{fetched.uid}", fingerprint, fetched.size, fetched.arrived)

    # fetch

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """The bytes of each; small messages by the batch, large ones in slices."""
        for batch in _batches(self._mine(wanted)):
            if len(batch) == 1 and _is_large(batch[0]):
                yield from self._fetch_large(batch[0])
                continue
            bodies = self._fetch_bodies(batch)
            for listed in batch:
                body = bodies.pop(listed.locator, None)
                if body is not None:
                    yield listed, iter((body,))

    def _mine(self, wanted: Sequence[Listed]) -> Sequence[Listed]:
        """Those that name a message of this folder as it is now: a new UIDVALIDITY makes all others void."""
        if not wanted:
            return []
        with self._guarded():
            if self._session is None:
                self._select()
        return [listed for listed in wanted if listed.locator.startswith(f"{self._uidvalidity}/") and _uid_of(listed)]

    def _fetch_bodies(self, batch: Sequence[Listed]) -> dict[str, bytes]:
        with self._guarded():
            fetched = self._connected().raw_fetch(_uids(batch), f"(UID {_IDENTITY} BODY.PEEK[])")
        known = {listed.fingerprint: listed.locator for listed in batch}
        found = ((known.get(each.fingerprint(self._uidvalidity)), each.body) for each in fetched)
        return {locator: body for locator, body in found if locator is not None and body is not None}

    def _fetch_large(self, listed: Listed) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        with self._guarded():
            first = self._fetch_slice(listed, 0)
        if first is not None:
            yield listed, self._slices(listed, first)

    def _slices(self, listed: Listed, piece: bytes) -> Iterator[bytes]:
        """Until one is shorter than asked for: the size that a server told may be wrong."""
        offset = 0
        while True:
            yield piece
            if len(piece) < SLICE:
                return
            offset += len(piece)
            with self._guarded():
                following = self._fetch_slice(listed, offset)
                if following is None:
                    raise SourceError(f"{self.account.label}: message {listed.locator} vanished while it was read")
            piece = following

    def _fetch_slice(self, listed: Listed, offset: int) -> bytes | None:
        items = f"(UID {_IDENTITY} BODY.PEEK[]<{offset}.{SLICE}>)"
        for each in self._connected().raw_fetch(str(_uid_of(listed)), items):
            if each.fingerprint(self._uidvalidity) == listed.fingerprint and each.body is not None:
                return each.body
        return None

    # dispose

    def dispose(self, done: Sequence[tuple[Listed, str]]) -> Sequence[Reply]:
        """Delete, move, mark as seen, or leave: exactly these messages, by UID."""
        if self._afterwards.word is Afterwards.LEAVE:
            return [files.DONE] * len(done)
        mine = self._mine([listed for listed, _ in done])
        hashes = {listed.locator: sha256 for listed, sha256 in done}
        there: set[str] = set()
        for start in range(0, len(mine), _AT_ONCE):
            with self._guarded():
                still = self._still(mine[start : start + _AT_ONCE])
                if still:
                    self._consume({_uid_of(listed): hashes[listed.locator] for listed in still})
                there |= {listed.locator for listed in still}
        return [files.DONE if listed.locator in there else files.GONE for listed, _ in done]

    def _still(self, wanted: Sequence[Listed]) -> Sequence[Listed]:
        """Those that are there and the same."""
        fetched = self._connected().raw_fetch(_uids(wanted), f"(UID {_IDENTITY})")
        there = {each.fingerprint(self._uidvalidity) for each in fetched}
        return [listed for listed in wanted if listed.fingerprint in there]

    def _consume(self, messages: Mapping[int, str]) -> None:
        """Dispose of messages, each UID with the SHA-256 of its bytes."""
        uids = list(messages)
        if self._afterwards.word is Afterwards.SEEN:
            self._connected().add_flags(uids, [b"\\Seen"], silent=True)
        elif self._afterwards.word is Afterwards.DELETE:
            self._delete(uids)
        else:
            self._move(messages)

    def _delete(self, uids: Sequence[int]) -> None:
        """Expunge by UID, or only mark: a plain EXPUNGE would remove what others have marked (RFC 4315, 2.1)."""
        session = self._connected()
        wanted = ",".join(map(str, uids))
        mark = ("STORE", wanted, "+FLAGS.SILENT", rf"({_DELETED.decode('ascii')})")
        session.ask_together(mark, *([("EXPUNGE", wanted)] if session.has_capability("UIDPLUS") else []))

    def _move(self, messages: Mapping[int, str]) -> None:
        session, target = self._connected(), self._afterwards.folder
        self._make_target(session, target)
        if session.has_capability("MOVE"):
            session.move(list(messages), target)
            return
        # A crash may have come between COPY and \Deleted; then the copy is there already.
        there = copied(session, messages, target)
        self._reselect()
        missing = [uid for uid in messages if uid not in there]
        if missing:
            session.copy(missing, target)
        self._delete(list(messages))

    def _make_target(self, session: Session, target: str) -> None:
        if self._target_exists:
            return
        if not session.folder_exists(target):
            try:
                session.create_folder(target)
            except IMAPClientError as error:
                raise SourceError(
                    f"{self.account.label}: the folder {target} cannot be made ({excerpt(error)}); {_choice(session)}"
                ) from error
            session.subscribe_folder(target)
        self._target_exists = True

    def settle(self) -> None:
        """Nothing: what was done is done."""

    # the session

    def close(self) -> None:
        """Log out."""
        session, self._session = self._session, None
        if session is not None:
            session.leave()

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Raise what goes wrong as SourceError; the session is of no use any more then."""
        try:
            with told(self._server, self.account.label, imaplib.IMAP4.error):
                yield
        except BaseException:
            session, self._session = self._session, None
            if session is not None:
                session.drop()
            raise

    def _connected(self) -> Session:
        if self._session is None:
            self._select()
        if self._session is None:
            raise SourceError(f"{self.account.label}: the session ended; the next run begins a new one")
        return self._session

    def _select(self) -> tuple[Session, int]:
        """The session with the folder selected, read-only where nothing will change; how many messages are in it."""
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
                f"{self.account.label}: the folder cannot be opened ({excerpt(error)}); {_choice(self._session)}"
            ) from error
        self._uidvalidity = int(answer[b"UIDVALIDITY"])
        return self._session, int(answer[b"EXISTS"])

    def _reselect(self) -> None:
        before = self._uidvalidity
        self._select()
        if self._uidvalidity != before:
            raise SourceError(f"{self.account.label}: the folder was made anew meanwhile; the next run lists it again")


def _uid_of(listed: Listed) -> int:
    """The UID; 0, which no message has, when the locator is not one of ours."""
    found = _LOCATOR.match(listed.locator)
    return int(found.group(2)) if found else 0


def _uids(batch: Sequence[Listed]) -> str:
    return ",".join(str(_uid_of(listed)) for listed in batch)


def _is_large(listed: Listed) -> bool:
    return listed.size is None or listed.size > SLICE


def _batches(wanted: Sequence[Listed]) -> Iterator[list[Listed]]:
    """In order: large ones alone, small ones up to a number and a sum of bytes."""
    batch: list[Listed] = []
    total = 0
    for listed in wanted:
        size = listed.size or 0
        if batch and (_is_large(listed) or len(batch) == _BATCH or total + size > _BATCH_BYTES):
            yield batch
            batch, total = [], 0
        batch.append(listed)
        total += size
        if _is_large(listed):
            yield batch
            batch, total = [], 0
    if batch:
        yield batch


def _choice(session: Session) -> str:
    """What to do about a folder: the names that would do."""
    there = names(session)
    more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
    return f"choose one of: {', '.join(there[:_SHOWN])}{more}"
