"""What an idle `trac-admin ENV mailintake run` costs, when no service is due: against `trac-admin ENV help`.

    python -m benchmarks.idle [--repeats 15]

Each is a process of its own, one after the other in turn. Then the modules of ours, and of the libraries that we
bring, which an idle run has imported.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.stand import Stand, fill_maildir

WAYS: Final = {"help": ("help",), "run": ("mailintake", "run")}
HEAVY: Final = ("chardet", "cryptography", "genshi", "html2text", "imapclient", "pluggy", "tqdm", "webencodings")
_IMPORTED: Final = """
import sys
from trac.admin import console
console.run(sys.argv[1:])
print("\\n".join(sorted(sys.modules)), file=sys.stderr)
"""


def cost(environment: Path, *words: str) -> tuple[float, float]:
    """Seconds by the clock and of CPU."""
    before, start = os.times(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "trac.admin.console", str(environment), *words],
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        check=True,
    )
    clock, after = time.perf_counter() - start, os.times()
    assert words == WAYS["help"] or not done.stdout, f"it was not idle: {done.stdout!r}"
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return clock, used


def imported(environment: Path, *words: str) -> set[str]:
    """The modules that a command has imported in the end."""
    command = [sys.executable, "-W", "ignore", "-c", _IMPORTED, str(environment), *words]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stderr.split())


def main() -> None:
    """Measure, and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--repeats", type=int, default=15)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailintake-bench-") as folder:
        environment = Path(folder) / "env"
        stand = Stand(environment)
        fill_maildir(Path(folder) / "Maildir", [])
        stand.service(kind="maildir", path=f"{folder}/Maildir", delay="1440")
        stand.run_command()
        stand.close()
        costs: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
        for _ in range(asked.repeats + 1):
            for way, words in WAYS.items():
                costs[way].append(cost(environment, *words))
        _print(costs)
        _print_modules(environment)


def _print(costs: dict[str, list[tuple[float, float]]]) -> None:
    for place, name in enumerate(("clock", "CPU")):
        helps, runs = ([each[place] for each in costs[way][1:]] for way in WAYS)
        ratio = median(run / asked for asked, run in zip(helps, runs, strict=True))
        print(
            f"{name:6} help {median(helps) * 1000:6.0f} ms   idle run {median(runs) * 1000:6.0f} ms   ratio {ratio:.2f}"
        )


def _print_modules(environment: Path) -> None:
    known, idle = (imported(environment, *words) for words in WAYS.values())
    ours = sorted(name for name in idle if name.partition(".")[0] == "trac_mailintake")
    print(f"\n{len(ours)} modules of ours in an idle run (+: not for help):")
    print("\n".join(f"  {' ' if name in known else '+'} {name}" for name in ours))
    heavy = sorted({name.partition(".")[0] for name in idle}.intersection(HEAVY))
    print(f"libraries of ours in an idle run: {', '.join(heavy) or 'none'}")
    print(f"modules of others that help does without: {', '.join(sorted(idle - known - set(ours))) or 'none'}")


if __name__ == "__main__":
    main()
