"""handle: decodes attachments into a staging folder, from where `place_attachments` links them into place."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail.mime import tnef, transfer_encoding
from trac_mailintake.tracker.private_dir import ROOT, create, private_folder
from trac_mailintake.tracker.tickets.place_attachments import INTENT, Placement, Staged, settle, unlink

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from trac.env import Environment

    from trac_mailintake.mail.message import Message, Part
    from trac_mailintake.tracker.tickets.place_attachments import Enclosure

FOLDER: Final = "staging"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,100}\Z")
_AHEAD: Final = 8 * 1024 * 1024
"""Bytes of a mail's parts to decode before it is known whether they will be attached."""
_AHEAD_OF: Final = "staged"


class Oversized(Exception):  # noqa: N818 - a fact about the attachment
    """The decoded attachment is larger than the limit; `size` is its known size, in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class Staging:
    """The staging folder of one worker, below the environment's `files/mailintake/staging/`."""

    def __init__(self, env: Environment, owner: str) -> None:
        self.env = env
        self.owner = owner
        self._folder = ""
        self._ready: dict[Part, Staged] = {}

    def ahead(self, message: Message) -> None:
        """In the parser process: decode what may be attached; the message carries the result.

        Does nothing if the folder does not exist: only the worker creates it, since others remove it if it is dead.
        Raises OSError.
        """
        ready: dict[Part, Staged] = message.once(_AHEAD_OF, dict)
        folder = os.path.join(self.env.files_dir, ROOT, FOLDER, _folder_name(self.owner))
        left = _AHEAD if os.path.isdir(folder) else -1
        for part in message.parts:
            left -= transfer_encoding.about(part)
            if left < 0:
                return
            if not tnef.is_wrapping(part):
                ready[part] = _kept(folder, transfer_encoding.decoded(part), -1)

    def begin(self, message: Message) -> None:
        """Begin a message: drop what was decoded for the last one and not used."""
        unused = [staged.path for staged in self._ready.values()]
        self._ready = message.worked_out.pop(_AHEAD_OF, {})  # type: ignore[assignment]  # what `stages.parse` put there
        unlink(*unused)

    def stage(self, part: Part, limit: int = -1) -> Staged:
        """Decode a part into the folder and flush it. Raises Oversized above `limit` bytes (-1: no limit), OSError."""
        ready = self._ready.get(part)
        if ready is None or 0 <= limit < ready.size:
            return self.keep(transfer_encoding.decoded(part), limit)
        return self._ready.pop(part)

    def keep(self, chunks: Iterable[bytes], limit: int = -1) -> Staged:
        """Write bytes into the folder and flush them to disk. Raises Oversized, OSError; neither leaves a file."""
        return _kept(self._made(), chunks, limit)

    def placement(self, enclosures: Collection[Enclosure]) -> Placement:
        """Begin to put these into place, before the transaction that files them. Raises OSError."""
        return Placement(self.env, self._made() if enclosures else "")

    def discard(self, enclosures: Iterable[Enclosure]) -> None:
        """Remove staged files of a change that will not be filed."""
        unlink(*(enclosure.staged.path for enclosure in enclosures))

    def owners(self) -> list[str]:
        """The workers that have such a folder; a power cut may have left it of one whose own file was lost."""
        folder = os.path.join(self.env.files_dir, ROOT, FOLDER)
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def close(self) -> None:
        """Remove the folder, with everything that was staged and not filed. Raises as `sweep`."""
        self.sweep(self.owner)
        self._folder = ""

    def sweep(self, owner: str) -> None:
        """Finish what a dead worker put into place and committed, take back the rest, and remove its folder.

        Call it only if `owner` can no longer commit: its rows were taken over, or its process is gone.
        Raises OSError, and what the database raises.
        """
        folder = os.path.join(self.env.files_dir, ROOT, FOLDER, _folder_name(owner))
        if not os.path.isdir(folder):
            return
        for intent in sorted(Path(folder).glob(f"*{INTENT}")):
            settle(self.env, intent)
        shutil.rmtree(folder)

    def _made(self) -> str:
        if not self._folder:
            self._folder = private_folder(self.env, FOLDER, _folder_name(self.owner))
        return self._folder


def _kept(folder: str, chunks: Iterable[bytes], limit: int) -> Staged:
    path = os.path.join(folder, uuid.uuid4().hex)
    descriptor = create(path, os.O_WRONLY | os.O_EXCL)
    try:
        with os.fdopen(descriptor, "wb") as file:
            size, digest = 0, hashlib.sha256()
            for chunk in measured(chunks, limit):
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        os.unlink(path)
        raise
    return Staged(path, size, digest.hexdigest())


def measured(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Yield the chunks. Raises Oversized if they have more than `limit` bytes together (-1: no limit)."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if 0 <= limit < size:
            raise Oversized(size)
        yield chunk


def _folder_name(owner: str) -> str:
    """A worker's name as a folder's name."""
    return owner if _PLAIN.match(owner) else hashlib.sha256(owner.encode("utf-8", "surrogatepass")).hexdigest()
