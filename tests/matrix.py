"""`make matrix`: Python by database, as far as this machine has them.

Each Python has a virtual environment of its own under build/matrix, and runs the tests that know nothing of databases
once (`parsing`), and those that talk to one against each database. Written for any Python that the plugin is for, with
nothing installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ROOT: Final = Path(__file__).parents[1]
BUILD: Final = ROOT / "build" / "matrix"
DATABASES: Final = ("sqlite", "postgres", "mariadb")
PARSING: Final = "parsing"
"""The column of what has no database."""
WITHOUT: Final = (
    *("tests/mail", "tests/builtin", "tests/rendering", "tests/intake", "tests/plugins", "tests/sources"),
    *("tests/servers/test_dovecot.py", "tests/servers/test_smtp_sink.py"),
)
WITH: Final = (
    *(f"tests/tracker/deliveries/test_{name}.py" for name in ("claims", "retention", "ownership")),
    *(f"tests/tracker/{name}.py" for name in ("journal/test_journal", "tickets/test_write", "db/test_mariadb")),
    *("tests/components/test_setup.py", "tests/test_createusers.py", "tests/test_batches.py", "tests/test_outcomes.py"),
)
PATIENCE: Final = 900
"""Seconds for a test: a machine that runs several cells may be busy, and may stand still for a while."""
_NEWER: Final = ("setup.cfg", "pyproject.toml", ".ci/venv")
"""What a virtual environment is made anew after."""


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter: `version` as in 3.12, `full` as in 3.12.1."""

    version: str
    full: str
    path: str


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of one Python and one database.

    `trouble` is why it did not even begin, or end; `absent` is which server this machine does not have.
    """

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0
    failures: tuple[str, ...] = ()
    trouble: str = ""
    absent: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing failed; what is not here cannot fail."""
        return not self.failed and not self.trouble

    def __str__(self) -> str:
        """As the table shows it."""
        if self.trouble or self.absent:
            return self.trouble or f"not here: {self.absent}"
        return f"{self.passed} / {self.failed} / {self.skipped}, {self.seconds:.0f} s"


# which Pythons


def versions() -> list[str]:
    """The versions that the plugin says it is for."""
    settings = ConfigParser(interpolation=None)
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    last = [
        line.rpartition(" ")[2] for line in settings["metadata"]["classifiers"].splitlines() if ":: Python ::" in line
    ]
    return [version for version in last if "." in version]


def asked(path: str) -> Python | None:
    """What this interpreter says that it is; None when it does not run: pyenv leaves such on the path."""
    words = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2], '%d.%d.%d' % sys.version_info[:3])"]
    try:
        said = subprocess.run(words, capture_output=True, check=True, timeout=30).stdout.decode().split()
    except (OSError, subprocess.SubprocessError):
        return None
    return Python(said[0], said[1], path) if len(said) == 2 else None


def _of_pyenv() -> list[str]:
    """The interpreters that pyenv has, the newest last."""
    root = os.environ.get("PYENV_ROOT") or str(Path.home() / ".pyenv")
    found = Path(root, "versions").glob("3.*/bin/python3")
    return [
        str(path)
        for path in sorted(
            found, key=lambda path: [int(word) if word.isdigit() else -1 for word in path.parts[-3].split(".")]
        )
    ]


def pythons(wanted: Sequence[str], named: Sequence[str] = ()) -> dict[str, Python | None]:
    """An interpreter for each version: one that was named, else on the path, else pyenv's; None where there is none."""
    if named:
        given = [asked(each) for each in named]
        return {each.version if each else name: each for name, each in zip(named, given, strict=True)}
    of_pyenv = {each.version: each for each in map(asked, _of_pyenv()) if each}
    on_path = {each.version: each for version in wanted if (each := asked(f"python{version}"))}
    return {version: on_path.get(version) or of_pyenv.get(version) for version in wanted}


# one cell


