"""The tables: made and upgraded by `trac-admin ENV upgrade`, as Trac does it."""

from __future__ import annotations

from trac.api import IEnvironmentSetupParticipant
from trac.core import Component, implements
from trac.db import DatabaseManager

from trac_mailintake.tracker.schema import NAME, SCHEMA, VERSION

UPGRADES = "trac_mailintake.tracker.upgrades"


class MailIntakeSetup(Component):
    """Makes and upgrades the tables of mail intake."""

    implements(IEnvironmentSetupParticipant)

    # IEnvironmentSetupParticipant methods

    def environment_created(self) -> None:
        """Make the tables of a new environment."""
        self._create()

    def environment_needs_upgrade(self) -> bool:
        """Whether the tables are missing or of an earlier version. Raises TracError when they are of a later one."""
        return bool(DatabaseManager(self.env).needs_upgrade(VERSION, NAME))

    def upgrade_environment(self) -> None:
        """Make the tables, or bring them to the present version."""
        manager = DatabaseManager(self.env)
        if manager.get_database_version(NAME):
            manager.upgrade(VERSION, NAME, UPGRADES)
        else:
            self._create()

    # inside

    def _create(self) -> None:
        """Make all tables, then say so.

        SQLite and MariaDB commit each CREATE, so a crash can leave some of them behind. Those are empty, since nothing
        uses a table before the version is set, and are made anew with all their indexes.
        """
        manager = DatabaseManager(self.env)
        with self.env.db_transaction:
            left = [table for table in SCHEMA if manager.has_table(table)]
            manager.drop_tables([table for table in left if self._empty(table.name)])
            manager.create_tables([table for table in SCHEMA if not manager.has_table(table)])
            manager.set_database_version(VERSION, NAME)

    def _empty(self, table: str) -> bool:
        return not self.env.db_query(f"SELECT id FROM {table} LIMIT 1")  # noqa: S608 - a name of our own schema
