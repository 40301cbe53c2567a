"""The power goes in the midst of a round, again and again; the mailbox, as on a mail server, is on another disk."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final, Self

from tests.crash import mails, rounds, scene
from tests.crash.places import Mbox, Remote
from tests.crash.zygote import Forked, call
from tests.cuts.loops import CutDisk

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from tests.crash.places import Local, Place
    from tests.crash.rounds import State

_EACH: Final = 2
"""Mails in a round."""
_UNLIMITED: Final = {"rate_service": "100000", "rate_sender": "100000"}
_PAUSE: Final = 0.0002
"""Seconds after which it is looked again whether the mailbox is empty."""


class Moment(Enum):
    """When the power goes."""

    EMPTIED = "mailbox just empty"
    ANY = "any moment"


@dataclass
class Tally:
    """What came of the cuts: how many mails were gone from the mailbox then, and how many of them are nowhere."""

    cuts: int = 0
    gone: int = 0
    losing: int = 0
    """Cuts that lost mail."""
    lost: int = 0
    copies: int = 0
    """Files of the archive that belong to no mail, since the note of the process that wrote them was lost, too."""
    wrong: list[str] = field(default_factory=list)
    """All that is not as it would be had the power never gone."""


class Site:
    """An environment on a disk that can be cut, whose service empties a place on another one."""

    def __init__(self, folder: Path, place: Place, chance: Random, database: str = "sqlite:db/trac.db") -> None:
        """`chance` says when the power goes, where that may be at any moment."""
        self._disk = CutDisk(folder)
        self._place = place
        self._chance = chance
        self._database = database
        self._numbers = itertools.count()
        self._sent: dict[str, bytes] = {}
        self._lasting = 0.3
        """Seconds that a round takes, as far as is known."""

    def __enter__(self) -> Self:
        """Make it; raises what CutDisk raises."""
        self._disk.__enter__()
        self._env = scene.make(self._disk.path / "env", self._database)
        server, service = self._place.settings
        scene.well(call(rounds.prepare, self._env, server, {**service, **_UNLIMITED}))
        self._disk.settle()
        return self

    def __exit__(self, *_: object) -> None:
        """Give the disk back."""
        self._disk.__exit__()

    def cut(self, moment: Moment, tally: Tally) -> None:
        """One round of new mails, in which the power goes; then two more, and what is left is looked at."""
        fresh = self._deliver()
        forked = Forked(*_unpacked(self._place.round(self._env)))
        self._wait(forked, moment)
        left = b"\n".join(self._place.there())  # an mbox is one file
        self._disk.photograph()
        forked.kill()
        forked.wait()
        self._disk.cut()
        self._place.later()
        gone = [name for name, mail in fresh.items() if mail not in left]
        self._go_on(gone, tally)

    def _deliver(self) -> dict[str, bytes]:
        numbers = [next(self._numbers) for _ in range(_EACH)]
        fresh = {f"Request {each}": mails.request(each, attachment=b"file of %d" % each) for each in numbers}
        self._place.deliver(*fresh.values())
        self._sent |= fresh
        return fresh

    def _wait(self, forked: Forked, moment: Moment) -> None:
        """Stop it at that moment, if it has not ended before."""
        if moment is Moment.ANY:
            forked.running(self._chance.uniform(0, 1.1 * self._lasting))
        else:
            while not _empty(self._place):
                assert forked.running(_PAUSE) or _empty(self._place), f"it was not emptied: {forked.wait()}"
        with suppress(ProcessLookupError):
            os.kill(forked.pid, signal.SIGSTOP)

    def _go_on(self, gone: list[str], tally: Tally) -> None:
        """Go on with what the disk has; more mail comes meanwhile, and finds all in order."""
        began = time.monotonic()
        scene.well(call(*_unpacked(self._place.round(self._env))))
        self._lasting = time.monotonic() - began
        self._deliver()
        steps = [(rounds.hour_passes, (self._env,)), self._place.round(self._env), (rounds.look, (self._env,))]
        *_, state = scene.well(call(rounds.in_turn, *steps))
        filed = Counter(ticket.summary for ticket in state.tickets)
        lost = [name for name in gone if not filed[name] and not _kept(state, self._sent[name])]
        tally.cuts += 1
        tally.gone += len(gone)
        tally.losing += bool(lost)
        tally.lost += len(lost)
        tally.wrong += [f"lost: {name}" for name in lost]
        tally.wrong += [f"{name}: {filed[name]} times" for name in self._sent if filed[name] != 1 and name not in lost]
        tally.wrong += [f"stray: {each}" for each in state.strays if not each.endswith(".mails")]
        tally.wrong += [f"still in the mailbox: {len(self._place.there())}"] * bool(self._place.there())
        tally.wrong += _of_files(state)
        tally.copies = sum(each.endswith(".mails") for each in state.strays)
        for name in lost:  # told of once
            del self._sent[name]


def _unpacked(step: tuple[object, tuple[object, ...]]) -> tuple:  # type: ignore[type-arg]  # a function and what it takes
    function, arguments = step
    return (function, *arguments)


def _kept(state: State, mail: bytes) -> bool:
    """Whether a row of the journal has its bytes."""
    return any(row.archived == mails.digest(mail) for row in state.rows)


def _of_files(state: State) -> list[str]:
    """Each ticket has its file; each row its bytes."""
    found = []
    for ticket in state.tickets:
        content = b"file of " + ticket.summary.rpartition(" ")[2].encode()
        if dict(ticket.attachments) != {"notes.bin": mails.digest(content)}:
            found.append(f"files of {ticket.summary}: {dict(ticket.attachments)}")
    return found + [f"no bytes: {row.subject}" for row in state.rows if row.archived == "missing"]


def _empty(place: Place) -> bool:
    """Whether nothing lies in a place: as quickly as that can be told."""
    if isinstance(place, Remote):
        folder = place.dovecot.folder(place.user)
        return not any(os.listdir(folder / name) for name in ("new", "cur"))
    local: Local = place  # type: ignore[assignment]  # all others are
    if isinstance(local, Mbox):
        return not os.path.getsize(local.folder / "mbox")
    return not any(names for _, _, names in os.walk(local.folder))
