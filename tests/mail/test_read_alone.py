"""The program that reads one mail: it limits itself, and its answer is data."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from trac_mailintake.mail.read_alone import Job, read

if TYPE_CHECKING:
    from pathlib import Path

MAIL = b"From: ann@example.net\nSubject: Help\n\nHow?\n"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """For a small mail."""
    (tmp_path / "mail").write_bytes(MAIL)
    limits = {"clock": 20, "processor": 10, "memory": 1024**3}
    return Job(path=str(tmp_path / "mail"), offset=0, length=len(MAIL), **limits)  # type: ignore[typeddict-item]  # all are there


def run(job: Job, then: str = "") -> subprocess.CompletedProcess[str]:
    """In a process of its own, as its limits are for good."""
    program = f"from trac_mailintake.mail.read_alone import limit, main\njob = {job!r}\n{then or 'main(job)'}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


def test_the_answer_is_what_a_page_shows(job: Job) -> None:
    """In JSON."""
    assert json.loads(run(job).stdout) == json.loads(json.dumps(read(job)))
    assert read(job)["text"] == "How?\n"


def test_bytes_that_are_gone_have_no_answer(job: Job) -> None:
    """It ends well: nothing is wrong with this Python."""
    done = run({**job, "path": "/nowhere"})
    assert (done.returncode, done.stdout) == (0, "")


def test_the_limits_are_the_kernels(job: Job) -> None:
    """Also below a limit that this process has already."""
    kinds = "(r.RLIMIT_CPU, r.RLIMIT_AS, r.RLIMIT_FSIZE)"
    shown = f"limit(job)\nimport resource as r\nprint([r.getrlimit(each)[0] for each in {kinds}])"
    assert json.loads(run(job, shown).stdout) == [10, 1024**3, 0]
    lower = f"import resource\nresource.setrlimit(resource.RLIMIT_CPU, (7, 7))\n{shown}"
    assert json.loads(run(job, lower).stdout) == [7, 1024**3, 0]


@pytest.mark.parametrize(
    ("then", "ended"),
    [
        ("limit({**job, 'processor': 1})\nwhile True: pass", {signal.SIGXCPU, signal.SIGKILL}),
        ("limit({**job, 'clock': 1})\nimport time\ntime.sleep(50)", {signal.SIGALRM}),
    ],
    ids=["processor", "clock"],
)
@pytest.mark.slow  # a second of each is what it is about
def test_what_hangs_is_ended(job: Job, then: str, ended: set[int]) -> None:
    """Even if nobody waits for it any more."""
    assert -run(job, then).returncode in ended
