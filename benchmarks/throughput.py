"""Mails a second, and what that is of a bare `Ticket.insert` loop with a commit each, measured beside it.

    python -m benchmarks.throughput [--mails 1000] [--repeats 5] [--databases sqlite,postgresql]

Permissions, ticket and attachment manipulators, the archive and the journal are on; notifications are off.
Each repeat measures every way once, one after the other; ratios are taken within a repeat, and their median is shown.
After each measurement all that was stored is compared with what was sent; a difference ends the benchmark.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.load import mails
from benchmarks.stand import Stand
from tests.servers.delayproxy import DelayProxy
from tests.servers.dovecot import Dovecot
from tests.servers.machine import ServerMissing
from tests.servers.postgres import Postgres
from tests.servers.tracenv import SQLITE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection

    from benchmarks.load import Mail

ROUND_TRIP: Final = 0.020
"""Seconds."""
WARM_UP: Final = 40
"""Mails that are taken before anything is measured: what is imported once should not count."""
WAYS: Final = ("bare", "maildir", "imap", "imap 20 ms")


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the mails took: seconds by the clock, and seconds of this process's CPU."""

    clock: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Post:
    """The ports of an IMAP server: itself, and at the end of a long line."""

    dovecot: Dovecot
    distant: int


@dataclass(frozen=True, slots=True)
class Bench:
    """Where one database is measured; `databases` gives a fresh one each time it is asked."""

    folder: Path
    database: Callable[[], str]
    post: Post | None

    @property
    def ways(self) -> tuple[str, ...]:
        """What can be measured on this machine."""
        return WAYS if self.post else WAYS[:2]

    def measure(self, way: str, sent: Sequence[Mail]) -> Timing:
        """Take the mails in one way, in an environment of its own, and compare what came of them."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            stand = Stand(Path(folder) / "env", database=self.database())
            try:
                if way == "bare":
                    with _timed() as timing:
                        stand.insert(sent)
                    return timing[0]
                self._fill(stand, way, Path(folder), sent)
                with _timed() as timing:
                    report = stand.run()
                stand.check(report, sent)
                return timing[0]
            finally:
                stand.close()

    def _fill(self, stand: Stand, way: str, folder: Path, sent: Sequence[Mail]) -> None:
        """A mailbox with the mails, and a service on it."""
        contents = (mail.content for mail in sent)
        if way == "maildir":
            stand.maildir(folder / "Maildir", contents)
            return
        assert self.post is not None
        user = self.post.dovecot.add_user()
        self.post.dovecot.deliver_all(user, contents)
        stand.imap(self.post.dovecot.imap if way == "imap" else self.post.distant, user)


@contextlib.contextmanager
def _timed() -> Iterator[list[Timing]]:
    """The timing of what is within, once it is over. What others left to be written is written first."""
    os.sync()
    timings: list[Timing] = []
    clock, cpu = time.perf_counter(), time.process_time()
    yield timings
    timings.append(Timing(time.perf_counter() - clock, time.process_time() - cpu))


def main() -> None:
    """Measure, and print a table for each database."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--mails", type=int, default=1000)
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--databases", default="sqlite,postgresql")
    asked, _ = options.parse_known_args()
    sent = tuple(mails(asked.mails))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mailintake-bench-")))
        post = _post(stack)
        for name in asked.databases.split(","):
            database = _database(name, stack)
            if database is not None:
                _measure_all(name, Bench(folder, database, post), sent, asked.repeats)


def _measure_all(name: str, bench: Bench, sent: Sequence[Mail], repeats: int) -> None:
    for way in bench.ways:
        bench.measure(way, sent[:WARM_UP])
    timings: dict[str, list[Timing]] = {way: [] for way in bench.ways}
    for repeat in range(repeats):
        # Each second time backwards, so that nobody always comes last.
        for way in bench.ways[:: -1 if repeat % 2 else 1]:
            timings[way].append(bench.measure(way, sent))
    _print(name, timings, len(sent))


def _print(name: str, timings: dict[str, list[Timing]], count: int) -> None:
    size = f"{count} mails, {len(timings['bare'])} repeats: median (lowest to highest)"
    print(f"\n{name}, {size}; notifications off, everything else on")
    print(f"{'':12}{'mails/s':>22}{'CPU ms':>8}{'of bare loop':>22}{'of Maildir':>22}")
    for way, each in timings.items():
        rates = _spread([count / timing.clock for timing in each], "{:.0f}")
        cpu = f"{median(timing.cpu for timing in each) / count * 1000:.2f}"
        bare = _spread(_ratios(timings["bare"], each), "{:.2f}")
        maildir = _spread(_ratios(timings["maildir"], each), "{:.2f}")
        print(f"{way:12}{rates:>22}{cpu:>8}{bare:>22}{maildir:>22}", flush=True)


def _ratios(base: Sequence[Timing], timings: Sequence[Timing]) -> list[float]:
    return [one.clock / other.clock for one, other in zip(base, timings, strict=True)]


def _spread(values: Sequence[float], form: str) -> str:
    low, middle, high = (form.format(value) for value in (min(values), median(values), max(values)))
    return f"{middle} ({low} to {high})"


# servers


def _database(name: str, stack: contextlib.ExitStack) -> Callable[[], str] | None:
    """What gives a new database each time; None when the machine has no such server."""
    if name == "sqlite":
        return lambda: SQLITE
    try:
        return stack.enter_context(Postgres(durable=True)).fresh_schema
    except ServerMissing as reason:
        print(f"{name} is left out: {reason}")
        return None


def _post(stack: contextlib.ExitStack) -> Post | None:
    try:
        dovecot = stack.enter_context(Dovecot())
    except ServerMissing as reason:
        print(f"IMAP is left out: {reason}")
        return None
    here, there = multiprocessing.Pipe()
    # In a process of its own: the long line's work is not the product's.
    process = multiprocessing.get_context("spawn").Process(target=_line, args=(dovecot.imap, there), daemon=True)
    process.start()
    stack.callback(process.join)
    stack.callback(here.close)
    there.close()
    return Post(dovecot, int(here.recv()))


def _line(target: int, parent: Connection) -> None:
    """A long line to a port, until the parent hangs up."""
    with DelayProxy(target, round_trip=ROUND_TRIP) as proxy:
        parent.send(proxy.port)
        with contextlib.suppress(EOFError):
            parent.recv()


if __name__ == "__main__":
    main()
