"""Four `mailintake run`s at once on one mailbox, and what they are of one: on PostgreSQL, from a Maildir.

    python -m benchmarks.workers [--mails 2000] [--repeats 3] [--workers 4]

Each worker is a process, as it is when cron starts one while others are at work. What they filed is counted afterwards:
each mail once. In a mailbox that several take from at once, tickets are not numbered in the order of the mails.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from trac.env import Environment

from benchmarks.load import mails
from benchmarks.stand import SERVICE, Stand
from tests.servers.postgres import Postgres
from trac_mailintake.runs import open_intake

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.load import Mail


def main() -> None:
    """Measure, and print a line for each repeat."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--mails", type=int, default=2000)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--workers", type=int, default=4)
    asked, _ = options.parse_known_args()
    sent = tuple(mails(asked.mails))
    ratios = []
    with Postgres(durable=True) as postgres:
        for _ in range(asked.repeats):
            one, several = (_measure(postgres.fresh_schema, sent, count) for count in (1, asked.workers))
            ratios.append(one / several)
            rates = f"{len(sent) / one:.0f} mails/s by one, {len(sent) / several:.0f} by {asked.workers}"
            print(f"{rates}: {ratios[-1]:.2f} times", flush=True)
    cores = len(os.sched_getaffinity(0))
    print(f"median {median(ratios):.2f} times, on {cores} cores that the database shares")


def _measure(database: Callable[[], str], sent: Sequence[Mail], workers: int) -> float:
    """Seconds until all workers are done."""
    with tempfile.TemporaryDirectory(prefix="mailintake-bench-") as folder:
        stand = Stand(Path(folder) / "env", database=database())
        stand.maildir(Path(folder) / "Maildir", (mail.content for mail in sent))
        path = stand.env.path
        stand.close()
        os.sync()
        began = time.perf_counter()
        children = [_forked(path) for _ in range(workers)]
        ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        seconds = time.perf_counter() - began
        assert ended == [0] * workers, ended
        _check(path, sent)
        return seconds


def _forked(path: str) -> int:
    """A process that takes what it finds."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        with open_intake.watched_intake(Environment(path)) as assembly:
            service = assembly.settings.services.get(SERVICE)
            report = assembly.spine.run(service, assembly.settings.open(service))
            status = 1 if report.error or report.down else 0
    finally:
        os._exit(status)


def _check(path: str, sent: Sequence[Mail]) -> None:
    env = Environment(path)
    rows = env.db_query("SELECT message_id, state, consumed FROM mailintake_delivery")
    assert Counter(row[0] for row in rows) == Counter(mail.message_id for mail in sent)
    outcomes = Counter(outcome for _, outcome, _ in rows)
    assert outcomes["created"] + outcomes["commented"] == len(sent), outcomes
    assert all(consumed for *_, consumed in rows)
    assert env.db_query("SELECT COUNT(*) FROM ticket") == [(outcomes["created"],)]
    comments = env.db_query("SELECT COUNT(*) FROM ticket_change WHERE field='comment'")
    assert comments == [(outcomes["commented"],)], (comments, outcomes)
    env.shutdown()


if __name__ == "__main__":
    main()
