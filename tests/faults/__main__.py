"""`python -m tests.faults --tries N --seed S [--only fault,…]`: so many tries, and a table of what came of them."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.faults.catalogue import FAULTS, SLOW
from tests.faults.model import draw, possible
from tests.faults.scene import Bench
from tests.faults.trial import attempt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.faults.model import Case, Fault
    from tests.faults.trial import Tried


_ALL: Final = {**FAULTS, **SLOW}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--tries", type=int, default=100, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="of the first try; each one has the next")
    parser.add_argument("--only", default="", help="names of faults, with commas between")
    parser.add_argument("--seconds", type=float, default=0.0, help="begin no try after so long")
    parser.add_argument("--log", type=Path, help="a file to which each try is written, a line of JSON")
    parser.add_argument("--list", action="store_true", help="list the faults")
    return parser.parse_args()


def _faults(only: str, absent: Mapping[str, str]) -> list[Fault]:
    """Those that can be tried here; the others are named, with the reason."""
    names = only.split(",") if only else list(FAULTS)
    unknown = sorted(set(names) - set(_ALL))
    if unknown:
        sys.exit(f"there is no fault {', '.join(unknown)}; there are: {', '.join(_ALL)}")
    missing = {name: reason for name in names if (reason := _ALL[name].missing())}
    missing |= {name: "no server for it" for name in names if not all(possible(_ALL[name], absent))}
    for name, reason in {**absent, **missing}.items():
        print(f"left out: {name}, {reason}")
    return [_ALL[name] for name in names if name not in missing]


class Stops:
    """How often all of this was stopped and let go on (SIGSTOP, SIGCONT), as who shares a machine does.

    `ending` says that it is to end after the try under way (SIGTERM).
    """

    def __init__(self) -> None:
        self.count = 0
        self.ending = False
        signal.signal(signal.SIGCONT, self._noted)
        signal.signal(signal.SIGTERM, self._told)

    def _noted(self, *_: object) -> None:
        self.count += 1

    def _told(self, *_: object) -> None:
        self.ending = True


def _attempt(bench: Bench, case: Case, stops: Stops) -> Tried:
    """Try it. One that went wrong while everything stood still says nothing, for time ran out: it is tried again."""
    while True:
        before = stops.count
        done = attempt(bench, _ALL[case.fault], case)
        if not done.problems or stops.count == before:
            return done
        print(f"was stopped, again: {case}", flush=True)


def main() -> int:
    """Try, and report; 1 when something was not as it should be."""
    arguments = _arguments()
    if arguments.list:
        for fault in _ALL.values():
            print(f"{fault.name}: {', '.join(fault.sources)}; {', '.join(fault.databases)}")
        return 0
    began, tried, stops = time.monotonic(), [], Stops()
    with Bench() as bench:
        faults = _faults(arguments.only, bench.absent)
        for seed in range(arguments.seed, arguments.seed + arguments.tries):
            case = draw(seed, faults, bench.absent)
            done = _attempt(bench, case, stops)
            tried.append(done)
            _tell(done, len(tried), arguments.tries, time.monotonic() - began, arguments.only)
            _log(arguments.log, done)
            if stops.ending or 0 < arguments.seconds < time.monotonic() - began:
                break
    _table(tried, time.monotonic() - began)
    return int(any(each.problems for each in tried))


def _tell(done: Tried, number: int, total: int, seconds: float, only: str) -> None:
    if done.problems:
        again = f"--tries 1 --seed {done.case.seed}" + (f" --only {only}" if only else "")
        print(f"BAD {done.case}\n  {'; '.join(done.problems)}\n  again: python -m tests.faults {again}")
        for line in done.said:
            print(f"  | {line}", flush=True)
    if sys.stdout.isatty() or number % 50 == 0:
        print(f"{number} of {total}, {seconds:.0f} s", end="\r" if sys.stdout.isatty() else "\n", flush=True)


def _log(path: Path | None, done: Tried) -> None:
    if path is not None:
        case = done.case
        line = {"seed": case.seed, "fault": case.fault, "source": case.source, "database": case.database}
        line |= {"struck": done.hit, "bad": list(done.problems), "seconds": round(done.seconds, 3)}
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _table(tried: Sequence[Tried], seconds: float) -> None:
    """Fault by fault: tries, of which the fault struck, bad ones; then sources and databases."""
    print("| fault | source | database | tries | struck | bad |\n| --- | --- | --- | ---: | ---: | ---: |")
    for row in _rows(tried):
        print("| " + " | ".join(map(str, row)) + " |")
    bad = sum(bool(each.problems) for each in tried)
    print(f"{len(tried)} tries, {sum(each.hit for each in tried)} struck, {bad} bad, {seconds:.0f} s")


def _rows(tried: Sequence[Tried]) -> list[tuple[object, ...]]:
    tries, hits, bad = Counter[tuple[str, str, str]](), Counter[tuple[str, str, str]](), Counter[tuple[str, str, str]]()
    for each in tried:
        place = (each.case.fault, each.case.source, each.case.database)
        tries[place] += 1
        hits[place] += each.hit
        bad[place] += bool(each.problems)
    return [(*place, tries[place], hits[place], bad[place]) for place in sorted(tries)]


if __name__ == "__main__":
    sys.exit(main())
