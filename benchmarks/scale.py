"""What a mail costs at the end of a mailbox of 20,000, and beside a journal of 1,000,000 rows.

    python -m benchmarks.scale mailbox [--mails 20000] [--sources maildir,imap] [--databases sqlite,postgresql]
    python -m benchmarks.scale journal [--rows 1000000] [--databases sqlite,postgresql]
    python -m benchmarks.scale crowd [--mails 20000] [--databases sqlite,postgresql]

`mailbox`: one round takes it all, in a process of its own; what it cost is noted after each thousand.
`journal`: two environments, one with an empty journal and one with a full one, take the same mails in turn; then what
people look at is asked of the full one, through tracd and `trac-admin`.
`crowd`: the same with a hundred and with 20,000 mails before them in the same hour, first all of one sender who is over
his rate, then all with one Message-ID.
The load is that of `load.py` without its attachments, so that some replies answer what nobody ever saw.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from functools import partial
from http import HTTPStatus
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from trac.env import Environment

from benchmarks.load import ADDRESS, Kind, mails
from benchmarks.stand import SERVICE, Stand
from benchmarks.turns import NOTED, TURN, TURNS, UNLIMITED, Note, counted, database, in_turn, noted, take
from tests.past import fill
from tests.servers.dovecot import Dovecot
from trac_mailintake.tracker.db.transaction import chunks, key, now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.load import Mail
    from tests.servers.tracenv import Visitor

EVERY: Final = 1_000
SOME: Final = 4
"""So many thousands are compared with as many: from one to the next it varies by a tenth."""
FEW: Final = 100
REPEATS: Final = 5
_SENDER: Final = "person001@example.com"
_ID: Final = "<alarm@machine.example.com>"
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


def load(number: int, seed: int = 1) -> Iterator[Mail]:
    """Mails without attachments."""
    return islice((mail for mail in mails(2 * number + 100, seed) if mail.kind is not Kind.ATTACHED), number)


# a large mailbox


def measure_mailbox(asked: argparse.Namespace) -> None:
    """Each source on each database."""
    print(f"{asked.mails} mails in one mailbox, what one cost: median of the 2nd to 5th thousand, of the last four")
    print(f"{'':22}{'CPU, ms':>22}{'ms by the clock':>24}{'statements':>18}{'RSS, MB: early, middle, late (peak)':>40}")
    with contextlib.ExitStack() as stack:
        dovecot = stack.enter_context(Dovecot()) if "imap" in asked.sources else None
        for name in asked.databases.split(","):
            make, _ = database(name, stack)
            for source in asked.sources.split(","):
                with tempfile.TemporaryDirectory(prefix="mailintake-bench-") as folder:
                    stand = Stand(Path(folder) / "env", database=make(), options=NOTED)
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
    words = []
    for name, scale in (("cpu", 1000.0), ("clock", 1000.0), ("statements", 1.0)):
        each = [(getattr(b, name) - getattr(a, name)) / (b.done - a.done) * scale for a, b in pairwise(notes)]
        early, late = median(each[:SOME]), median(each[-SOME:])
        words.append(f"{early:.2f} {late:.2f} ({late / early:.2f})")
    memory = " ".join(f"{note.rss:.0f}" for note in (notes[1], notes[len(notes) // 2], notes[-1]))
    print(f"{label:22}{words[0]:>22}{words[1]:>24}{words[2]:>18}{memory:>34} ({notes[-1].peak:.0f})", flush=True)


# a long journal


def measure_journal(asked: argparse.Namespace) -> None:
    """Two environments on each database."""
    with contextlib.ExitStack() as stack:
        for name in asked.databases.split(","):
            make, server = database(name, stack)
            with tempfile.TemporaryDirectory(prefix="mailintake-bench-") as folder:
                empty = Stand(Path(folder) / "empty", database=make(), options=NOTED)
                full = Stand(Path(folder) / "full", database=make(), options=NOTED)
                began = time.perf_counter()
                fill(full.env, asked.rows, tickets=2_000, analyze=name != "sqlite")
                print(f"\n{name}: {asked.rows} rows, written in {time.perf_counter() - began:.0f} s", flush=True)
                if name != "sqlite":
                    _rest(full)
                contents = [mail.content for mail in load((TURNS + 1) * TURN)]
                in_turn({"empty": empty, "full": full}, Path(folder), contents, server, UNLIMITED)
                empty.close()
                _look(full)
                full.close()


def _rest(stand: Stand) -> None:
    """What PostgreSQL does by itself some minutes after so many rows were written, instead of while we measure."""
    with stand.env.db_transaction as db:
        connection = db
        while hasattr(connection, "cnx"):  # Trac wraps it
            connection = connection.cnx
        connection.commit()
        connection.autocommit = True
        for words in ("VACUUM ANALYZE", "CHECKPOINT"):
            connection.cursor().execute(words)
        connection.autocommit = False


# a crowd of mails that are alike


def measure_crowd(asked: argparse.Namespace) -> None:
    """Few and many, on each database, of one sender and with one Message-ID."""
    with contextlib.ExitStack() as stack:
        for name in asked.databases.split(","):
            make, server = database(name, stack)
            for what, limit in (("sender", "60"), ("Message-ID", "0")):
                with tempfile.TemporaryDirectory(prefix="mailintake-bench-") as folder:
                    stands = {}
                    for label, number in (("few", FEW), ("many", asked.mails)):
                        stands[label] = Stand(Path(folder) / label, database=make(), options=NOTED)
                        _crowd(stands[label].env, number)
                    if name != "sqlite":
                        _rest(stands["many"])
                    print(f"\n{name}: mails of one {what}, after {FEW} and {asked.mails} of the same hour", flush=True)
                    in_turn(stands, Path(folder), _alike(), server, {**UNLIMITED, "rate_sender": limit})
                    for stand in stands.values():
                        stand.close()


def _alike() -> list[bytes]:
    """Different mails, all of one sender, all with one id."""
    fields = f"From: {_SENDER}\nTo: {ADDRESS}\nSubject: Alarm\nMessage-ID: {_ID}\n"
    return [f"{fields}\nThe {number}th alarm.\n".encode() for number in range((TURNS + 1) * TURN)]


def _crowd(env: Environment, number: int) -> None:
    """As many such mails, which arrived one after the other in the last minutes; their tickets are not made."""
    last = now()
    for some in chunks(range(1, number + 1)):
        mails = [value for each in some for value in (key(_SENDER), last - each, "held", SERVICE)]
        ids = [value for each in some for value in (key(_ID), key("copy", str(each)), 0, each)]
        with env.db_transaction as db:
            for into, values in (
                ("mailintake_delivery (sender_key, counted, state, service)", mails),
                ("mailintake_message_id (hash, copy, outgoing, ticket)", ids),
            ):
                rows = ",".join(["(%s,%s,%s,%s)"] * len(some))
                db(f"INSERT INTO {into} VALUES {rows}", values)  # noqa: S608 - names and placeholders of ours


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


def main() -> None:
    """Measure what is asked for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", choices=("mailbox", "journal", "crowd", "take"))
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
    elif asked.what == "crowd":
        measure_crowd(asked)
    else:
        measure_journal(asked)


if __name__ == "__main__":
    main()
