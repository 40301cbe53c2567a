"""`python -m tests.histories --tries N --seed S`: so many histories; prints those that break a promise."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.histories.history import History
from tests.histories.scene import scene


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description=__doc__)
    parser.add_argument("--tries", type=int, default=1000, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="of the first one; each has the next")
    parser.add_argument("--seconds", type=float, default=0.0, help="begin none after so long")
    typed = parser.parse_args()
    bad, done, began = 0, 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder, scene(Path(folder)) as rig:
        for seed in range(typed.seed, typed.seed + typed.tries):
            if typed.seconds and time.monotonic() - began > typed.seconds:
                break
            said = History(rig, seed).run()
            done += 1
            if said:
                bad += 1
                print("\n".join([f"seed {seed}:", *(f"  {line}" for line in said)]), flush=True)  # noqa: T201 - what it is for
    print(f"{done} histories from seed {typed.seed}, {bad} bad, {time.monotonic() - began:.0f} s")  # noqa: T201 - likewise
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
