"""Where mail is put, as a delivery agent does it, and what has become of the copies there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.servers.dovecot import PASSWORD

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from tests.kills.letters import Letter
    from tests.servers.dovecot import Dovecot

AFTERWARDS: Final[dict[str, tuple[str, ...]]] = {
    "imap": ("delete", "move:Done", "seen", "leave"),
    "pop3": ("delete", "leave"),
    "maildir": ("delete", "move:Done", "seen", "leave"),
    "mbox": ("delete", "leave"),
    "directory": ("delete", "move:Done", "leave"),
    "pipe": ("leave",),
}
"""The settings of *afterwards* that each kind of source has."""

_SHARING: Final = {"alone": ("",), "plain": ("a", "b"), "addressed": ("a", "b")}


class Box:
    """A mailbox with one or two services. `sharing` says how two divide it: whoever comes first, or by address."""

    kind = ""

    def __init__(self, name: str, afterwards: str, sharing: str) -> None:
        self.name = name
        self.afterwards = afterwards
        self.sharing = sharing
        self.services = tuple(name + suffix for suffix in _SHARING[sharing])
        self.fed: list[Letter] = []
        self.fed_at: dict[int, float] = {}

    def __str__(self) -> str:
        return f"{self.kind} {self.afterwards} {self.sharing}"

    @property
    def addresses(self) -> tuple[str, ...]:
        """Whom mail in this mailbox is for."""
        return tuple(f"{service}@example.org" for service in self.services)

    def commands(self) -> list[list[str]]:
        """What sets it up, as words for `trac-admin ENV mailintake`."""
        rates = [f"{name}=0" for name in ("rate_sender", "rate_ticket", "rate_service")]
        made = []
        for service, address in zip(self.services, self.addresses, strict=True):
            catch = [f"catchemail={address}"] if self.sharing == "addressed" else []
            after = [] if self.kind == "pipe" else [f"afterwards={self.afterwards}"]
            made.append(["service", "add", service, f"kind={self.kind}", *self._place(), *after, *catch, *rates])
        return made

    def feed(self, letter: Letter) -> None:
        """Put a mail there."""
        self._put(letter.content)
        self.fed.append(letter)
        self.fed_at[letter.number] = time.monotonic()

    def answerable(self, age: float) -> list[Letter]:
        """The mails that may be answered: those that were here for `age` seconds."""
        latest = time.monotonic() - age
        return [letter for letter in self.fed if self.fed_at[letter.number] <= latest]

    def settled(self) -> bool:
        """Whether all copies are where they shall be, as far as can be told at a glance."""
        return not self.faults()

    def faults(self) -> list[str]:
        """What is wrong with the copies, byte for byte."""
        all_of_them = Counter(letter.content for letter in self.fed)
        moving = self.afterwards.startswith("move:")
        stay = all_of_them if self.afterwards in {"leave", "seen"} else Counter[bytes]()
        said = _compared(f"{self.name}: mailbox", stay, Counter(self.left()))
        if moving:
            said += _compared(f"{self.name}: target folder", all_of_them, Counter(self.moved()))
        if self.afterwards == "seen" and self.unseen():
            said.append(f"{self.name}: {self.unseen()} copies are not seen")
        return said

    def left(self) -> list[bytes]:
        """The copies in the mailbox."""
        raise NotImplementedError

    def moved(self) -> list[bytes]:
        """The copies in the folder that they are moved to."""
        return []

    def unseen(self) -> int:
        """How many copies are not marked as seen."""
        return 0

    def _place(self) -> list[str]:
        raise NotImplementedError

    def _put(self, content: bytes) -> None:
        raise NotImplementedError


def _compared(place: str, expected: Counter[bytes], found: Counter[bytes]) -> list[str]:
    missing, extra = expected - found, found - expected
    said = [f"{place}: {count} x missing: {_label(content)}" for content, count in missing.items()]
    return said + [f"{place}: {count} x too much: {_label(content)}" for content, count in extra.items()]


def _label(content: bytes) -> str:
    subject = content.partition(b"Subject: ")[2].partition(b"\n")[0].decode("utf-8", "replace").strip()
    copy = " (second copy)" if content.startswith(b"Received:") else ""
    return f"{subject}{copy}, {len(content)} bytes"


class Mailserver(Box):
    """A user of Dovecot's."""

    def __init__(self, name: str, afterwards: str, sharing: str, dovecot: Dovecot) -> None:
        super().__init__(name, afterwards, sharing)
        self._dovecot = dovecot
        self._user = dovecot.add_user()

    def commands(self) -> list[list[str]]:
        """Likewise, with the server first."""
        port = self._dovecot.imap if self.kind == "imap" else self._dovecot.pop3
        at = [f"protocol={self.kind}", "host=localhost", f"port={port}", "security=none"]
        server = ["server", "add", self.name, *at, f"username={self._user}", f"password={PASSWORD}"]
        return [server, *super().commands()]

    def __str__(self) -> str:
        return super().__str__() + (" without MOVE" if self._dovecot.without else "")

    def left(self) -> list[bytes]:
        """The copies in INBOX. Without UIDPLUS, mail that is marked as deleted counts as deleted."""
        marked = bool(self._dovecot.without)
        return [each.content for each in self._dovecot.stored(self._user) if not (marked and "T" in each.flags)]

    def faults(self) -> list[str]:
        """Likewise, with the flags that the copies have."""
        found = super().faults()
        flags = [f"{self.name}: {each.path.name}" for each in self._dovecot.stored(self._user)] if found else []
        return found + flags

    def moved(self) -> list[bytes]:
        """The copies in the target folder."""
        return self._dovecot.messages(self._user, "Done")

    def unseen(self) -> int:
        """How many copies have no flag Seen."""
        return sum("S" not in stored.flags for stored in self._dovecot.stored(self._user))

    def _place(self) -> list[str]:
        return [f"server={self.name}"]

    def _put(self, content: bytes) -> None:
        self._dovecot.deliver(self._user, content)


