"""What a mail costs at the end of a mailbox of 20,000, and beside a journal of 1,000,000 rows.

    python -m benchmarks.scale mailbox [--mails 20000] [--sources maildir,imap] [--databases sqlite,postgresql]
    python -m benchmarks.scale journal [--rows 1000000] [--databases sqlite,postgresql]

`mailbox`: one round takes it all, in a process of its own; what it cost is noted after each thousand.
`journal`: two environments, one with an empty journal and one with a full one, take the same mails in turn; then what
people look at is asked of the full one, through tracd and `trac-admin`.
The load is that of `load.py` without its attachments, so that some replies answer what nobody ever saw.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from functools import partial
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from trac.env import Environment

from benchmarks.load import Kind, mails
from benchmarks.stand import SERVICE, Stand
from tests.past import fill
from tests.servers.dovecot import Dovecot
from tests.servers.postgres import Postgres
from tests.servers.tracenv import SQLITE
from trac_mailintake.components import bridge
from trac_mailintake.tracker.database import now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.load import Mail
    from tests.servers.tracenv import Visitor
    from trac_mailintake.intake.round import Report

EVERY: Final = 1_000
TURNS: Final = 7
TURN: Final = 400
"""Mails that each of the two environments takes in a turn."""
REPEATS: Final = 5
_MEMORY: Final = re.compile(r"^Vm(HWM|RSS):\s+(\d+) kB$", re.MULTILINE)
# Trac notes each statement, to be counted; nothing writes the notes down.
_OPTIONS: Final = (
    ("logging", "log_type", "none"),
    ("logging", "log_level", "DEBUG"),
    ("trac", "debug_sql", "enabled"),
)
_UNLIMITED: Final = {"rate_service": "10000000", "rate_sender": "10000000", "rate_ticket": "10000000"}
"""The rates are asked of the journal, and never reached."""
PAGES: Final = {
    "the newest": "",
    "the oldest": "after=0",
    "in the middle": "before=500000",
    "of a large service": "service=support",
    "of a small service, the oldest": "service=billing&after=0",
    "what is held": "outcome=held",
    "what is in work": "outcome=in+work",
    "what was filed, the oldest": "outcome=created&after=0",
    "of a ticket": "ticket=300000",
    "of a sender": "sender=person0042@example.com",
    "of a sender who never wrote": "sender=nobody@example.com",
    "a word": "text=printer",
    "a number that one subject has": "text=(4711)",
    "a word that is nowhere": "text=nowhere",
}
COMMANDS: Final = (
    "run",
    "status",
    "status --json",
    "journal list",
    "journal list outcome=held",
    "held list",
    "queue list",
)


@dataclass(frozen=True, slots=True)
class Note:
    """What was used up when `done` mails were done: seconds by the clock and of CPU, statements, MB (RSS, its peak)."""

    done: int
    clock: float
    cpu: float
    statements: int
    rss: float
    peak: float


class Counter(logging.Handler):
    """Counts the statements that Trac notes."""

    number = 0

    def handle(self, record: logging.LogRecord) -> bool:
        """One more."""
        self.number += record.msg.startswith("SQL: ")
        return True


@contextlib.contextmanager
def counted(env: Environment) -> Iterator[Counter]:
    """Count the statements of a block."""
    counter = Counter()
    env.log.addHandler(counter)
    try:
        yield counter
    finally:
        env.log.removeHandler(counter)


def noted(counter: Counter, done: int) -> Note:
    """What this process has used up by now."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    sizes = {name: int(kilobytes) / 1024 for name, kilobytes in _MEMORY.findall(status)}
    return Note(done, time.perf_counter(), time.process_time(), counter.number, sizes["RSS"], sizes["HWM"])


def take(env: Environment, progress: Callable[[int, int], None] | None = None) -> Report:
    """What `trac-admin ENV mailintake run` does once it has started."""
    with bridge.intake(env) as assembly:
        service = assembly.settings.services.get(SERVICE)
        return assembly.round.run(service, assembly.settings.open(service), progress=progress)


def load(number: int, seed: int = 1) -> Iterator[Mail]:
    """Mails without attachments."""
    return islice((mail for mail in mails(2 * number + 100, seed) if mail.kind is not Kind.ATTACHED), number)


# a large mailbox


