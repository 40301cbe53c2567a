"""What a fault is, and what may be true after it besides what always must be."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from tests.faults.scene import Bench, Scene

SOURCES: Final = ("imap", "pop3", "maildir", "mbox", "directory", "pipe")
LISTED: Final = ("imap", "pop3", "maildir", "mbox", "directory")
"""Sources that a round looks into; a pipe hands over."""
DATABASES: Final = ("sqlite", "postgres", "mariadb")
SERVERS: Final = ("postgres", "mariadb")

Options = tuple[tuple[str, str, str], ...]
"""Section, name and value in trac.ini."""


@dataclass(frozen=True, slots=True)
class Struck:
    """What a fault did. `hit` is false when the round was over before it could.

    `again` says that the source may hand the same mail over once more under another name, so that the journal tells
    of duplicates; `held` that an administrator had to retry what was in quarantine; `gone` are the numbers of mails
    that somebody else took away; `apart` says that files lie in several folders.
    """

    hit: bool = True
    again: bool = False
    held: bool = False
    gone: frozenset[int] = frozenset()
    apart: bool = False
    wrong: tuple[str, ...] = ()
    """What was not as the fault itself demands."""


class Fault(Protocol):
    """One way in which the world breaks."""

    @property
    def name(self) -> str:
        """A few words with hyphens."""

    @property
    def sources(self) -> Sequence[str]:
        """The kinds of source on which it means something."""

    @property
    def databases(self) -> Sequence[str]:
        """The databases likewise."""

    @property
    def least(self) -> int:
        """How many mails it needs at least."""

    def options(self, bench: Bench) -> Options:
        """What the environment is told in trac.ini."""

    def extra(self) -> list[bytes]:
        """Mails besides the usual ones, all of which shall be forwarded."""

    def missing(self) -> str:
        """Why this machine cannot do it; "" when it can."""

    def strike(self, scene: Scene) -> Struck:
        """Let rounds meet it, and mend it: when this returns, the world is whole again."""


@dataclass(frozen=True, slots=True)
class Case:
    """One try, all of it drawn from `seed`. `total` is the number of mails; `afterwards` what the service says."""

    seed: int
    fault: str
    source: str
    database: str
    total: int
    afterwards: str

    def __str__(self) -> str:
        """For people."""
        return f"seed {self.seed}: {self.fault}, {self.source} ({self.afterwards}), {self.database}, {self.total} mails"


AFTERWARDS: Final = {
    "imap": ("delete", "move:Filed", "seen", "leave"),
    "pop3": ("delete", "leave"),
    "maildir": ("delete", "move:Filed", "seen", "leave"),
    "mbox": ("delete", "leave"),
    "directory": ("delete", "move:", "leave"),
    "pipe": ("",),
}
"""What may be done with copies of each source (docs/behaviour.md#afterwards); a folder to move to is added later."""


@dataclass(frozen=True, slots=True)
class Common:
    """What most faults have in common."""

    name: str
    sources: Sequence[str] = SOURCES
    databases: Sequence[str] = DATABASES
    least: int = 0

    def missing(self) -> str:
        """See `Fault`."""
        return ""

    def options(self, bench: Bench) -> Options:
        """See `Fault`."""
        return ()

    def extra(self) -> list[bytes]:
        """See `Fault`."""
        return []


def chance(seed: int, purpose: str) -> random.Random:
    """Numbers that are the same for the same seed and purpose, on every machine."""
    return random.Random(hashlib.sha256(f"{seed} {purpose}".encode()).digest())  # noqa: S311 - which can be repeated


def possible(fault: Fault, absent: Container[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The sources and the databases on which a fault can be tried where some are absent."""
    sources = tuple(each for each in fault.sources if each not in absent)
    return sources, tuple(each for each in fault.databases if each not in absent)


def draw(seed: int, faults: Sequence[Fault], absent: Container[str] = ()) -> Case:
    """The try of that seed among these faults. Half of the tries delete, as most services do."""
    drawn = chance(seed, "case")
    fault = drawn.choice(sorted(faults, key=lambda each: each.name))
    source, database = map(drawn.choice, possible(fault, absent))
    words = AFTERWARDS[source]
    afterwards = words[0] if drawn.random() < 0.5 else drawn.choice(words)
    # Fewer than one sender may send within an hour, for a pipe is always in earnest: it knows no backlog.
    total = drawn.choice((3, 5, 8, 12)) if drawn.random() < 0.97 else drawn.choice((25, 40))
    return Case(seed, fault.name, source, database, max(total, fault.least), afterwards)