class Imap(Mailserver):
    """INBOX over IMAP."""

    kind = "imap"


class Pop3(Mailserver):
    """INBOX over POP3."""

    kind = "pop3"


class Files(Box):
    """A place on this machine."""

    def __init__(self, name: str, afterwards: str, sharing: str, folder: Path) -> None:
        super().__init__(name, afterwards, sharing)
        self.path = folder / name
        self._made()

    def _made(self) -> None:
        self.path.mkdir()

    def _place(self) -> list[str]:
        return [f"path={self.path}"]


class Maildir(Files):
    """A Maildir, without a server."""

    kind = "maildir"

    def _made(self) -> None:
        for part in ("new", "cur", "tmp"):
            (self.path / part).mkdir(parents=True)

    def left(self) -> list[bytes]:
        """The files in `new` and `cur`."""
        return [file.read_bytes() for part in ("new", "cur") for file in (self.path / part).iterdir()]

    def moved(self) -> list[bytes]:
        """The files in the subfolder."""
        return [file.read_bytes() for part in ("new", "cur") for file in self.path.glob(f".Done/{part}/*")]

    def unseen(self) -> int:
        """How many are still in `new`."""
        return sum(1 for _ in (self.path / "new").iterdir())

    def _put(self, content: bytes) -> None:
        name = f"{int(time.time())}.M{len(self.fed):06d}P{os.getpid()}.kills"
        (self.path / "tmp" / name).write_bytes(content)
        (self.path / "tmp" / name).rename(self.path / "new" / name)


class Directory(Files):
    """A folder of `.eml` files."""

    kind = "directory"

    def left(self) -> list[bytes]:
        """The files in the folder."""
        return [file.read_bytes() for file in self.path.iterdir() if file.is_file()]

    def moved(self) -> list[bytes]:
        """The files in the subfolder."""
        return [file.read_bytes() for file in self.path.glob("Done/*")]

    def _put(self, content: bytes) -> None:
        made = self.path.parent / f"{self.name}.part"
        made.write_bytes(content)
        made.rename(self.path / f"{len(self.fed):06d}.eml")