def measure_mailbox(asked: argparse.Namespace) -> None:
    """Each source on each database."""
    print(f"{asked.mails} mails in one mailbox, CPU and statements a mail: the 2nd thousand, then the last")
    print(f"{'':22}{'CPU, ms':>22}{'ms by the clock':>24}{'statements':>18}{'RSS, MB (peak)':>34}")
    with contextlib.ExitStack() as stack:
        dovecot = stack.enter_context(Dovecot()) if "imap" in asked.sources else None
        for name in asked.databases.split(","):
            database = _database(name, stack)
            for source in asked.sources.split(","):
                with tempfile.TemporaryDirectory(prefix="mailintake-bench-") as folder:
                    stand = Stand(Path(folder) / "env", database=database(), options=_OPTIONS)
                    _fill_mailbox(stand, Path(folder), dovecot if source == "imap" else None, asked.mails)
                    path = stand.trac.path
                    stand.close()
                    _print_notes(f"{source}, {name}", _noted_apart(path))
                    _check(path, asked.mails)


def _fill_mailbox(stand: Stand, folder: Path, dovecot: Dovecot | None, number: int) -> None:
    contents = (mail.content for mail in load(number))
    if dovecot is None:
        stand.maildir(folder / "Maildir", contents)
    else:
        user = dovecot.add_user()
        dovecot.deliver_all(user, contents)
        stand.imap(dovecot.imap, user)


