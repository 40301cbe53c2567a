"""What docs/backup.md tells administrators to type does what it says: a shell runs its commands as they stand."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.components.mails import Mailbox, mail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.tracenv import TracEnv

pytestmark = [pytest.mark.sqlite, pytest.mark.slow]

PAGE: Final = (Path(__file__).parents[1] / "docs" / "backup.md").read_text("utf-8")
AUTOMATIC: Final = "Auto-Submitted: auto-replied\n"


def blocks(heading: str) -> list[str]:
    """The lists of commands below a heading."""
    [section] = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return [match.replace("\n    ", "\n").strip() for match in re.findall(r"(?:^    .+\n)+", section, re.MULTILINE)]


class Site:
    """An environment, its backup, and a shell for an administrator."""

    def __init__(self, trac: TracEnv, folder: Path) -> None:
        self.trac = trac
        self.folder = folder
        self.backup = folder / "backup"
        self.broken = folder / "broken"
        self.copy = folder / "copy"
        self.box = Mailbox(trac, folder / "maildir")
        self.box.add_service("afterwards=delete")
        self._names = itertools.count(1)

    def type(self, commands: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Type the commands; what they say, and how the last one ends."""
        self.trac.close()
        places = {"ENV": self.trac.path, "BACKUP": self.backup, "BROKEN": self.broken, "COPY": self.copy}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**os.environ, **{name: str(each) for name, each in places.items()}, **more, "PATH": path}
        return subprocess.run(
            ["sh", "-uc", commands],
            cwd=self.folder,
            env={**environment, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
        )

    def put(self, *mails: bytes) -> None:
        """Let mails arrive, under names that never come again."""
        for each in mails:
            (self.box.folder / "new" / f"17{next(self._names):08}.M1P1.host").write_bytes(each)

    def take(self, *mails: bytes) -> None:
        """Take mail, as cron's run does."""
        self.put(*mails)
        self.type("trac-admin $ENV mailintake run --force")

    def query(self, sql: str, env: Path | None = None) -> list[Any]:
        """The first column of rows, from the file as it is now: this process may have an earlier one open."""
        with contextlib.closing(sqlite3.connect((env or self.trac.path) / "db" / "trac.db")) as db:
            return sorted(value for value, *_ in db.execute(sql))

    def subjects(self, env: Path | None = None) -> list[str]:
        """The subject of each ticket."""
        return self.query("SELECT summary FROM ticket", env)


@pytest.fixture
def site(sqlite_env: TracEnv, tmp_path: Path) -> Iterator[Site]:
    """An environment with a ticket and a held mail, and its backup of yesterday."""
    sqlite_env.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
    made = Site(sqlite_env, tmp_path)
    made.take(mail(1, subject="Yesterday"), mail(2, subject="Held", more=AUTOMATIC))
    [commands] = blocks("Making a backup")
    assert made.type(commands).returncode == 0
    yield made
    sqlite_env.close()


def test_a_backup_has_all_that_belongs_together(site: Site) -> None:
    """Each file that the page names, and the database with its rows."""
    site.type("trac-admin $ENV mailintake server add post host=mail.example.org username=ann password=secret")
    shutil.rmtree(site.backup)
    site.type(blocks("Making a backup")[0])
    [archived] = (site.backup / "files" / "mailintake" / "archive").rglob("*.mails")
    assert archived.read_bytes() == (site.trac.path / archived.relative_to(site.backup)).read_bytes()
    assert (site.backup / "conf" / "mailintake.key").read_bytes() == (
        site.trac.path / "conf" / "mailintake.key"
    ).read_bytes()
    assert (site.backup / "conf" / "trac.ini").is_file()
    assert site.subjects(site.backup) == ["Yesterday"]


def test_a_backup_while_mail_is_taken(site: Site) -> None:
    """Whenever it is made, all bytes that its rows name are in it, and are whole."""
    shutil.rmtree(site.backup)
    site.put(*(mail(number, subject=f"Mail {number}") for number in range(10, 130)))
    with site.trac.start("mailintake", "run", "--force") as run:
        said = site.type(blocks("Making a backup")[0])
        run.communicate()
    assert said.returncode == 0, said.stderr
    verified = site.type("trac-admin $BACKUP mailintake archive verify --json")
    assert '"damaged": []' in verified.stdout
    assert '"missing": []' in verified.stdout


def test_everything_is_lost_but_the_backup(site: Site) -> None:
    """What came since is in no ticket; if the old archive can be read, it is filed again. New mail is taken."""
    site.take(mail(3, subject="Today"))
    site.trac.path.rename(site.broken)
    restore, refile = blocks("Everything is lost but the backup")
    site.put(mail(4, subject="After that"))
    said = site.type(restore)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "Damaged: 0. No row: 0." in said.stdout
    assert site.subjects() == ["After that", "Yesterday"]
    said = site.type(refile)
    assert "Nothing was done" in said.stdout
    assert said.stdout.endswith("support: 1 created\n"), said.stdout + said.stderr
    assert site.subjects() == ["After that", "Today", "Yesterday"]
    assert "  Held\n" in site.type("trac-admin $ENV mailintake held list").stdout


def test_the_order_of_run_and_refile_does_not_matter(site: Site) -> None:
    """Before it claims its mailboxes the restored environment fetches nothing."""
    site.take(mail(3, subject="Today"))
    site.trac.path.rename(site.broken)
    restore, refile = blocks("Everything is lost but the backup")
    copied, claimed, verified, run = restore.splitlines()
    site.put(mail(4, subject="After that"))
    said = site.type(f"{copied}\n{run}")
    assert (said.returncode, "claimed by another instance" in said.stdout) == (3, True)
    assert site.box.left() == 1
    site.type(f"{refile}\n{claimed}\n{verified}\ntrac-admin $ENV mailintake run --force")
    assert site.subjects() == ["After that", "Today", "Yesterday"]


def test_yesterdays_database_with_todays_files(site: Site) -> None:
    """What was taken since the backup is in its tickets again: once, however often it is done."""
    site.take(mail(3, subject="Today"), mail(5, subject="An answer", more="In-Reply-To: <3@example.net>\n"))
    site.take(mail(6, subject="Away", more=AUTOMATIC))
    site.put(mail(4, subject="After that"))
    database, archive = blocks("Yesterday's database with today's files")
    assert site.type(database).returncode == 0
    assert site.subjects() == ["Yesterday"]
    said = site.type(archive)
    assert "Damaged: 0. No row: 3." in said.stdout, said.stdout + said.stderr
    assert "archive refile --yes` files these 3 mails" in said.stdout
    assert "support: 2 created, 1 held" in said.stdout or "support: 1 created, 1 commented, 1 held" in said.stdout
    tickets = site.subjects()
    assert tickets == ["After that", "Today", "Yesterday"]
    assert site.query("SELECT COUNT(*) FROM ticket_change WHERE field='comment' AND newvalue<>''") == [1]
    again = site.type(archive)
    assert "There was no mail to file." in again.stdout
    assert site.subjects() == tickets
    assert site.box.left() == 0


def test_yesterdays_files_with_todays_database(site: Site) -> None:
    """The check names what is missing; held mail stays held, says why, and is filed once its file is back."""
    site.take(mail(3, subject="Today"), mail(6, subject="Away", more=AUTOMATIC))
    shutil.copytree(site.trac.path / "files", site.broken / "files")
    shutil.rmtree(site.trac.path / "files")
    [commands] = blocks("Yesterday's files with today's database")
    said = site.type(commands)
    assert said.returncode == 3
    assert re.search(r"archive/\S+\.mails is not there; rows of the journal that name it: 2\.", said.stdout)
    site.type("trac-admin $ENV mailintake service set support bulk=accept")
    said = site.type("trac-admin $ENV mailintake held retry all")
    assert (said.returncode, "No such file" in said.stdout) == (1, True)
    assert site.subjects() == ["Held", "Today", "Yesterday"]
    copied, *_ = blocks("Everything is lost but the backup")[1].splitlines()
    site.type(f"{copied}\ntrac-admin $ENV mailintake held retry all")
    assert site.subjects() == ["Away", "Held", "Today", "Yesterday"]
    assert site.type("trac-admin $ENV mailintake archive verify").returncode == 0


def test_a_copy_for_tests_takes_and_sends_nothing(site: Site) -> None:
    """Not even if somebody runs it; the original goes on."""
    [commands] = blocks("A copy for tests")
    assert site.type(commands).returncode == 0
    site.put(mail(4, subject="The original's"))
    said = site.type("trac-admin $COPY mailintake run --force; trac-admin $COPY mailintake status")
    assert "Nothing is fetched" in said.stdout + said.stderr
    assert site.box.left() == 1
    site.take()
    assert site.subjects() == ["The original's", "Yesterday"]


def test_the_two_keys(site: Site) -> None:
    """Without its key a password cannot be used, which is said; typed again, it can. A key in the backup is as good."""
    site.type("trac-admin $ENV mailintake server add post host=127.0.0.1 port=9 username=ann password=secret")
    key = site.trac.path / "conf" / "mailintake.key"
    kept = key.read_bytes()
    key.unlink()
    test = "trac-admin $ENV mailintake server test post"
    said = site.type(test)
    assert "mailintake.key" in said.stdout + said.stderr
    key.write_bytes(kept)
    key.chmod(0o600)
    said = site.type(test)
    assert "mailintake.key" not in said.stdout + said.stderr
    [commands] = blocks("The two keys")
    said = site.type(commands, PASSWORD="another", SERVER="post")
    assert said.returncode == 0, said.stdout + said.stderr
    assert key.read_bytes() != kept
    said = site.type(test)
    assert "mailintake.key" not in said.stdout + said.stderr
