"""Creates and upgrades the database tables, for `trac-admin ENV upgrade`, and refuses to take mail before that."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, ClassVar, Final

from trac.api import IEnvironmentSetupParticipant
from trac.core import Component, TracError, implements
from trac.db import DatabaseManager

from trac_mailintake.components.cli.arguments import Exit
from trac_mailintake.tracker.db.schema import NAME, VERSION
from trac_mailintake.tracker.db.tables import make_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

UPGRADES = "trac_mailintake.tracker.db.upgrades"

_STATUSES: Final = {"run": Exit.UNREACHABLE, "deliver": os.EX_TEMPFAIL}
"""The exit statuses of commands that take mail, as long as the tables do not fit."""
_PENDING: Final = "No mail is taken before the tables are upgraded: trac-admin {path} upgrade"
_OTHERS: Final = "No mail is taken before {name} is upgraded: trac-admin {path} upgrade"
_NEWER: Final = (
    "The tables of mail intake have version {there}, which this version of the plugin does not know (it knows version "
    "{known}). Install the newer plugin again, or restore the database from before its upgrade."
)


class MailIntakeSetup(Component):
    """Creates and upgrades the tables of mail intake."""

    implements(IEnvironmentSetupParticipant)

    _asking: ClassVar[bool] = False

    def __init__(self, *_: object) -> None:
        """Trac makes all participants before it asks the first one, and ends the command if that needs an upgrade.

        So the commands that take mail ask the others here. A mail server would bounce its mail otherwise.
        """
        if not MailIntakeSetup._asking and _taking(sys.argv):
            MailIntakeSetup._asking = True  # this one is made once more for the list of all
            try:
                self._ask_others()
            finally:
                MailIntakeSetup._asking = False

    def _ask_others(self) -> None:
        for each in self.env.setup_participants:
            if isinstance(each, MailIntakeSetup):
                continue
            try:
                pending = each.environment_needs_upgrade()
            except Exception as error:  # noqa: BLE001 - whatever it is, Trac would end with 2
                _refuse(sys.argv, f"No mail is taken, since {type(each).__name__} fails: {error}")
            else:
                if pending:
                    _refuse(sys.argv, _OTHERS.format(name=type(each).__name__, path=self.env.path))

    # IEnvironmentSetupParticipant methods

    def environment_created(self) -> None:
        """Create the tables of a new environment."""
        make_tables(self.env)

    def environment_needs_upgrade(self) -> bool:
        """Whether the tables are missing or of an older version. Raises TracError if they are of a newer one.

        Trac asks this before each command, and refuses all but `upgrade` with the status 2. A mail server that pipes
        would bounce its mail then, and cron would mail three lines each minute. So this ends the commands that take
        mail itself: see `_refuse`.
        """
        there = DatabaseManager(self.env).get_database_version(NAME)
        if there == VERSION:
            return False
        newer = _NEWER.format(there=there, known=VERSION) if there > VERSION else ""
        _refuse(sys.argv, newer or _PENDING.format(path=self.env.path))
        if newer:
            raise TracError(newer)
        self.log.info("The tables of mail intake have version %s, and need an upgrade to %s", there, VERSION)
        return True

    def upgrade_environment(self) -> None:
        """Create the tables, or upgrade them to the present version."""
        manager = DatabaseManager(self.env)
        if not manager.get_database_version(NAME):
            make_tables(self.env)
        manager.upgrade(VERSION, NAME, UPGRADES)


def _refuse(arguments: Sequence[str], why: str) -> None:
    """Print one line and end the process if it is `trac-admin ENV mailintake run` or `deliver`; no mail was touched."""
    command = _taking(arguments)
    if command:
        sys.stderr.write(f"{' '.join(why.split())}\n")
        raise SystemExit(_STATUSES[command])


def _taking(arguments: Sequence[str]) -> str:
    """The command if it takes mail, otherwise ""."""
    match arguments:
        case [_, _, "mailintake", command, *_] if command in _STATUSES:
            return command
        case _:
            return ""
