"""fetch and dispose: a folder of `.eml` files.

Programs that write there must use another name first (beginning with a dot, or ending in `.tmp`) and then rename the
file: a file that ends in `.eml` counts as complete.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from trac_mailintake.hookspecs import SourceKind
from trac_mailintake.intake.model import Account, Afterwards, Listed
from trac_mailintake.sources.local import files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trac_mailintake.hookspecs import Opening
    from trac_mailintake.intake.model import Disposition, Reply

NAME: Final = "directory"


class DirectorySource:
    """The `.eml` files of one folder; folders within it do not count."""

    def __init__(self, path: str, afterwards: Disposition) -> None:
        """`afterwards` may move to a folder within `path`, or to an absolute one."""
        self._path = os.path.abspath(path)
        self._afterwards = afterwards
        self.account = Account(NAME, f"{NAME}:{files.to_locator(self._path)}")

    def list(self) -> Sequence[Listed]:
        """All files, the oldest change first."""
        with files.told(self.account.label, self._path):
            found = [entry for entry in files.entries(self._path) if _counts(entry.name)]
        found.sort(key=lambda entry: (entry.mtime_ns, entry.name))
        return [_listed(entry) for entry in found]

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """The bytes of each file that is still the same."""
        for listed in wanted:
            with files.told(self.account.label, self._path):
                entry = self._still(listed)
                if entry is None:
                    continue
                try:
                    descriptor = files.open_regular(entry.path)
                except FileNotFoundError:
                    continue
            try:
                yield listed, self._read(descriptor)
            finally:
                os.close(descriptor)

    def _read(self, descriptor: int) -> Iterator[bytes]:
        with files.told(self.account.label, self._path):
            yield from files.chunks(descriptor)

    def heads(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, bytes]]:
        """See `ports.Peeking`."""
        return files.heads(self.fetch(wanted))

    def dispose(self, done: Sequence[tuple[Listed, str]]) -> Sequence[Reply]:
        """Delete, move, or leave."""
        with files.told(self.account.label, self._path):
            return [self._dispose(listed) for listed, _ in done]

    def _dispose(self, listed: Listed) -> Reply:
        if self._afterwards.word is Afterwards.LEAVE:
            return files.DONE
        entry = self._still(listed)
        if entry is None:
            return files.GONE
        try:
            self._consume(entry)
        except OSError as error:
            if not isinstance(error, FileNotFoundError) or self._still(listed) is not None:
                return files.kept(self.account.label, entry.path, error)
            return files.GONE
        return files.DONE

    def _consume(self, entry: files.Entry) -> None:
        if self._afterwards.word is Afterwards.DELETE:
            os.unlink(entry.path)
            return
        target = os.path.join(self._path, self._afterwards.folder)
        files.make_folder(target, 0o750)
        files.move(entry.path, target, entry.name)

    def _still(self, listed: Listed) -> files.Entry | None:
        """The file, if it exists and is unchanged."""
        entry = files.entry(self._path, to_plain_name(listed.locator))
        return entry if entry is not None and _listed(entry).fingerprint == listed.fingerprint else None

    def settle(self) -> None:
        """Do nothing: disposals are final at once."""

    def close(self) -> None:
        """Do nothing: nothing is held open."""


def to_plain_name(locator: str) -> str:
    """The file name of a locator; a name that would lead out of the folder matches nothing."""
    name = files.to_name(locator)
    return name if name == os.path.basename(name) else ""


def _counts(name: str) -> bool:
    return name.lower().endswith(".eml") and not name.startswith(".")


def _listed(entry: files.Entry) -> Listed:
    locator = files.to_locator(entry.name)
    fingerprint = f"{locator} {entry.size} {entry.mtime_ns} {entry.inode}"
    return Listed(locator, fingerprint, entry.size, entry.arrived)


def _open(opening: Opening) -> DirectorySource:
    return DirectorySource(opening.service.path, opening.afterwards)


KIND = SourceKind(
    name=NAME,
    label="Folder of .eml files",
    afterwards=(Afterwards.DELETE, Afterwards.MOVE, Afterwards.LEAVE),
    open=_open,
    place="a folder of mails",
)
