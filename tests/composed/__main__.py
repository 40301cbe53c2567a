"""Composes replies and prints those that are cut wrongly: `python -m tests.composed --number 100000 --seed 1`."""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from tests.composed.replies import complaints, compose


def main() -> int:
    """0 if all are right; prints how often each combination is not."""
    arguments = argparse.ArgumentParser(prog="python -m tests.composed", description=__doc__)
    arguments.add_argument("--number", type=int, default=2000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--shown", type=int, default=3, help="how many wrong ones to print whole")
    chosen = arguments.parse_args()
    wrong: Counter[str] = Counter()
    for seed in range(chosen.seed, chosen.seed + chosen.number):
        reply = compose(seed)
        found = list(complaints(reply))
        if not found:
            continue
        wrong[f"{found[0].split(':')[0]}: {reply.name}"] += 1
        if wrong.total() <= chosen.shown:
            sys.stdout.write(f"--- {seed}: {reply.name}\n{reply.text}\n!!! " + "\n!!! ".join(found) + "\n")
    for name, count in wrong.most_common(40):
        sys.stdout.write(f"{count:6} {name}\n")
    sys.stdout.write(f"{chosen.number} replies from seed {chosen.seed} on: {wrong.total()} wrong\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
