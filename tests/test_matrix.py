"""The table of Pythons and databases says what happened."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests import matrix
from tests.house.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_REPORT = '<testsuites><testsuite tests="{tests}" skipped="{skipped}">{cases}</testsuite></testsuites>'
_GOOD = '<testcase classname="tests.a" name="good"/>'
_BAD = '<testcase classname="tests.a" name="bad[x]"><failure message="no"/></testcase>'
_BROKEN = '<testcase classname="tests.a" name="broken"><error message="no"/></testcase>'
_SKIPPED = '<testcase classname="tests.a" name="skipped"><skipped message="mariadbd is not installed"/></testcase>'


def counted(folder: Path, *cases: str) -> matrix.Cell:
    """What the matrix makes of a report of pytest's."""
    report = folder / "report.xml"
    text = _REPORT.format(tests=len(cases), skipped=sum("<skipped" in each for each in cases), cases="".join(cases))
    report.write_text(text, encoding="utf-8")
    return matrix.counted(report, 7.2)


def test_failures_and_errors_are_counted_and_named(tmp_path: Path) -> None:
    """Passed, failed, skipped, and which failed."""
    cell = counted(tmp_path, _GOOD, _GOOD, _BAD, _BROKEN, _SKIPPED)
    assert str(cell) == "2 / 2 / 1, 7 s"
    assert cell.failures == ("tests/a.py::bad[x]", "tests/a.py::broken")
    assert not cell.good


def test_a_server_that_is_not_here_is_said_and_fails_nothing(tmp_path: Path) -> None:
    """The few tests that need no server do not hide it."""
    cell = counted(tmp_path, _GOOD, _SKIPPED, _SKIPPED)
    assert str(cell) == "not here: mariadbd is not installed"
    assert cell.good


def test_tests_that_leave_no_report_have_failed(tmp_path: Path) -> None:
    """Such as those of an interpreter that crashed."""
    assert not matrix.counted(tmp_path / "nothing.xml", 1).good


def test_the_versions_are_those_that_the_plugin_says_it_is_for() -> None:
    """Three lines of setup.cfg."""
    assert matrix.versions() == ["3.11", "3.12", "3.13"]


def test_interpreters_are_asked_what_they_are() -> None:
    """This one is named; another is not there, and said to be missing."""
    version = "{}.{}".format(*sys.version_info[:2])
    found = matrix.pythons([version], [sys.executable, "/nowhere/python3"])
    this = found[version]
    assert this is not None
    assert this.full == "{}.{}.{}".format(*sys.version_info[:3])
    assert found["/nowhere/python3"] is None
    assert matrix.pythons(["3.99"]) == {"3.99": None}


def test_the_table_has_a_row_for_each_python() -> None:
    """Markdown, for docs/reliability.md."""
    cell = matrix.Cell(10, 0, 1, 3.4)
    assert matrix.table({"3.11.7": {"sqlite": cell, "mariadb": matrix.Cell(trouble="no report")}}) == (
        "| Python | sqlite | mariadb |\n| --- | --- | --- |\n| 3.11.7 | 10 / 0 / 1, 3 s | no report |"
    )


def test_what_each_cell_runs_is_there() -> None:
    """When a file or folder that is named is not there, pytest ends at once and runs nothing."""
    assert [name for name in (*matrix.WITHOUT, *matrix.WITH) if not (ROOT / name).exists()] == []
