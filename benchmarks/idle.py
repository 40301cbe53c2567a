"""What an idle `trac-admin ENV mailintake run` costs, when no service is due: against `trac-admin ENV help`.

    python -m benchmarks.idle [--repeats 15]

Each is a process of its own, one after the other in turn; `help` also where the plugin cannot be imported. Then the
modules of ours, and of the libraries that we bring, which an idle run has imported.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.stand import Stand, fill_maildir

WAYS: Final = {"without": ("help",), "help": ("help",), "run": ("mailintake", "run")}
LABELS: Final = {"without": "help, without the plugin", "help": "help", "run": "idle run"}
HEAVY: Final = ("chardet", "cryptography", "genshi", "html2text", "imapclient", "pluggy", "tqdm", "webencodings")
_COMMAND: Final = """
import sys
from trac.admin import console
sys.exit(console.run(sys.argv[1:]))
"""
_WITHOUT: Final = "import sys; sys.modules['trac_mailintake'] = None" + _COMMAND
_IMPORTED: Final = """
import atexit, sys
atexit.register(lambda: print("\\n".join(sorted(sys.modules)), file=sys.stderr))
"""


def cost(environment: Path, way: str) -> tuple[float, float]:
    """Seconds by the clock and of CPU."""
    before, start = _used(), time.perf_counter()
    done = command(environment, _WITHOUT if way == "without" else _COMMAND, way)
    clock, used = time.perf_counter() - start, _used() - before
    assert way != "run" or not done.stdout, f"it was not idle: {done.stdout!r}"
    return clock, used


def _used() -> float:
    """Seconds of CPU of all the children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def imported(environment: Path, way: str) -> set[str]:
    """The modules that a command has imported in the end."""
    said = command(environment, _IMPORTED + (_WITHOUT if way == "without" else _COMMAND), way).stderr
    return set(said.split())


def command(environment: Path, program: str, way: str) -> subprocess.CompletedProcess[str]:
    """Run it in a process of its own."""
    words = [sys.executable, "-W", "ignore", "-c", program, str(environment), *WAYS[way]]
    return subprocess.run(words, capture_output=True, text=True, check=True)


def main() -> None:
    """Measure, and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--repeats", type=int, default=15)
    asked, _ = options.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="mailintake-bench-") as folder:
        environment = Path(folder) / "env"
        stand = Stand(environment)
        fill_maildir(Path(folder) / "Maildir", [])
        stand.service(kind="maildir", path=f"{folder}/Maildir", delay="1440")
        stand.run_command()
        stand.close()
        costs: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
        for _ in range(asked.repeats + 1):
            for way in WAYS:
                costs[way].append(cost(environment, way))
        _print(costs)
        _print_modules(environment)


def _print(costs: dict[str, list[tuple[float, float]]]) -> None:
    print(f"{'':26}{'clock, ms':>10}{'CPU, ms':>10}{'of help, clock':>16}{'of help, CPU':>14}")
    for way, label in LABELS.items():
        times = [f"{median(each[place] for each in costs[way][1:]) * 1000:10.0f}" for place in (0, 1)]
        pairs = list(zip(costs[way][1:], costs["help"][1:], strict=True))
        ratios = [median(each[place] / help_[place] for each, help_ in pairs) for place in (0, 1)]
        print(f"{label:26}{''.join(times)}{ratios[0]:16.2f}{ratios[1]:14.2f}", flush=True)


def _print_modules(environment: Path) -> None:
    without, known, idle = (imported(environment, way) for way in WAYS)
    ours = sorted(name for name in idle if name.partition(".")[0] == "trac_mailintake")
    print(f"\n{len(ours)} modules of ours in an idle run (+: not for help):")
    print("\n".join(f"  {' ' if name in known else '+'} {name}" for name in ours))
    libraries = sorted({name.partition(".")[0] for name in idle - without}.intersection(HEAVY))
    print(f"libraries of ours that Trac alone would not import: {', '.join(libraries) or 'none'}")


if __name__ == "__main__":
    main()
