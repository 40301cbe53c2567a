"""The mailboxes of the tries: those of `tests.crash`, with all that may be done with mail afterwards."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.crash.places import Directory, Maildir, Mbox, Pipe, Remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from tests.crash.faults import Harm
    from tests.crash.places import Place, Settings, Step
    from tests.servers.dovecot import Dovecot

_LOCAL: Final[Mapping[str, Callable[[Path], Place]]] = {
    "maildir": Maildir,
    "mbox": Mbox,
    "directory": Directory,
    "pipe": Pipe,
}
TIMEOUT: Final = 2
"""Seconds that a mail server may be silent."""


@dataclass
class Box:
    """A mailbox and what its service does with mail that is filed. `port` is that of a proxy before the server."""

    place: Place
    source: str
    afterwards: str
    elsewhere: Path
    """The folder that mail is moved to, where it is moved to a folder of the machine."""
    port: int = 0

    @property
    def settings(self) -> Settings:
        """As typed for server and service."""
        server, service = map(dict, self.place.settings)
        if server:
            server |= {"timeout": str(TIMEOUT), "port": str(self.port or server["port"])}
        if self.afterwards:
            service["afterwards"] = self.afterwards
        return server, service

    def round(self, env: Path, harm: Harm) -> Step:
        """A round into an environment, that comes to harm."""
        return self.place.round(env, harm)

    # what is there in the end

    def problems(self, sent: Sequence[bytes], gone: Iterable[int] = ()) -> list[str]:
        """Where mail lies that should not, or does not lie where it should; `gone` are those that somebody took."""
        removed = set(gone)
        kept = Counter(mail for number, mail in enumerate(sent) if number not in removed)
        moved, stays = self.afterwards.startswith("move:"), self.afterwards in ("seen", "leave")
        found = _differences("mailbox", Counter(self._inbox()), kept if stays else Counter(), removed)
        if moved:
            found += _differences("folder", Counter(self._moved()), Counter(sent), removed)
        if self.afterwards == "seen" and (unseen := self._unseen()):
            found.append(f"{unseen} mails are not marked as seen")
        return found

    def _inbox(self) -> list[bytes]:
        if isinstance(self.place, Maildir):
            return [path.read_bytes() for name in ("new", "cur") for path in (self.place.folder / name).iterdir()]
        if isinstance(self.place, Mbox):
            return _split(b"".join(self.place.there()))
        return self.place.there()

    def _moved(self) -> list[bytes]:
        if isinstance(self.place, Remote):
            return self.place.dovecot.messages(self.place.user, "Filed")
        folders = [self.elsewhere]
        if isinstance(self.place, Maildir):
            folders = [self.place.folder / ".Filed" / name for name in ("new", "cur", "tmp")]
        return [path.read_bytes() for folder in folders if folder.is_dir() for path in folder.iterdir()]

    def _unseen(self) -> int:
        if isinstance(self.place, Remote):
            return sum("S" not in each.flags for each in self.place.dovecot.stored(self.place.user))
        assert isinstance(self.place, Maildir)
        return sum("S" not in path.name.partition(":2,")[2] for path in self.place.folder.glob("*/*"))

    def remove(self) -> None:
        """The try is over."""
        if isinstance(self.place, Remote):
            home, user = self.place.dovecot.home, self.place.user
            shutil.rmtree(home / "mail" / user, ignore_errors=True)
            (home / "users" / user).unlink()


def _split(content: bytes) -> list[bytes]:
    """The mails of an mbox written by `Mbox.deliver`."""
    separator = b"From a@example.org Thu Jan  1 00:00:00 2026\n"
    return [mail.removesuffix(b"\n") for mail in content.split(separator) if mail]


def _differences(where: str, found: Counter[bytes], wanted: Counter[bytes], optional: set[int]) -> list[str]:
    more, fewer = found - wanted, wanted - found
    trouble = [f"{where}: {more.total()} mails too many"] if more else []
    if fewer.total() > len(optional):
        trouble.append(f"{where}: {fewer.total()} mails too few")
    return trouble


def open_box(source: str, afterwards: str, folder: Path, dovecot: Dovecot | None, port: int = 0) -> Box:
    """An empty mailbox below `folder`, or for a fresh user of the server's."""
    place: Place
    if source in _LOCAL:
        place = _LOCAL[source](folder / source)
    else:
        assert dovecot is not None
        place = Remote(dovecot, source)
    elsewhere = folder / "filed"
    if afterwards == "move:":
        afterwards += str(elsewhere)
    return Box(place, source, afterwards, elsewhere, port)
