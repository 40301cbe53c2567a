"""As long as the tables do not fit the plugin, no mail is taken, and whoever asks is told so in a sentence."""

from __future__ import annotations

import subprocess
from pathlib import Path
from sys import executable
from typing import TYPE_CHECKING, Final

import pytest
from trac.db import DatabaseManager

from tests.rig import SERVICE, Rig, mail
from trac_mailintake.bootstrap import settings_of
from trac_mailintake.tracker.db.schema import NAME, VERSION

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv

NEWER: Final = (
    f"The tables of mail intake have version {VERSION + 1}, which this version of the plugin does not know (it knows "
    f"version {VERSION}). Install the newer plugin again, or restore the database from before its upgrade."
)


@pytest.fixture(params=[VERSION - 1, VERSION + 1], ids=["older", "newer"])
def version(request: pytest.FixtureRequest) -> int:
    """Of the tables."""
    number: int = request.param
    return number


@pytest.fixture
def rig(trac_env: TracEnv, tmp_path: Path, version: int) -> Rig:
    """A service with mail, and a pipe, in tables of another version."""
    rig = Rig(trac_env, tmp_path)
    settings_of(rig.trac.env).services.add("pipe", {"kind": "pipe"})
    rig.drop(mail())
    DatabaseManager(rig.trac.env).set_database_version(version, NAME)
    rig.trac.close()
    return rig


def said(rig: Rig, version: int) -> str:
    """The one line about it."""
    path = rig.trac.path
    older = f"No mail is taken before the tables are upgraded: trac-admin {path} upgrade"
    return f"{older if version < VERSION else NEWER}\n"


def untouched(rig: Rig) -> bool:
    """Whether the mail is in its mailbox, and nothing else happened."""
    rows = rig.trac.env.db_query("SELECT id FROM mailintake_delivery")
    return len(rig.left) == 1 and not rows and not rig.trac.tickets()


@pytest.mark.parametrize("words", [("run",), ("run", "--force"), ("run", SERVICE, "--json")])
def test_a_run_says_so_in_one_line_and_takes_nothing(rig: Rig, version: int, words: tuple[str, ...]) -> None:
    """Cron mails that line. The status is that of a run that could not run."""
    finished = rig.trac.admin("mailintake", *words)
    assert (finished.status, finished.out, finished.err) == (3, "", said(rig, version))
    assert untouched(rig)


def test_a_mail_server_keeps_its_mail(rig: Rig, version: int) -> None:
    """With the status 75, whichever command it calls: with Trac's own 2 it would bounce."""
    finished = rig.deliver(mail())
    assert (finished.status, finished.out, finished.err) == (75, "", said(rig, version))
    assert untouched(rig)


def test_the_program_for_mail_servers_answers_likewise(rig: Rig, version: int) -> None:
    """It names the environment, and what to do."""
    command = [str(Path(executable).with_name("mailintake-deliver")), str(rig.trac.path), "pipe"]
    finished = subprocess.run(command, input=mail(), capture_output=True, check=False)
    err = finished.stderr.decode()
    assert (finished.returncode, finished.stdout, err.count("\n")) == (75, b"", 1)
    assert ("trac-admin" if version < VERSION else NEWER) in err
    assert untouched(rig)


@pytest.mark.parametrize("words", [("status",), ("held", "list"), ("service", "list")])
def test_other_commands_name_the_way_out(rig: Rig, version: int, words: tuple[str, ...]) -> None:
    """As all of Trac's commands do; nothing is a traceback."""
    finished = rig.trac.admin("mailintake", *words)
    assert finished.status == 2
    assert ("upgrade" if version < VERSION else NEWER) in finished.err
    assert "Traceback" not in finished.err


def test_pages_say_so(rig: Rig, version: int) -> None:
    """Each page of Trac, so each panel, too."""
    with rig.trac.serve("boss") as tracd:
        page = tracd.visitor().get("/admin/mailintake/status")
    assert page.status == 500
    assert ("needs to be upgraded" if version < VERSION else NEWER) in page.text
    assert "Traceback" not in page.text


def test_after_the_upgrade_the_mail_is_taken(trac_env: TracEnv, tmp_path: Path) -> None:
    """By the next run."""
    rig = Rig(trac_env, tmp_path)
    rig.drop(mail())
    DatabaseManager(rig.trac.env).set_database_version(VERSION - 1, NAME)
    rig.trac.close()
    assert rig.trac.admin("mailintake", "run").status == 3
    assert rig.trac.admin("upgrade", "--no-backup").status == 0
    finished = rig.trac.admin("mailintake", "run")
    assert (finished.status, finished.out) == (0, "support: 1 created\n")
    assert not rig.left


def test_tables_that_were_never_made_count_as_pending(rig: Rig, version: int) -> None:
    """The plugin was enabled, and nobody has run the upgrade."""
    with rig.trac.env.db_transaction as db:
        db("DELETE FROM {} WHERE name=%s".format(db.quote("system")), (NAME,))
    rig.trac.close()
    finished = rig.trac.admin("mailintake", "run")
    assert (finished.status, finished.err) == (3, said(rig, VERSION - 1)), version