class Mbox(Files):
    """An mbox, written to under dotlock and fcntl. `patience` is for how many seconds it waits for others' locks."""

    kind = "mbox"
    patience = 60.0

    def _made(self) -> None:
        self.path.touch()

    def left(self) -> list[bytes]:
        """The mails in the file."""
        begin = b"From kills "
        whole = self.path.read_bytes()
        pieces = (b"\n" + whole + begin).split(b"\n" + begin)[1:-1] if whole else []
        return [piece.partition(b"\n")[2] for piece in pieces]

    def faults(self) -> list[str]:
        """Likewise, and a lock that stayed."""
        dotlock = self.path.with_name(f"{self.path.name}.lock")
        return [*super().faults(), *([f"{self.name}: its lock was left"] if dotlock.exists() else [])]

    def _put(self, content: bytes) -> None:
        dotlock = self.path.with_name(f"{self.path.name}.lock")
        _until(lambda: _locked(dotlock), self.patience)
        with self.path.open("ab") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            file.write(b"From kills Mon Nov 30 10:00:00 2026\n" + content + b"\n")
        dotlock.unlink()


def _locked(dotlock: Path) -> bool:
    """Take the lock, as liblockfile does: one whose process is dead is nobody's."""
    try:
        handle = os.open(dotlock, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        with contextlib.suppress(OSError, ValueError):
            _drop_if_dead(dotlock)
        return False
    os.write(handle, f"{os.getpid()}\n".encode())
    os.close(handle)
    return True


def _drop_if_dead(dotlock: Path) -> None:
    owner = int(dotlock.read_bytes())
    try:
        state = Path(f"/proc/{owner}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        state = "X"
    # A zombie is dead, too: only its parent, who may be us, has not asked yet how it ended.
    if state in {"X", "Z"}:
        dotlock.unlink()


def _until(done: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            message = f"the lock of an mbox was not free for {seconds:g} s"
            raise TimeoutError(message)
        time.sleep(0.01)


class Pipe(Box):
    """A mail server that pipes: it keeps each mail until it is told 0, and tries again after a while."""

    kind = "pipe"

    def __init__(self, name: str) -> None:
        super().__init__(name, "leave", "alone")
        self.waiting: dict[int, tuple[float, Letter]] = {}
        self.known: set[str] = set()
        """The SHA-256 of what the journal knows. Nobody can wait for a question that was never heard of."""

    def answerable(self, age: float) -> list[Letter]:
        """The mails that intake knows of, however their delivery ended."""
        return [letter for letter in super().answerable(age) if letter.sha256 in self.known]

    def due(self, *, at_once: bool = False) -> list[Letter]:
        """The mails to be handed over now, the oldest first; with `at_once` all."""
        now = time.monotonic()
        return [letter for due, letter in self.waiting.values() if at_once or due <= now]

    def handed(self, letter: Letter) -> None:
        """Not again as long as somebody has it."""
        self.waiting[letter.number] = (float("inf"), letter)

    def answered(self, letter: Letter, status: int, chance: random.Random) -> None:
        """Drop the mail after 0; after anything else keep it for a while."""
        if status:
            self.waiting[letter.number] = (time.monotonic() + chance.uniform(0.2, 3), letter)
        else:
            self.waiting.pop(letter.number, None)

    def faults(self) -> list[str]:
        """Mail that was never taken."""
        return [f"{self.name}: not taken: {letter.mark}" for _, letter in self.waiting.values()]

    def left(self) -> list[bytes]:
        """The mails in the queue."""
        return [letter.content for _, letter in self.waiting.values()]

    def _place(self) -> list[str]:
        return []

    def feed(self, letter: Letter) -> None:
        """Queue a mail."""
        super().feed(letter)
        self.waiting[letter.number] = (0.0, letter)

    def _put(self, content: bytes) -> None:
        """The queue is in memory."""


def box(kind: str, name: str, variant: int, chance: random.Random, folder: Path, dovecots: Sequence[Dovecot]) -> Box:
    """A mailbox of a kind. `variant` chooses *afterwards*, each in turn; the rest is chance."""
    if kind == "pipe":
        return Pipe(name)
    afterwards = AFTERWARDS[kind][variant % len(AFTERWARDS[kind])]
    sharing = chance.choices(("alone", "plain", "addressed"), (7, 1, 1))[0]
    if kind in {"imap", "pop3"}:
        return {"imap": Imap, "pop3": Pop3}[kind](name, afterwards, sharing, chance.choice(dovecots))
    made: dict[str, type[Files]] = {"maildir": Maildir, "directory": Directory, "mbox": Mbox}
    return made[kind](name, afterwards, sharing, folder)
