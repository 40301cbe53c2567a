"""How many of a module's branches its own tests cover: `make coverage`, or `python -m tests.own_coverage mail api`.

The tests of each module run in a process of their own, so that nothing counts which another module's tests did, and
only that module is measured, in processes that the tests start as well. On SQLite, unless a test says otherwise.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import coverage

from tests.mirror import MEASURED_OTHERWISE, PACKAGE, ROOT, WITHOUT_OWN_TESTS, modules, own_tests

if TYPE_CHECKING:
    from collections.abc import Iterable

ENOUGH: Final = 80
"""Per cent of the branches; of the lines, where there are no branches."""

_PATIENCE: Final = 900
"""Seconds for the tests of one module."""


@dataclass(frozen=True, slots=True)
class Covered:
    """What the tests of `module` cover of it. `missing` are the lines from which not every branch is taken.

    `trouble` is how they ended if not well.
    """

    module: str
    branches: int = 0
    taken: int = 0
    lines: float = 0
    missing: tuple[int, ...] = ()
    seconds: float = 0
    trouble: str = ""

    @property
    def percent(self) -> float:
        """Branches that are taken, of a hundred; lines that run, where there are no branches."""
        return 100 * self.taken / self.branches if self.branches else self.lines

    @property
    def enough(self) -> bool:
        """Whether a module's own tests say enough of it."""
        return not self.trouble and (self.percent >= ENOUGH or self.module in MEASURED_OTHERWISE)

    def __str__(self) -> str:
        """A line of the report."""
        what = f"{self.taken} of {self.branches} branches" if self.branches else "no branches; lines"
        return f"{self.percent:4.0f} %  {self.module:<48} {self.trouble or what}"


def measured(module: str) -> Covered:
    """Run the tests of a module, and see which branches of it they take."""
    tests = own_tests(module)
    if not tests:
        return Covered(module, trouble="no tests of its own")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mailintake-coverage-") as folder:
        ended = _run(module, tests, Path(folder))
        if ended.returncode:
            last = ended.stdout.decode("utf-8", "replace").strip().splitlines()[-1:]
            return Covered(module, trouble=f"its tests fail: {''.join(last)}")
        return _read(module, Path(folder), time.monotonic() - began)


def _run(module: str, tests: Iterable[Path], folder: Path) -> subprocess.CompletedProcess[bytes]:
    settings = folder / "settings"
    settings.write_text(
        "[run]\nbranch = true\nparallel = true\npatch = subprocess, _exit, fork\nsigterm = true\n"
        f"data_file = {folder / 'data'}\ninclude = {PACKAGE / module}\ndisable_warnings = no-data-collected\n"
    )
    return subprocess.run(
        [
            *(sys.executable, "-m", "coverage", "run", f"--rcfile={settings}", "-m", "pytest", "-q"),
            *(
                "-p",
                "no:cacheprovider",
                "-m",
                "not packaging",
                f"--timeout={_PATIENCE}",
                "--no-header",
                *map(str, tests),
            ),
        ],
        cwd=ROOT,
        env={**os.environ, "MAILINTAKE_DATABASE": os.environ.get("MAILINTAKE_DATABASE", "sqlite")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


def _read(module: str, folder: Path, seconds: float) -> Covered:
    found = coverage.Coverage(data_file=str(folder / "data"), config_file=False, branch=True)
    found.combine([str(folder)])
    try:
        exits = found.branch_stats(str(PACKAGE / module))
        _, lines, _, missing, _ = found.analysis2(str(PACKAGE / module))
    except coverage.exceptions.CoverageException as error:
        return Covered(module, trouble=f"not measured: {error}")
    return Covered(
        module,
        sum(exits_of_line for exits_of_line, _ in exits.values()),
        sum(taken for _, taken in exits.values()),
        100 * (1 - len(missing) / len(lines)) if lines else 100,
        tuple(sorted(line for line, (there, taken) in exits.items() if taken < there)),
        seconds,
    )


# the report


def chosen(paths: Iterable[str]) -> list[str]:
    """The modules at these paths, folders or files below the package; all without paths. Raises SystemExit."""
    prefixes = [path.removeprefix("./").removeprefix("trac_mailintake/").rstrip("/") for path in paths]
    known = [each for each in modules() if each not in WITHOUT_OWN_TESTS]
    for prefix in prefixes:
        if not any(_below(each, prefix) for each in known):
            sys.exit(f"{prefix}: no module of trac_mailintake that has tests of its own")
    return [each for each in known if not prefixes or any(_below(each, prefix) for prefix in prefixes)]


def _below(module: str, prefix: str) -> bool:
    return module in (prefix, f"{prefix}.py") or module.startswith(f"{prefix}/")


def by_package(results: Iterable[Covered]) -> str:
    """A table for the documentation: a line for each package."""
    packages: dict[str, list[Covered]] = {}
    for each in results:
        packages.setdefault(Path(each.module).parent.as_posix().replace(".", "(top)"), []).append(each)
    rows = [
        f"| `{name}` | {len(found)} | {sum(each.enough for each in found)} | {_share(found)} |"
        for name, found in sorted(packages.items())
    ]
    head = "| package | modules | of these with 80 % or more | branches taken |"
    return "\n".join([head, "| --- | ---: | ---: | ---: |", *rows])


def _share(found: Iterable[Covered]) -> str:
    taken, branches = (sum(numbers) for numbers in zip(*((each.taken, each.branches) for each in found), strict=True))
    return f"{taken:,} of {branches:,} ({taken / branches:.0%})" if branches else "no branches"


def main(words: Iterable[str] | None = None) -> int:
    """Measure, and print; 1 if a module's own tests cover less than 80 %."""
    parser = argparse.ArgumentParser(prog="python -m tests.own_coverage", description=__doc__)
    parser.add_argument("paths", nargs="*", help="modules or folders below trac_mailintake; all without")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many modules at once")
    asked = parser.parse_args(list(words) if words is not None else None)
    results = []
    with ThreadPoolExecutor(asked.jobs) as lanes:
        for each in lanes.map(measured, chosen(asked.paths)):
            print(each, flush=True)
            results.append(each)
    print("", by_package(results), sep="\n")
    low = [each for each in results if not each.enough]
    print(f"\nBelow {ENOUGH} %: {len(low)} of {len(results)}")
    for each in low:
        lines = ", ".join(map(str, each.missing))
        print(each, f"        not every branch from the lines {lines}" if lines else "", sep="\n" if lines else "")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
