"""fetch: one message on standard input, from a mail server's pipe."""

from __future__ import annotations

import contextlib
import hashlib
import sys
import tempfile
from typing import TYPE_CHECKING, BinaryIO, Final

from trac_mailintake.hookspecs import SourceKind
from trac_mailintake.intake.model import Account, Listed
from trac_mailintake.mail.spool import CHUNK
from trac_mailintake.sources.local import files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trac_mailintake.hookspecs import Opening
    from trac_mailintake.intake.model import Reply

NAME: Final = "pipe"
_LONGEST_SEPARATOR = 4096


class PipeSource:
    """One message, spooled to an unnamed file, since only its bytes identify it."""

    def __init__(self, stream: BinaryIO, name: str, folder: str | None = None) -> None:
        """`name` is the service's; the bytes are spooled in `folder` (the system's for temporary files when None)."""
        self._stream = stream
        self._folder = folder
        self._spool: BinaryIO | None = None
        self._listed: tuple[Listed, ...] = ()
        self.account = Account(NAME, f"{NAME}:{name}")

    def list(self) -> Sequence[Listed]:
        """The message; none if the input is empty. The first call reads to the end of the stream."""
        if self._spool is None:
            with files.told(self.account.label, self._folder or tempfile.gettempdir()):
                self._take()
        return self._listed

    def _take(self) -> None:
        spool = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - held open until `close`
        known, size = hashlib.sha256(), 0
        # A delivery agent may put an mbox separator before the message, which is not part of it.
        chunk = self._stream.readline(_LONGEST_SEPARATOR)
        if chunk.startswith(b"From "):
            while chunk and not chunk.endswith(b"\n"):
                chunk = self._stream.readline(_LONGEST_SEPARATOR)
            chunk = self._stream.read(CHUNK)
        while chunk:
            known.update(chunk)
            size += spool.write(chunk)
            chunk = self._stream.read(CHUNK)
        spool.flush()
        self._spool = spool
        if size:
            self._listed = (Listed(known.hexdigest(), known.hexdigest(), size),)

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """The bytes of the message, any number of times."""
        there = self.list()
        for listed in wanted:
            if listed in there:
                yield listed, self._read()

    def _read(self) -> Iterator[bytes]:
        if self._spool is not None:
            with files.told(self.account.label, self._folder or tempfile.gettempdir()):
                yield from files.chunks(self._spool.fileno())

    def dispose(self, done: Sequence[tuple[Listed, str]]) -> Sequence[Reply]:
        """Do nothing, since there is no mailbox. All replies are positive."""
        return [files.DONE] * len(done)

    def settle(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Discard the bytes."""
        if self._spool is not None:
            with contextlib.suppress(OSError):
                self._spool.close()
        self._spool, self._listed = None, ()


def _open(opening: Opening) -> PipeSource:
    return PipeSource(sys.stdin.buffer, opening.service.name)


KIND = SourceKind(name=NAME, label="Standard input of `mailintake deliver`", afterwards=(), open=_open, pushed=True)
