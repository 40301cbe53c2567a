"""fetch and dispose: one file in mbox format (RFC 4155).

A message begins after a line `From sender date` that stands first or after an empty line and ends in a date: a line of
text that merely begins with "From " is none. The bytes are taken as they lie there: `>From ` stays quoted, since the
variants of the format that unquote cannot be told from those that do not.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from trac_mailintake.hookspecs import SourceKind
from trac_mailintake.intake.model import Account, Afterwards, Answer, Listed, Reply
from trac_mailintake.intake.ports import SourceError
from trac_mailintake.sources.local import files, mbox_locks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trac_mailintake.hookspecs import Opening
    from trac_mailintake.intake.model import Disposition

_LINE = 64 * 1024
"""Bytes read at a time while lines are looked at; a separator is much shorter."""

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
_WAIT = 10.0
"""Seconds to wait for the locks of others."""

_LATER = Reply(Answer.TRANSIENT, "stays until every message of the mbox has been filed")

NAME: Final = "mbox"


@dataclass(frozen=True, slots=True)
class _Piece:
    """Where one message lies, without its separators; `sha256` names it."""

    start: int
    length: int
    sha256: str


class MboxSource:
    """The messages of one mbox file; it is emptied, in place, once every message in it was disposed of."""

    def __init__(self, path: str, afterwards: Disposition, *, wait: float = _WAIT) -> None:
        """`wait` is how many seconds to wait for others' locks."""
        self._path = os.path.abspath(path)
        self._afterwards = afterwards
        self._wait = wait
        self._done: set[str] = set()
        self._state: tuple[int, int, int] | None = None
        self._there: dict[str, _Piece] = {}
        self.account = Account(NAME, f"{NAME}:{files.to_locator(self._path)}")

    def list(self) -> Sequence[Listed]:
        """All messages, in the order of the file; copies that are the same byte for byte count once.

        No file in a folder that exists means no mail: it is made when the first mail comes.
        """
        if self._missing():
            return []
        with self._locked(writing=False) as file:
            pieces = self._remembered(file)
        return [Listed(sha256, sha256, piece.length) for sha256, piece in pieces.items()]

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """The bytes of each; the file is looked through once for all."""
        if not wanted or self._missing():
            return
        with self._locked(writing=False) as file:
            pieces = self._remembered(file)
        for listed in wanted:
            piece = pieces.get(listed.locator)
            if piece is not None:
                yield listed, self._read(piece)

    def _read(self, piece: _Piece) -> Iterator[bytes]:
        """Read without a lock, which would keep others' mail out for as long as that takes; so it is checked."""
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

    def dispose(self, done: Sequence[tuple[Listed, str]]) -> Sequence[Reply]:
        """Leave, or empty the file when no other message is in it than those given now or earlier in this session.

        What stays for the others' sake is answered with "transient": it must be given again in the next round.
        """
        if self._afterwards.word is Afterwards.LEAVE or not done:
            return [files.DONE] * len(done)
        self._done.update(listed.locator for listed, _ in done)
        if self._missing():
            return [files.GONE] * len(done)
        with self._locked(writing=True) as file:
            there = self._remembered(file)
            # Looked through once more before the one thing that cannot be undone.
            if there.keys() <= self._done and self._pieces(file).keys() <= self._done:
                os.ftruncate(file.fileno(), 0)
                os.fsync(file.fileno())
                return [files.DONE] * len(done)
        return [_LATER if listed.locator in there else files.GONE for listed, _ in done]

    def settle(self) -> None:
        """Nothing: what was done is done."""

    def close(self) -> None:
        """Nothing: nothing is held open."""

    def _missing(self) -> bool:
        return not os.path.lexists(self._path) and os.path.isdir(os.path.dirname(self._path))

    @contextmanager
    def _locked(self, *, writing: bool) -> Iterator[BinaryIO]:
        """The open file under both locks; for reading, a folder that takes no dotlock is good enough."""
        with files.told(self.account.label, self._path), mbox_locks.dotlock(self._path, self._wait, required=writing):
            descriptor = files.open_regular(self._path, writing=writing)
            with os.fdopen(descriptor, "r+b" if writing else "rb", buffering=_LINE) as file:
                mbox_locks.lock(file.fileno(), self._path, self._wait, exclusive=writing)
                yield file

    def _remembered(self, file: BinaryIO) -> dict[str, _Piece]:
        """`_pieces`, from memory while the file has not changed: a round asks for every batch."""
        status = os.fstat(file.fileno())
        state = (status.st_ino, status.st_size, status.st_mtime_ns)
        if self._state != state:
            self._there, self._state = self._pieces(file), state
        return self._there

    def _pieces(self, file: BinaryIO) -> dict[str, _Piece]:
        """Where each message lies, in the order of the file. Raises SourceError when it is no mbox."""
        pieces: dict[str, _Piece] = {}
        for start, end in self._spans(file):
            known = hashlib.sha256()
            for chunk in files.chunks(file.fileno(), start, end - start):
                known.update(chunk)
            piece = _Piece(start, end - start, known.hexdigest())
            pieces.setdefault(piece.sha256, piece)
        return pieces

    def _spans(self, file: BinaryIO) -> Iterator[tuple[int, int]]:
        """Start and end of each message; the empty line before the next separator, or at the end, is not of it."""
        start: int | None = None
        offset, blank, before = 0, True, 0
        file.seek(0)
        # `blank` says that the line before was empty (or that there was none), `before` how long it was.
        whole = True
        while line := file.readline(_LINE):
            if whole and blank and line.startswith(b"From ") and _SEPARATOR.search(line):
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


def _open(opening: Opening) -> MboxSource:
    return MboxSource(opening.service.path, opening.afterwards)


KIND = SourceKind(
    name=NAME,
    label="mbox file",
    afterwards=(Afterwards.DELETE, Afterwards.LEAVE),
    open=_open,
    place="an mbox file",
)
