"""Search for so long: python -m tests.security.hunt --seconds 600 --seed 1. A finding is printed with its mail.

The seconds are those of the processor. Each round is one seed, so that a finding can be had again: --rounds 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import closing
from itertools import count
from pathlib import Path
from random import Random

from tests.security.hunt.scene import Scene
from tests.servers.tracenv import TracEnv

MAILS = 20
"""Mails for each service in a round."""
ROUNDS = 25
"""Rounds in one environment."""


def main() -> int:
    """Search, and say what was found. Ends with 1 when something was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="processor time")
    parser.add_argument("--seed", type=int, default=1, help="the first round's")
    parser.add_argument("--rounds", type=int, default=0, help="at most so many; 0: any number")
    parser.add_argument("--keep", type=Path, help="a folder for the mails that were found")
    asked = parser.parse_args()
    if asked.keep:
        asked.keep.mkdir(parents=True, exist_ok=True)
    found = mails = 0
    started = time.process_time()
    for seed in count(asked.seed, ROUNDS):
        with tempfile.TemporaryDirectory() as folder, closing(TracEnv.create(Path(folder) / "env")) as trac:
            scene = Scene(trac, Path(folder))
            for number in range(seed, seed + ROUNDS):
                if time.process_time() - started > asked.seconds or 0 < asked.rounds <= number - asked.seed:
                    print(f"{mails} mails, {time.process_time() - started:.0f} s of processor time, {found} findings")
                    return 1 if found else 0
                mails += (MAILS + 1) * len(scene.rigs)
                for finding in scene.round(Random(number), MAILS):  # noqa: S311 - which can be repeated
                    found += 1
                    print(f"seed {number}: {finding.what}\n    {finding.wiki!r}", flush=True)
                    if asked.keep:
                        (asked.keep / f"{number}-{found}.eml").write_bytes(finding.mail)
    return 0


if __name__ == "__main__":
    sys.exit(main())
