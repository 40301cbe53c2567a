"""A copied environment takes no mail: really copied, files and database."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.rig import SERVICE, Rig, mail
from tests.servers.machine import program
from tests.servers.tracenv import TracEnv
from trac_mailintake.tracker.deliveries.ownership import Instance, instance, of_version_1

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.mariadb import MariaDB
    from tests.servers.postgres import Postgres


@pytest.fixture
def rig(sqlite_env: TracEnv, tmp_path: Path) -> Rig:
    """An environment that has fetched from its mailbox."""
    rig = Rig(sqlite_env, tmp_path)
    rig.drop(mail("First"))
    assert sqlite_env.command("mailintake", "run", "--force").status == 0
    return rig


@pytest.fixture
def copy(rig: Rig, tmp_path: Path) -> Iterator[TracEnv]:
    """A copy of it."""
    rig.trac.close()
    shutil.copytree(rig.trac.path, tmp_path / "copy")
    trac = TracEnv(tmp_path / "copy")
    yield trac
    trac.close()


def test_a_copy_refuses_to_fetch_and_the_original_goes_on(rig: Rig, copy: TracEnv) -> None:
    """Its mail stays where it is, and the line says what to do."""
    rig.drop(mail("Second"))
    refused = copy.command("mailintake", "run", "--force")
    assert refused.status == 3
    assert "was claimed by another instance of this environment" in refused.out
    assert "`mailintake claim`" in refused.out
    assert len(rig.left) == 1
    assert len(copy.tickets()) == 1
    assert rig.trac.command("mailintake", "run", "--force").status == 0
    assert len(rig.trac.tickets()) == 2
    assert rig.left == []


def test_a_copy_takes_what_is_handed_to_it(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """A pipe is nobody's mailbox: whoever hands it mail has chosen the environment."""
    assert sqlite_env.command("mailintake", "service", "add", "pipe", "kind=pipe").status == 0
    assert sqlite_env.admin("mailintake", "deliver", "pipe", stdin=mail("First")).status == 0
    sqlite_env.close()
    shutil.copytree(sqlite_env.path, tmp_path / "copy")
    copy = TracEnv(tmp_path / "copy")
    try:
        assert copy.admin("mailintake", "deliver", "pipe", stdin=mail("Second")).status == 0
    finally:
        copy.close()


def test_a_claim_lets_the_copy_fetch(rig: Rig, copy: TracEnv) -> None:
    """For those whose original is no more."""
    rig.drop(mail("Second"))
    said = copy.command("mailintake", "claim", SERVICE)
    assert (said.status, "is this environment's from now on" in said.out) == (0, True)
    assert copy.command("mailintake", "run", "--force").status == 0
    assert len(copy.tickets()) == 2
    assert "from now on" not in copy.command("mailintake", "claim").out


@pytest.mark.sqlite
def test_an_administrator_can_name_the_instance(rig: Rig, copy: TracEnv) -> None:
    """`[mailintake] instance`, where folders change their identity: who has the name is it."""
    rig.trac.set(("mailintake", "instance", "production"))
    assert rig.trac.command("mailintake", "run", "--force").status == 3
    rig.trac.command("mailintake", "claim")
    assert rig.trac.command("mailintake", "run", "--force").status == 0
    copy.set(("mailintake", "instance", "production"))
    rig.trac.close()
    shutil.copy2(rig.trac.path / "db" / "trac.db", copy.path / "db" / "trac.db")
    assert copy.command("mailintake", "run", "--force").status == 0


@pytest.mark.sqlite
@pytest.mark.parametrize("replaced", ["VERSION", "db/trac.db"])
def test_files_or_database_alone_are_a_copy_too(rig: Rig, replaced: str) -> None:
    """A database restored beside the folder, or the folder around the database."""
    before = instance(rig.trac.env)
    rig.trac.close()
    path = rig.trac.path / replaced
    shutil.copy2(path, path.with_name("restored"))
    os.replace(path.with_name("restored"), path)
    assert instance(rig.trac.env) != before
    assert rig.trac.command("mailintake", "run", "--force").status == 3


