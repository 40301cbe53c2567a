"""Creates and upgrades the database tables, for `trac-admin ENV upgrade`."""

from __future__ import annotations

from trac.api import IEnvironmentSetupParticipant
from trac.core import Component, implements
from trac.db import DatabaseManager

from trac_mailintake.tracker.db.schema import NAME, VERSION
from trac_mailintake.tracker.db.tables import make_tables

UPGRADES = "trac_mailintake.tracker.db.upgrades"


class MailIntakeSetup(Component):
    """Creates and upgrades the tables of mail intake."""

    implements(IEnvironmentSetupParticipant)

    # IEnvironmentSetupParticipant methods

    def environment_created(self) -> None:
        """Create the tables of a new environment."""
        make_tables(self.env)

    def environment_needs_upgrade(self) -> bool:
        """Whether the tables are missing or of an older version. Raises TracError if they are of a newer one."""
        return bool(DatabaseManager(self.env).needs_upgrade(VERSION, NAME))

    def upgrade_environment(self) -> None:
        """Create the tables, or upgrade them to the present version."""
        manager = DatabaseManager(self.env)
        if manager.get_database_version(NAME):
            manager.upgrade(VERSION, NAME, UPGRADES)
        else:
            make_tables(self.env)
