"""fetch and dispose: one file in mbox format (RFC 4155).

A message begins after a line `From sender date` that is first or follows an empty line, and ends in a date; a line of
text that only begins with "From " does not count. The bytes are taken unchanged: `>From ` stays quoted, since variants
of the format that unquote cannot be distinguished from those that do not.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from trac_mailintake.hookspecs import SourceKind
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import Account, Afterwards, Answer, Listed, Reply
from trac_mailintake.intake.times import Seconds
from trac_mailintake.sources.local import files, mbox_locks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trac_mailintake.hookspecs import Opening
    from trac_mailintake.intake.model import Disposition

_LINE = 64 * 1024
"""Bytes read at a time while lines are searched; a separator is much shorter."""

_SEPARATOR = re.compile(
    rb"""
    [ ](?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)
    [ ](?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)
    [ ]{1,2}\d{1,2}[ ]\d{2}:\d{2}(?::\d{2})?
    (?:[ ][A-Z]{1,5}|[ ][+-]\d{4})?
    [ ]\d{4}
    (?:[ ][+-]\d{4})?
    (?:[ ]remote[ ]from[ ]\S{1,255})?
    \s*\Z
    """,
    re.VERBOSE,
)
_WAIT = Seconds(10.0)
"""How long to wait for locks of other programs."""

_LATER = Reply(Answer.TRANSIENT, "stays until every message of the mbox has been filed")

NAME: Final = "mbox"


@dataclass(frozen=True, slots=True)
class _Piece:
    """The place of a message without its separators; `sha256` is its locator."""

    start: int
    length: int
    sha256: str


class MboxSource:
    """The messages of one mbox file, which is emptied in place once every message in it has been disposed of."""

    def __init__(self, path: str, afterwards: Disposition, *, wait: Seconds = _WAIT) -> None:
        """`wait` is how long to wait for others' locks."""
        self._path = os.path.abspath(path)
        self._afterwards = afterwards
        self._wait = wait
        self._done: set[str] = set()
        self._state: tuple[int, int, int] | None = None
        self._there: dict[str, _Piece] = {}
        self.account = Account(NAME, f"{NAME}:{files.to_locator(self._path)}")

    def list(self) -> Sequence[Listed]:
        """All messages, in the order of the file; identical copies count once.

        A missing file in an existing folder means no mail: it is created when the first mail arrives.
        """
        if self._missing():
            return []
        with self._locked(writing=False) as file:
            pieces = self._remembered(file)
        return [Listed(sha256, sha256, piece.length) for sha256, piece in pieces.items()]

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """The bytes of each; the file is scanned once for all."""
        if not wanted or self._missing():
            return
        with self._locked(writing=False) as file:
            pieces = self._remembered(file)
        for listed in wanted:
            piece = pieces.get(listed.locator)
            if piece is not None:
                yield listed, self._read(piece)

    def _read(self, piece: _Piece) -> Iterator[bytes]:
        """Read without a lock, which would keep new mail out meanwhile; the bytes are checked instead."""
        known = hashlib.sha256()
        with files.told(self.account.label, self._path):
            descriptor = files.open_regular(self._path)
            try:
                for chunk in files.chunks(descriptor, piece.start, piece.length):
                    known.update(chunk)
                    yield chunk
            finally:
                os.close(descriptor)
        if known.hexdigest() != piece.sha256:
            raise SourceError(f"{self.account.label}: changed while it was read; the next run reads it again")

    def heads(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, bytes]]:
        """See `ports.Peeking`. Each mail is read whole, as only that shows whether it still is where it was."""
        for listed, came in self.fetch(wanted):
            beginning = next(came, b"")
            for _ in came:
                pass
            yield listed, beginning

    def dispose(self, done: Sequence[tuple[Listed, str]]) -> Sequence[Reply]:
        """Leave the messages, or empty the file if it has only messages given now or earlier in this session.

        Messages that stay because of others get the answer "transient", and must be given again in the next round.
        """
        if self._afterwards.word is Afterwards.LEAVE or not done:
            return [files.DONE] * len(done)
        self._done.update(listed.locator for listed, _ in done)
        if self._missing():
            return [files.GONE] * len(done)
        with self._locked(writing=True) as file:
            there = self._remembered(file)
            # Scan once more before the step that cannot be undone.
            if there.keys() <= self._done and self._pieces(file).keys() <= self._done:
                os.ftruncate(file.fileno(), 0)
                os.fsync(file.fileno())
                return [files.DONE] * len(done)
        return [_LATER if listed.locator in there else files.GONE for listed, _ in done]

    def settle(self) -> None:
        """Do nothing: disposals are final at once."""

    def close(self) -> None:
        """Do nothing: nothing is held open."""

    def _missing(self) -> bool:
        return not os.path.lexists(self._path) and os.path.isdir(os.path.dirname(self._path))

    @contextmanager
    def _locked(self, *, writing: bool) -> Iterator[BinaryIO]:
        """The open file under both locks; for reading, the dotlock may be missing if the folder is not writable."""
        with files.told(self.account.label, self._path), mbox_locks.dotlock(self._path, self._wait, required=writing):
            descriptor = files.open_regular(self._path, writing=writing)
            with os.fdopen(descriptor, "r+b" if writing else "rb", buffering=_LINE) as file:
                mbox_locks.lock(file.fileno(), self._path, self._wait, exclusive=writing)
                yield file

    def _remembered(self, file: BinaryIO) -> dict[str, _Piece]:
        """`_pieces`, cached while the file is unchanged, since a round calls this for every batch."""
        status = os.fstat(file.fileno())
        state = (status.st_ino, status.st_size, status.st_mtime_ns)
        if self._state != state:
            self._there, self._state = self._pieces(file), state
        return self._there

    def _pieces(self, file: BinaryIO) -> dict[str, _Piece]:
        """The place of each message, in the order of the file. Raises SourceError if it is not an mbox."""
        pieces: dict[str, _Piece] = {}
        for start, end in self._spans(file):
            known = hashlib.sha256()
            for chunk in files.chunks(file.fileno(), start, end - start):
                known.update(chunk)
            piece = _Piece(start, end - start, known.hexdigest())
            pieces.setdefault(piece.sha256, piece)
        return pieces

    def _spans(self, file: BinaryIO) -> Iterator[tuple[int, int]]:
        """Start and end of each message, without the empty line before the next separator or at the end."""
        start: int | None = None
        offset, blank, before = 0, True, 0
        file.seek(0)
        # `blank`: the line before was empty, or there was none; `before`: its length.
        whole = True
        while line := file.readline(_LINE):
            if blank and _separates(line):
                if start is not None:
                    yield start, offset - before
                start, blank, before = offset + len(line), False, 0
            else:
                if start is None and line.strip():
                    raise SourceError(f"{self.account.label}: not an mbox file; it does not begin with a From line")
                blank = whole and line in (b"\n", b"\r\n")
                before = len(line) if blank else 0
            whole = line.endswith(b"\n")
            offset += len(line)
        if start is not None:
            yield start, offset - before


def _separates(line: bytes) -> bool:
    return line.startswith(b"From ") and bool(_SEPARATOR.search(line))


def _open(opening: Opening) -> MboxSource:
    return MboxSource(opening.service.path, opening.afterwards)


KIND = SourceKind(
    name=NAME,
    label="mbox file",
    afterwards=(Afterwards.DELETE, Afterwards.LEAVE),
    open=_open,
    place="an mbox file",
)