def _noted_apart(path: Path) -> list[Note]:
    """Take the mailbox in a process of its own."""
    words = [sys.executable, "-W", "ignore", "-m", "benchmarks.scale", "take", "--environment", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [Note(**each) for each in json.loads(done.stdout)]


def _take_noting(path: str) -> None:
    """In that process: take it all, and print what was noted."""
    env = Environment(path)
    notes: list[Note] = []
    with counted(env) as counter:

        def progress(done: int, _: int) -> None:
            if done // EVERY > len(notes):
                notes.append(noted(counter, done))

        report = take(env, progress)
        left = report.error or report.down or report.remaining or report.deferred
        assert not left, report
        notes.append(noted(counter, report.listed))
    print(json.dumps([asdict(note) for note in notes]))


def _check(path: Path, number: int) -> None:
    """As many outcomes as mails, and an empty mailbox."""
    env = Environment(str(path))
    sql = "SELECT COUNT(*), COUNT(DISTINCT message_id) FROM mailintake_delivery WHERE consumed>0 AND ticket>0"
    assert env.db_query(sql) == [(number, number)], env.db_query(sql)
    assert take(env).listed == 0
    env.shutdown()


def _print_notes(label: str, notes: Sequence[Note]) -> None:
    notes = [note for place, note in enumerate(notes) if not place or note.done - notes[place - 1].done >= EVERY]
    first, last = notes[:2], notes[-2:]
    words = []
    for name, scale in (("cpu", 1000.0), ("clock", 1000.0), ("statements", 1.0)):
        early, late = ((getattr(b, name) - getattr(a, name)) / (b.done - a.done) * scale for a, b in (first, last))
        words.append(f"{early:.2f} {late:.2f} ({late / early:.2f})")
    memory = f"{notes[1].rss:.0f} ({notes[1].peak:.0f}) {notes[-1].rss:.0f} ({notes[-1].peak:.0f})"
    print(f"{label:22}{words[0]:>22}{words[1]:>24}{words[2]:>18}{memory:>34}", flush=True)


# a long journal


def measure_journal(asked: argparse.Namespace) -> None:
    """Two environments on each database."""
    with contextlib.ExitStack() as stack:
        for name in asked.databases.split(","):
            database = _database(name, stack)
            with tempfile.TemporaryDirectory(prefix="mailintake-bench-") as folder:
                empty = Stand(Path(folder) / "empty", database=database(), options=_OPTIONS)
                full = Stand(Path(folder) / "full", database=database(), options=_OPTIONS)
                began = time.perf_counter()
                fill(full.env, asked.rows, tickets=2_000, analyze=name != "sqlite")
                print(f"\n{name}: {asked.rows} rows, written in {time.perf_counter() - began:.0f} s", flush=True)
                _in_turn({"empty": empty, "full": full}, Path(folder))
                empty.close()
                _look(full)
                full.close()


def _in_turn(stands: dict[str, Stand], folder: Path) -> None:
    """The same mails for each, a turn at a time."""
    for name, stand in stands.items():
        stand.maildir(folder / name / "Maildir", [])
        bridge.settings(stand.env).services.set(SERVICE, _UNLIMITED)
        with stand.env.db_transaction as db:  # it is no first run: all mails count for rates
            db("UPDATE mailintake_service SET last_success=%s", (now(),))
    used: dict[str, list[Note]] = {name: [] for name in stands}
    contents = [mail.content for mail in load((TURNS + 1) * TURN)]
    for turn in range(TURNS + 1):
        for name in list(stands)[:: -1 if turn % 2 else 1]:
            for number, content in enumerate(contents[turn * TURN : (turn + 1) * TURN]):
                (folder / name / "Maildir" / "new" / f"{1_790_000_000 + number}.M{turn}P1.bench").write_bytes(content)
            with counted(stands[name].env) as counter:
                before = noted(counter, 0)
                report = take(stands[name].env)
                after = noted(counter, report.listed)
            assert sum(report.counts.values()) == TURN, report
            cpu, clock = (after.cpu - before.cpu) / TURN * 1000, (after.clock - before.clock) / TURN * 1000
            used[name].append(Note(TURN, clock, cpu, after.statements, 0.0, 0.0))
    print(f"{TURNS} turns of {TURN} mails: median")
    print(f"{'journal':12}{'CPU, ms a mail':>16}{'ms by the clock':>18}{'statements a mail':>20}")
    for name, notes in used.items():
        later = notes[1:]
        cells = [median(getattr(note, each) for note in later) for each in ("cpu", "clock", "statements")]
        print(f"{name:12}{cells[0]:>16.2f}{cells[1]:>18.2f}{cells[2] / TURN:>20.2f}")
    for label in ("cpu", "clock"):
        pairs = zip(used["empty"][1:], used["full"][1:], strict=True)
        ratio = median(getattr(full, label) / getattr(empty, label) for empty, full in pairs)
        print(f"full : empty, {label}: {ratio:.2f}", flush=True)


def _look(stand: Stand) -> None:
    """What people ask of it: pages through tracd, commands in this process; the slowest of some repeats."""
    stand.trac.grant("admin", "TRAC_ADMIN")
    stand.trac.set(("trac", "debug_sql", "disabled"))
    print(f"\n{'page of the journal':34}{'ms, median (slowest)':>24}")
    with stand.trac.serve("admin") as tracd:
        visitor = tracd.visitor("admin")
        for label, query in PAGES.items():
            _print_times(label, partial(_shown, visitor, query))
    print(f"\n{'trac-admin ENV mailintake':34}{'ms, median (slowest)':>24}   (without its start)")
    with stand.env.db_transaction as db:
        db("UPDATE mailintake_service SET next_run=%s", (2 * now(),))
    for words in COMMANDS:
        _print_times(words, partial(_done, stand, words.split()))


def _shown(visitor: Visitor, query: str) -> bool:
    return visitor.get(f"/admin/mailintake/journal?{query}").status == HTTPStatus.OK


def _done(stand: Stand, words: Sequence[str]) -> bool:
    return stand.trac.command("mailintake", *words).status in (0, 1)


def _print_times(label: str, ask: Callable[[], bool]) -> None:
    times = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        assert ask(), label
        times.append((time.perf_counter() - began) * 1000)
    print(f"{label:34}{median(times[1:]):>14.0f} ({max(times[1:]):.0f})", flush=True)


# servers


def _database(name: str, stack: contextlib.ExitStack) -> Callable[[], str]:
    """What gives a new database each time."""
    if name == "sqlite":
        return lambda: SQLITE
    return stack.enter_context(Postgres(durable=True)).fresh_schema


def main() -> None:
    """Measure what is asked for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", choices=("mailbox", "journal", "take"))
    options.add_argument("--mails", type=int, default=20_000)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--sources", default="maildir,imap")
    options.add_argument("--databases", default="sqlite,postgresql")
    options.add_argument("--environment", help="of `take`, which `mailbox` starts")
    asked = options.parse_args()
    if asked.what == "take":
        _take_noting(asked.environment)
    elif asked.what == "mailbox":
        measure_mailbox(asked)
    else:
        measure_journal(asked)


if __name__ == "__main__":
    main()
