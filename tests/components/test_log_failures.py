"""A full disk does not flood cron's mail, and the status says what a run could not store. On a real, full disk."""

from __future__ import annotations

import json
import logging
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from tests.rig import mail
from trac_mailintake.bootstrap import settings_of
from trac_mailintake.components.log_failures import in_one_sentence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

TRACEBACK = "--- Logging error ---"
DELIVER = "import sys; from trac_mailintake.deliver import main; sys.exit(main())"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder), capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is not permitted here: {done.stderr.decode('utf-8', 'replace').strip()}")
    yield folder
    subprocess.run(("umount", "-l", folder), check=True)


@pytest.fixture
def trac(disk: Path, sqlite_env: TracEnv, tmp_path: Path) -> Iterator[TracEnv]:
    """An environment on that disk, with a service whose mailbox is on another one."""
    copied = sqlite_env.copied(disk / "env")
    copied.set(("logging", "log_level", "INFO"))
    for name in ("new", "cur", "tmp"):
        (tmp_path / "Maildir" / name).mkdir(parents=True)
    copied.grant("anonymous", "TICKET_CREATE")
    settings_of(copied.env).services.add("support", {"kind": "maildir", "path": str(tmp_path / "Maildir")})
    settings_of(copied.env).services.add("pipe", {"kind": "pipe"})
    copied.close()
    yield copied
    copied.close()


def fill(path: Path) -> None:
    """Write to a file until there is no room for a byte."""
    with path.open("ab", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 4096):
            pass


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Within the block, not a byte is left, not even in the last page of Trac's log."""
    for path in (disk / "ballast", disk / "env" / "log" / "trac.log"):
        if path.parent.exists():
            fill(path)
    yield
    (disk / "ballast").unlink()


def drop(tmp_path: Path) -> None:
    """A mail comes into the Maildir."""
    (tmp_path / "Maildir" / "new" / "1.M1P1.host").write_bytes(mail("A question"))


def test_a_run_says_once_that_the_log_cannot_be_written(disk: Path, trac: TracEnv, tmp_path: Path) -> None:
    """What Trac itself prints while it opens the environment is not ours. Then all goes on as if nothing had been."""
    drop(tmp_path)
    with full(disk):
        opening = trac.admin("config", "get", "project", "name").err.count(TRACEBACK)
        done = trac.admin("mailintake", "run", "--force")
        status = trac.admin("mailintake", "status")
        figures = json.loads(trac.admin("mailintake", "status", "--json").out)
    assert done.status == 3
    assert "disk" in done.out + done.err
    assert done.err.count(TRACEBACK) == opening
    assert done.err.count("Trac's log could not be written") == 1
    assert "No space left on device" in done.err
    assert (status.status, "The disk is full" in status.out) == (3, True)
    assert len(figures["disk_full"]) == 1
    assert trac.admin("mailintake", "run", "--force").status == 0
    assert [ticket["summary"] for ticket in trac.tickets()] == ["A question"]
    assert "The disk is full" not in trac.admin("mailintake", "status").out


def test_a_mail_server_hears_one_line(disk: Path, trac: TracEnv) -> None:
    """It may put all that is printed into a bounce."""
    with full(disk):
        done = subprocess.run(
            [
                trac.python,
                "-c",
                DELIVER,
                trac.path,
                "pipe",
            ],
            input=mail("A question"),
            capture_output=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == 75
    assert TRACEBACK not in done.stderr.decode("utf-8", "replace")
    assert done.stderr.count(b"\n") == 1


def test_the_handlers_are_as_before_afterwards(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """In an interactive console, Trac's own commands follow."""
    said: list[str] = []
    broken = logging.FileHandler(tmp_path / "broken.log")
    sqlite_env.env.log.addHandler(broken)
    broken.setStream((tmp_path / "broken.log").open())
    with in_one_sentence(sqlite_env.env, said.append):
        for number in range(3):
            sqlite_env.env.log.error("line %d", number)
        assert said == []
    assert len(said) == 1
    assert "3 lines lost" in said[0]
    assert "handleError" not in vars(broken)
    sqlite_env.env.log.removeHandler(broken)
    with in_one_sentence(sqlite_env.env, said.append):
        sqlite_env.env.log.error("written")
    assert len(said) == 1
