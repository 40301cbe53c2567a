"""The examples of plugins are installed as their users would install them, and mail goes through them."""

from __future__ import annotations

import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.rig import id_of, mail
from tests.servers.tracenv import TracEnv

if TYPE_CHECKING:
    from collections.abc import Iterator

TOP = Path(__file__).resolve().parents[1]


def folder_of(tmp_path: Path) -> Path:
    """An empty Maildir."""
    for name in ("new", "cur", "tmp"):
        (tmp_path / "Maildir" / name).mkdir(parents=True)
    return tmp_path / "Maildir"


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[TracEnv]:
    """An environment of a Python of its own, into which pip installed `examples/thirdparty`."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    [packages] = home.glob("lib/python*/site-packages")
    # What is installed here, the product among it.
    (packages / "here.pth").write_text("\n".join([*site.getsitepackages(), str(TOP)]) + "\n", encoding="utf-8")
    shutil.copytree(TOP / "examples" / "thirdparty", tmp_path / "thirdparty")
    interpreter = str(home / "bin" / "python")
    pip = (sys.executable, "-m", "pip", "--python", interpreter, "install", "--root-user-action=ignore")
    offline = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation")
    subprocess.run([*pip, *offline, str(tmp_path / "thirdparty")], check=True, cwd=tmp_path)
    TracEnv.create(tmp_path / "env").close()
    trac = TracEnv(tmp_path / "env", python=interpreter)
    yield trac
    trac.close()


@pytest.fixture
def dropped_in(tmp_path: Path) -> Iterator[TracEnv]:
    """An environment with `examples/single_file` in its folder `plugins`."""
    trac = TracEnv.create(tmp_path / "env")
    trac.close()
    (trac.path / "plugins").mkdir(exist_ok=True)
    shutil.copy(TOP / "examples" / "single_file" / "acme_incidents.py", trac.path / "plugins")
    yield trac
    trac.close()


@pytest.mark.parametrize("how", ["installed", "dropped_in"])
def test_a_plugin_of_somebody_else_handles_screens_and_amends(
    request: pytest.FixtureRequest, tmp_path: Path, how: str
) -> None:
    """A mail to its handler, an answer, one that it holds, one that it amends: in processes of their own."""
    trac: TracEnv = request.getfixturevalue(how)
    maildir = folder_of(tmp_path)
    permitted = trac.admin("permission", "add", "anonymous", "TICKET_CREATE", "TICKET_APPEND")
    assert permitted.status == 0, permitted.err
    words = ("kind=maildir", f"path={maildir}", "handler=acme-incident", "acme_sensitivity=private, personal")
    added = trac.admin("mailintake", "service", "add", "support", *words)
    assert added.status == 0, added.err
    alarm = mail("[disk] No space left")
    html = "Content-Type: text/html"
    answer = mail("Re: No space left", f"In-Reply-To: {id_of(alarm)}", html, body="There is <b>space</b> again.\n")
    private = mail("My salary", "Sensitivity: Private")
    for number, each in enumerate((alarm, answer, private)):
        (maildir / "new" / f"170000000{number}.M1P1.host").write_bytes(each)
    done = trac.admin("mailintake", "run", "--force")
    assert done.out == "support: 1 created, 1 commented, 1 held\n", done.err
    shown = trac.admin("mailintake", "journal", "show", "3")
    assert "acme-sensitivity" in shown.out
    [row] = read(trac, "SELECT id, priority, keywords FROM ticket")
    assert row[1:] == ("blocker", "disk")
    assert read(trac, "SELECT newvalue FROM ticket_change WHERE field='comment'") == [("There is '''space''' again.",)]


def read(trac: TracEnv, sql: str) -> list[tuple[object, ...]]:
    """What lies in the database, without loading the environment's plugins into this process."""
    import sqlite3  # noqa: PLC0415 - nothing else here is of one database alone

    connection = sqlite3.connect(trac.path / "db" / "trac.db")
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()
