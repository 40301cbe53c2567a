"""Ctrl-C ends the tests, and no server of theirs is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.mirror import ROOT
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from pathlib import Path

CONFTEST = """
import os, pathlib, time
import pytest
from tests import workers

def pytest_configure(config):
    config.pluginmanager.register(workers)

@pytest.fixture(scope="session")
def server():
    mark = pathlib.Path(f"{os.getpid()}.started")
    mark.touch()
    yield
    time.sleep(7)  # xdist interrupts it again after five
    mark.with_suffix(".stopped").touch()
"""
TESTS = """
import time
import pytest

@pytest.mark.parametrize("number", range(1000))
def test_something(server, number):
    time.sleep(0.1)
"""


@pytest.mark.slow
@pytest.mark.parametrize("all_hear_it", [True, False], ids=["terminal", "kill"])
def test_every_worker_stops_its_servers(tmp_path: Path, *, all_hear_it: bool) -> None:
    """Also where stopping takes long, and only the first process is interrupted; the exit status is pytest's 2."""
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="ascii")
    (tmp_path / "test_something.py").write_text(TESTS, encoding="ascii")
    words = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "-c", os.devnull]
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    environment = {**outside, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [*words, f"--rootdir={tmp_path}", str(tmp_path)],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        until(lambda: len(list(tmp_path.glob("*.started"))) == 2)
        if all_hear_it:
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == pytest.ExitCode.INTERRUPTED
    assert len(list(tmp_path.glob("*.stopped"))) == 2
