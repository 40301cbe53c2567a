"""fetch and dispose: a Maildir (https://cr.yp.to/proto/maildir.html), with folders in the manner of Maildir++."""

from __future__ import annotations

import base64
import os
import re
from typing import TYPE_CHECKING, Final

from trac_mailintake.hookspecs import SourceKind
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import Account, Afterwards, Answer, Listed, Reply
from trac_mailintake.sources.local import files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trac_mailintake.hookspecs import Opening
    from trac_mailintake.intake.model import Disposition

_SECONDS = re.compile(r"\d{1,12}(?=\.)")
_SHIFTED = re.compile(r"&|[^ -~]+")

NAME: Final = "maildir"


class MaildirSource:
    """The messages of one Maildir, new and seen: other programs read it too, so the seen flag means nothing."""

    def __init__(self, path: str, afterwards: Disposition) -> None:
        """`afterwards` may move to a Maildir++ folder in this Maildir. Raises SourceError for an invalid name."""
        self._path = os.path.abspath(path)
        self._afterwards = afterwards
        self.account = Account(NAME, f"{NAME}:{files.to_locator(self._path)}")
        self._target = self._folder(afterwards.folder) if afterwards.word is Afterwards.MOVE else ""
        self._known: Mapping[str, files.Entry] = {}
        """The messages as they were when the folders were last read, by locator."""

    def _folder(self, name: str) -> str:
        """The path of a Maildir++ folder; levels may be separated by `/` or `.`."""
        levels = name.strip("/").replace("/", ".").split(".")
        if not all(levels) or not name.isprintable():
            raise SourceError(f"{self.account.label}: {name!r} is no folder's name; correct afterwards=move:{name}")
        return os.path.join(self._path, f".{_modified_utf7('.'.join(levels))}")

    def list(self) -> Sequence[Listed]:
        """All messages, ordered by the time in their names, then by the time of delivery."""
        found = [(_age(entry), locator, entry) for locator, entry in self._entries().items()]
        return [_listed(locator, entry) for _, locator, entry in sorted(found, key=lambda each: each[:2])]

    def _entries(self) -> Mapping[str, files.Entry]:
        """All messages by locator. One that moves from new to cur meanwhile is found, since cur is read last."""
        with files.told(self.account.label, self._path):
            self._known = {
                files.to_locator(_unique(entry.name)): entry
                for folder in ("new", "cur")
                for entry in files.entries(os.path.join(self._path, folder))
                if not entry.name.startswith(".")
            }
        return self._known

    def _found(self, wanted: Iterable[Listed]) -> Mapping[str, files.Entry]:
        """The present messages by locator. The folders are read again only if a message is not where it was.

        Reading them for each batch would cost more than everything else in a large mailbox.
        """
        found = {}
        with files.told(self.account.label, self._path):
            for listed in wanted:
                known = self._known.get(listed.locator)
                entry = known and files.entry(known.folder, known.name)
                if entry is None:
                    return self._entries()
                found[listed.locator] = entry
        return found

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """The bytes of each."""
        there = self._found(wanted)
        for listed in wanted:
            descriptor = self._open(listed, there)
            if descriptor is None:
                # Another program may have read it meanwhile, which renames its file.
                there = self._entries()
                descriptor = self._open(listed, there)
            if descriptor is not None:
                try:
                    yield listed, self._read(descriptor)
                finally:
                    os.close(descriptor)

    def _open(self, listed: Listed, there: Mapping[str, files.Entry]) -> int | None:
        entry = there.get(listed.locator)
        if entry is None or _listed(listed.locator, entry).fingerprint != listed.fingerprint:
            return None
        with files.told(self.account.label, self._path):
            try:
                return files.open_regular(entry.path)
            except FileNotFoundError:
                return None

    def _read(self, descriptor: int) -> Iterator[bytes]:
        with files.told(self.account.label, self._path):
            yield from files.chunks(descriptor)

    def heads(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, bytes]]:
        """See `ports.Peeking`."""
        return files.heads(self.fetch(wanted))

    def dispose(self, done: Sequence[tuple[Listed, str]]) -> Sequence[Reply]:
        """Delete, move, mark as seen, or leave."""
        if self._afterwards.word is Afterwards.LEAVE:
            return [files.DONE] * len(done)
        there = self._found(listed for listed, _ in done)
        with files.told(self.account.label, self._path):
            if self._target and done:
                _make_maildir(self._target)
            return [self._dispose(listed, there.get(listed.locator)) for listed, _ in done]

    def _dispose(self, listed: Listed, entry: files.Entry | None) -> Reply:
        if entry is None or _listed(listed.locator, entry).fingerprint != listed.fingerprint:
            return files.GONE
        try:
            self._consume(entry)
        except OSError as error:
            if not isinstance(error, FileNotFoundError) or os.path.lexists(entry.path):
                return files.kept(self.account.label, entry.path, error)
            if listed.locator in self._entries():
                return Reply(Answer.TRANSIENT, "somebody changed it at this moment")
            return files.GONE
        return files.DONE

    def _consume(self, entry: files.Entry) -> None:
        if self._afterwards.word is Afterwards.DELETE:
            os.unlink(entry.path)
        elif self._afterwards.word is Afterwards.MOVE:
            state = os.path.basename(entry.folder)
            files.move(entry.path, os.path.join(self._target, state), entry.name)
        else:
            self._mark_seen(entry)

    def _mark_seen(self, entry: files.Entry) -> None:
        base, _, flags = entry.name.partition(":2,")
        seen = os.path.join(self._path, "cur", f"{base}:2,{''.join(sorted({*flags, 'S'}))}")
        if seen != entry.path:
            os.rename(entry.path, seen)

    def settle(self) -> None:
        """Do nothing: disposals are final at once."""

    def close(self) -> None:
        """Do nothing: nothing is held open."""


def _unique(name: str) -> str:
    """The part of a file name that stays when the flags change."""
    return name.partition(":")[0]


def _age(entry: files.Entry) -> tuple[int, int]:
    """Sort key: the seconds in the name, since copying a Maildir loses file times; then the file time."""
    named = _SECONDS.match(entry.name)
    return int(named.group()) if named else entry.mtime_ns // 1_000_000_000, entry.mtime_ns


def _listed(locator: str, entry: files.Entry) -> Listed:
    return Listed(locator, f"{locator} {entry.size}", entry.size, entry.arrived)


def _make_maildir(path: str) -> None:
    for folder in ("", "tmp", "new", "cur"):
        files.make_folder(os.path.join(path, folder), 0o700)
    # Maildir++: a folder, not a mailbox of its own.
    os.close(os.open(os.path.join(path, "maildirfolder"), os.O_WRONLY | os.O_CREAT, 0o600))


def _open(opening: Opening) -> MaildirSource:
    return MaildirSource(opening.service.path, opening.afterwards)


KIND = SourceKind(
    name=NAME,
    label="Maildir",
    afterwards=(Afterwards.DELETE, Afterwards.MOVE, Afterwards.SEEN, Afterwards.LEAVE),
    open=_open,
    place="a Maildir",
)


def _modified_utf7(name: str) -> str:
    """A folder's name as IMAP servers write it on the disk (RFC 3501, 5.1.3)."""

    def shifted(found: re.Match[str]) -> str:
        if found[0] == "&":
            return "&-"
        return f"&{base64.b64encode(found[0].encode('utf-16-be'), b'+,').decode('ascii').rstrip('=')}-"

    return _SHIFTED.sub(shifted, name)