@pytest.mark.parametrize(
    ("changed", "status"),
    [((0,), 0), ((1,), 0), ((2,), 0), ((0, 1), 0), ((0, 2), 0), ((1, 2), 0), ((0, 1, 2), 3)],
)
def test_a_host_that_numbers_its_devices_anew_keeps_its_mailboxes(
    rig: Rig, changed: tuple[int, ...], status: int
) -> None:
    """So does one whose files were given to another user; a copy with the same inodes differs in all of it.

    What was stored is changed here, since the device of a file cannot be.
    """
    mine = instance(rig.trac.env)
    assert len(mine.hints) == 3
    hints = [f"{hint}0" if place in changed else hint for place, hint in enumerate(mine.hints)]
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_mailbox SET instance=%s", (" ".join((mine.key, *hints)),))
    rig.drop(mail("Second"))
    assert rig.trac.command("mailintake", "run", "--force").status == status
    # What the next restart is compared with.
    [(stored,)] = rig.trac.query("SELECT instance FROM mailintake_mailbox")
    assert (Instance.stored(str(stored)) == mine) is (status == 0)
    assert len(str(stored)) <= 100


def test_an_owner_from_before_the_upgrade_is_known(rig: Rig) -> None:
    """It was stored in another form."""
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_mailbox SET instance=%s", (of_version_1(rig.trac.env),))
    assert rig.trac.command("mailintake", "run", "--force").status == 0
    assert rig.trac.query("SELECT instance FROM mailintake_mailbox") == [(str(instance(rig.trac.env)),)]


def test_what_is_handed_in_needs_no_claim(rig: Rig, copy: TracEnv) -> None:
    """A pipe is nobody's mailbox."""
    copy.command("mailintake", "service", "add", "pipe", "kind=pipe")
    assert copy.command("mailintake", "deliver", "pipe", stdin=mail("Piped")).status == 0
    assert rig.trac.query("SELECT COUNT(*) FROM mailintake_mailbox") == [(1,)]


def test_fetching_can_be_switched_off(rig: Rig) -> None:
    """`[mailintake] fetch = disabled`: said, and no failure; what is handed in is taken."""
    rig.trac.set(("mailintake", "fetch", "disabled"))
    rig.drop(mail("Second"))
    done = rig.trac.command("mailintake", "run", "--force")
    assert (done.status, done.err) == (0, "Nothing is fetched: [mailintake] fetch = disabled.\n")
    assert len(rig.left) == 1


def test_a_copy_in_postgresql_refuses_to_fetch(postgres: Postgres, tmp_path: Path) -> None:
    """The folder the same, the database made from a dump of the other, as a restore on a test system does."""
    trac = TracEnv.create(tmp_path / "env", database=postgres.fresh_schema())
    try:
        rig = Rig(trac, tmp_path)
        rig.drop(mail("First"))
        assert trac.command("mailintake", "run", "--force").status == 0
        before = instance(trac.env)
        assert instance(trac.reopen()) == before
        trac.close()
        copied = _restored(postgres, trac.database)
        trac.set(("trac", "database", copied))
        assert instance(trac.env) != before
        assert len(trac.tickets()) == 1
        refused = trac.command("mailintake", "run", "--force")
        assert refused.status == 3
        assert "claimed by another instance" in refused.out
    finally:
        trac.close()


def test_a_copy_in_mariadb_is_another_instance(mariadb_env: TracEnv, mariadb: MariaDB, tmp_path: Path) -> None:
    """Its tables, in a database of another name."""
    rig = Rig(mariadb_env, tmp_path)
    rig.drop(mail("First"))
    assert mariadb_env.command("mailintake", "run", "--force").status == 0
    before = instance(mariadb_env.env)
    assert instance(mariadb_env.reopen()) == before
    mariadb_env.set(("trac", "database", mariadb.fresh_database()))
    assert instance(mariadb_env.env) != before


def _restored(postgres: Postgres, database: str) -> str:
    """A dump of `database`, restored into a database of its own on the same server."""
    schema = database.partition("schema=")[2]
    where = ["-h", postgres.host, "-p", str(postgres.port), "-U", "trac"]
    dump = subprocess.run(
        [program("pg_dump"), *where, "-n", schema, "trac"], capture_output=True, check=True, env={"LC_ALL": "C"}
    ).stdout
    subprocess.run([program("createdb"), *where, "copy"], check=True, env={"LC_ALL": "C"})
    quiet = ["-q", "-v", "ON_ERROR_STOP=1", "-d", "copy"]
    subprocess.run([program("psql"), *where, *quiet], input=dump, check=True, capture_output=True, env={"LC_ALL": "C"})
    return database.replace("/trac?", "/copy?")
