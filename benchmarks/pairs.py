"""This tree and another commit, in turns: what a mail costs in each, and the ratio within a pair.

    python -m benchmarks.pairs COMMIT [--pairs 15] [--mails 500] [--ways maildir,imap] [--database sqlite]

Each measurement is a process of its own on a fresh environment; it warms up first. Every second pair begins with the
other commit. The interval is that of the median, at 95 % or a little more, from the order of the ratios alone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from math import comb
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE: Final = Path(__file__).resolve().parent.parent
CONFIDENCE: Final = 0.95
Cost = dict[str, tuple[float, float]]
"""For each way, milliseconds a mail: by the clock, and of the CPU of the process that files the mail."""

# It runs in either tree, so it uses only what both have.
_MEASURE: Final = """
import contextlib, json, sys, tempfile
from pathlib import Path
from benchmarks import throughput
from benchmarks.load import mails
count, ways, database = int(sys.argv[1]), sys.argv[2].split(","), sys.argv[3]
sent = tuple(mails(count))
with contextlib.ExitStack() as stack:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mailintake-pair-")))
    post = throughput._post(stack) if any(way.startswith("imap") for way in ways) else None
    bench = throughput.Bench(folder, throughput._database(database, stack), post)
    cost = {}
    for way in ways:
        bench.measure(way, sent[:throughput.WARM_UP])
        timing = bench.measure(way, sent)
        cost[way] = (timing.clock / count * 1000, timing.cpu / count * 1000)
print(json.dumps(cost))
"""


def main() -> None:
    """Measure, and print a line for each way."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("commit")
    options.add_argument("--pairs", type=int, default=15)
    options.add_argument("--mails", type=int, default=500)
    options.add_argument("--ways", default="maildir")
    options.add_argument("--database", default="sqlite", choices=("sqlite", "postgresql"))
    asked = options.parse_args()
    words = (str(asked.mails), asked.ways, asked.database)
    with checked_out(asked.commit) as other:
        pairs: list[tuple[Cost, Cost]] = []
        for number in range(asked.pairs):
            if number % 2:
                before, now = measured(other, words), measured(HERE, words)
            else:
                now, before = measured(HERE, words), measured(other, words)
            pairs.append((before, now))
            print(".", end="", file=sys.stderr, flush=True)
    print(f"\n{asked.database}, {asked.mails} mails, {asked.pairs} pairs: ms a mail, median; and of {asked.commit}")
    for way in asked.ways.split(","):
        for place, what in enumerate(("clock", "CPU")):
            print(f"{way:12}{what:8}{_row([(before[way][place], now[way][place]) for before, now in pairs])}")


@contextlib.contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """A tree with that commit, for as long as it is measured."""
    with tempfile.TemporaryDirectory(prefix="mailintake-commit-") as folder:
        tree = Path(folder) / "tree"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(tree), commit], cwd=HERE, check=True)
        try:
            yield tree
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=HERE, check=True)


def measured(tree: Path, words: Sequence[str]) -> Cost:
    """What `tree` costs, in a process of its own. Raises CalledProcessError with what it said."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    command = [sys.executable, "-W", "ignore", "-c", _MEASURE, *words]
    done = subprocess.run(command, cwd=tree, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    cost: Cost = json.loads(done.stdout.splitlines()[-1])
    return cost


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Where the median of what was sampled lies (the sign test's interval), whatever the distribution."""
    ordered = sorted(values)
    count = len(ordered)
    for cut in range(count // 2, 0, -1):
        outside = 2 * sum(comb(count, below) for below in range(cut)) / 2**count
        if 1 - outside >= CONFIDENCE:
            return ordered[cut - 1], ordered[-cut]
    return ordered[0], ordered[-1]


def _row(pairs: Sequence[tuple[float, float]]) -> str:
    before, now = (median(side) for side in zip(*pairs, strict=True))
    ratios = [after / earlier for earlier, after in pairs]
    low, high = interval(ratios)
    return f"{before:8.2f} -> {now:5.2f}   {median(ratios):.2f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
