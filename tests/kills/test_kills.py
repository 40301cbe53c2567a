"""A short storm, on real servers, as `make kills` runs it for long."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.house.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_SUMMARY = re.compile(r"^(\d+) kills, (\d+) mails, 0 lost, 0 doubled, 0 misplaced, .* 0 bad$")


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.parametrize("source", ["maildir", "pipe"])
def test_nothing_is_lost_or_filed_twice(source: str, tmp_path: Path) -> None:
    """Slow: real processes die. The seed is always the same, how they interleave is not."""
    log = tmp_path / "log"
    words = ("--kills", "4", "--seconds", "10", "--source", source, "--database", "sqlite", "--log", str(log))
    done = subprocess.run(
        [sys.executable, "-m", "tests.kills", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    summary = _SUMMARY.match(done.stdout.splitlines()[-1])
    assert summary, f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 0
    assert int(summary[1]) >= 1
    assert int(summary[2]) >= 1
    assert log.read_text(encoding="utf-8").count("\n") >= 1
