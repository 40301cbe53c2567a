"""The tables: made on every database, made again after a crash, and left alone otherwise."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from trac.core import TracError
from trac.db import DatabaseManager

from tests.rig import mail
from trac_mailintake.components.cli.arguments import Exit
from trac_mailintake.components.setup import MailIntakeSetup, _refuse
from trac_mailintake.tracker.config.servers import Servers
from trac_mailintake.tracker.db.schema import NAME, SCHEMA, VERSION

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def any_env(request: pytest.FixtureRequest) -> TracEnv:
    """A fresh environment on each database."""
    trac: TracEnv = request.getfixturevalue(f"{request.param}_env")
    return trac


def test_the_tables_are_made_with_all_their_columns(any_env: TracEnv) -> None:
    """On each database, and then there is nothing to upgrade."""
    manager = DatabaseManager(any_env.env)
    for table in SCHEMA:
        assert manager.get_column_names(table) == [column.name for column in table.columns]
    assert manager.get_database_version(NAME) == VERSION
    assert MailIntakeSetup(any_env.env).environment_needs_upgrade() is False


def test_names_are_unique_in_the_database_itself(any_env: TracEnv) -> None:
    """Two processes may add the same name at once: the index decides."""
    Servers(any_env.env).add("main", {"host": "mail.example.org"})
    with pytest.raises(any_env.env.db_exc.IntegrityError), any_env.env.db_transaction as db:
        db("INSERT INTO mailintake_server (name) VALUES (%s)", ("main",))


def test_tables_that_a_crash_left_half_made_are_made_whole(any_env: TracEnv) -> None:
    """SQLite and MariaDB commit each CREATE by itself. What has no version and no row was never used."""
    manager = DatabaseManager(any_env.env)
    with any_env.env.db_transaction as db:
        db("DELETE FROM {} WHERE name=%s".format(db.quote("system")), (NAME,))
    manager.drop_tables(SCHEMA[2:])
    with any_env.env.db_transaction as db:
        db("CREATE TABLE mailintake_delivery (id integer)")
    setup = MailIntakeSetup(any_env.env)
    assert setup.environment_needs_upgrade() is True
    setup.upgrade_environment()
    for table in SCHEMA:
        assert manager.get_column_names(table) == [column.name for column in table.columns]


def test_making_the_tables_again_keeps_what_is_in_them(any_env: TracEnv) -> None:
    """Whoever deletes the version by hand must not lose the mail servers for it."""
    Servers(any_env.env).add("main", {"host": "mail.example.org"})
    with any_env.env.db_transaction as db:
        db("DELETE FROM {} WHERE name=%s".format(db.quote("system")), (NAME,))
    MailIntakeSetup(any_env.env).upgrade_environment()
    assert [server.name for server in Servers(any_env.env).all()] == ["main"]


def test_tables_of_a_later_version_are_refused(sqlite_env: TracEnv) -> None:
    """An older plugin must not write into what it does not know."""
    DatabaseManager(sqlite_env.env).set_database_version(VERSION + 1, NAME)
    with pytest.raises(TracError):
        MailIntakeSetup(sqlite_env.env).environment_needs_upgrade()


def test_a_new_environment_has_the_tables(sqlite_env: TracEnv) -> None:
    """`environment_created` is what `initenv` calls where the plugin is enabled from the first."""
    manager = DatabaseManager(sqlite_env.env)
    manager.drop_tables(SCHEMA)
    with sqlite_env.env.db_transaction as db:
        db("DELETE FROM {} WHERE name=%s".format(db.quote("system")), (NAME,))
    MailIntakeSetup(sqlite_env.env).environment_created()
    assert manager.get_database_version(NAME) == VERSION
    assert all(manager.has_table(table) for table in SCHEMA)


OTHER = """
from trac.api import IEnvironmentSetupParticipant
from trac.core import Component, implements


class Other(Component):
    implements(IEnvironmentSetupParticipant)

    def environment_created(self):
        pass

    def environment_needs_upgrade(self):
        {does}

    def upgrade_environment(self):
        pass
"""


@pytest.mark.parametrize("does", ["return True", "raise OSError('its table is locked')"])
def test_the_upgrade_of_another_plugin_bounces_no_mail(sqlite_env: TracEnv, does: str) -> None:
    """Trac ends its commands with 2 then. Mail servers get 75, cron a line; other commands say what Trac says."""
    assert sqlite_env.command("mailintake", "service", "add", "pipe", "kind=pipe").status == 0
    sqlite_env.close()
    plugin = sqlite_env.path / "plugins" / "other.py"
    plugin.write_text(OTHER.format(does=does), encoding="utf-8")
    handed = sqlite_env.admin("mailintake", "deliver", "pipe", stdin=mail())
    assert (handed.status, handed.out, handed.err.count("\n")) == (75, "", 1)
    assert "No mail is taken" in handed.err
    assert "Other" in handed.err
    run = sqlite_env.admin("mailintake", "run")
    assert (run.status, run.err) == (3, handed.err)
    assert sqlite_env.admin("mailintake", "status").status == 2
    plugin.unlink()
    assert sqlite_env.admin("mailintake", "deliver", "pipe", stdin=mail()).status == 0


def test_upgrading_once_more_changes_nothing(sqlite_env: TracEnv) -> None:
    """Trac upgrades all of its plugins as soon as one of them asks for it."""
    manager = DatabaseManager(sqlite_env.env)
    Servers(sqlite_env.env).add("main", {"host": "mail.example.org"})
    MailIntakeSetup(sqlite_env.env).upgrade_environment()
    assert manager.get_database_version(NAME) == VERSION
    assert [server.name for server in Servers(sqlite_env.env).all()] == ["main"]


@pytest.mark.parametrize(("command", "status"), [("run", Exit.UNREACHABLE), ("deliver", os.EX_TEMPFAIL)])
def test_what_takes_mail_ends_with_a_line_and_no_bounce(
    capsys: pytest.CaptureFixture[str], command: str, status: int
) -> None:
    """Trac's own status, 2, would make a mail server return the mail."""
    with pytest.raises(SystemExit) as ended:
        _refuse(["trac-admin", "/env", "mailintake", command, "support"], "Not now.")
    assert (ended.value.code, capsys.readouterr().err) == (status, "Not now.\n")


@pytest.mark.parametrize("words", [("mailintake", "status"), ("upgrade",), ("wiki", "run"), ()])
def test_other_commands_are_left_to_trac(words: tuple[str, ...]) -> None:
    """It says itself that an upgrade is needed."""
    _refuse(["trac-admin", "/env", *words], "Not now.")