def prepared(python: Python) -> Path:
    """The virtual environment of this interpreter, made or brought up to date; raises CalledProcessError."""
    place = BUILD / python.version
    stamp = place / ".installed"
    fresh = f"{python.full} {python.path}"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == fresh:
        made = stamp.stat().st_mtime
        if all((ROOT / name).stat().st_mtime < made for name in _NEWER):
            return place
    elif place.exists():
        shutil.rmtree(place)
    environment = {**os.environ, "PYTHON": python.path}
    subprocess.run([ROOT / ".ci" / "venv", place, "-e", ".[test]"], check=True, cwd=ROOT, env=environment)
    stamp.write_text(fresh, encoding="utf-8")
    return place


def run(python: Python, column: str, tests: Iterable[str]) -> Cell:
    """Run the tests of a cell; what they say goes into a log beside the virtual environments."""
    name = f"{python.version}-{column}"
    report, log = BUILD / f"{name}.xml", BUILD / f"{name}.log"
    report.unlink(missing_ok=True)
    words: list[str | Path] = [
        *(BUILD / python.version / "bin" / "python", "-m", "pytest", "-v", "-p", "no:cacheprovider"),
        *("-m", "not packaging", f"--junit-xml={report}", f"--timeout={PATIENCE}", *tests),
    ]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    if column != PARSING:
        environment["MAILINTAKE_DATABASE"] = column
    began = time.monotonic()
    with log.open("wb") as file:
        status = subprocess.run(words, check=False, cwd=ROOT, env=environment, stdout=file, stderr=file).returncode
    cell = counted(report, time.monotonic() - began)
    if cell.good and status:
        return Cell(trouble=f"pytest ended with {status}: {log.relative_to(ROOT)}")
    return cell


def counted(report: Path, seconds: float) -> Cell:
    """What pytest's report says."""
    try:
        suite = ET.parse(report).getroot().find("testsuite")  # noqa: S314 - pytest has just written it
    except (OSError, ET.ParseError):
        suite = None
    if suite is None:
        return Cell(trouble="no report")
    failed = tuple(
        f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
        for case in suite.iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    )
    skipped = int(suite.get("skipped", "0"))
    passed = int(suite.get("tests", "0")) - len(failed) - skipped
    if skipped > passed and not failed:
        # A few tests stay with SQLite whatever the database is.
        return Cell(absent=Counter(each.get("message", "") for each in suite.iter("skipped")).most_common(1)[0][0])
    return Cell(passed, len(failed), skipped, seconds, failed)


# all of them


def table(rows: Mapping[str, Mapping[str, Cell]]) -> str:
    """Python by database, as Markdown has it."""
    columns = next(iter(rows.values()))
    lines = [["Python", *columns], ["---"] * (len(columns) + 1)]
    lines += [[name, *(str(cells[column]) for column in columns)] for name, cells in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _chosen(name: str, default: Sequence[str]) -> list[str]:
    return os.environ.get(name, "").split() or list(default)


def main() -> int:
    """Run all cells, two at a time; 1 when a test failed, 2 when there is no Python to run them with."""
    found = pythons(versions(), _chosen("PYTHONS", ()))
    for version, python in found.items():
        if python is None:
            print(f"Python {version} is not here (python{version} on the path, pyenv, or PYTHONS=...)")
    there = [python for python in found.values() if python]
    if not there:
        return 2
    BUILD.mkdir(parents=True, exist_ok=True)
    for python in there:
        prepared(python)
    rows = _cells(there)
    print("\nPassed / failed / skipped:\n")
    print(table(rows))
    wrong = [(name, column, cell) for name, row in rows.items() for column, cell in row.items() if not cell.good]
    for name, column, cell in wrong:
        print(f"\nPython {name}, {column}:", cell, *cell.failures, sep="\n  ")
    return 1 if wrong else 0


def _cells(there: Sequence[Python]) -> dict[str, dict[str, Cell]]:
    """What came of each Python (`full`), by column."""
    only = _chosen("MATRIX_TESTS", ())
    columns = _chosen("MATRIX_DATABASES", DATABASES if only else (PARSING, *DATABASES))
    with ThreadPoolExecutor(int(os.environ.get("MATRIX_JOBS", "2"))) as lanes:
        cells = {
            (python.full, column): lanes.submit(run, python, column, only or (WITHOUT if column == PARSING else WITH))
            for python in there
            for column in columns
        }
        return {each.full: {column: cells[each.full, column].result() for column in columns} for each in there}


if __name__ == "__main__":
    sys.exit(main())
