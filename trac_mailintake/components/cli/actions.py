"""The actions of all commands, by group. All are imported when a command is used (`components/commands.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.components.cli.archive import ArchiveActions
from trac_mailintake.components.cli.config.claim import ClaimActions
from trac_mailintake.components.cli.config.keys import KeyActions
from trac_mailintake.components.cli.config.servers import ServerActions
from trac_mailintake.components.cli.config.services import ServiceActions
from trac_mailintake.components.cli.contacts import ContactActions
from trac_mailintake.components.cli.journal.commands import JournalActions
from trac_mailintake.components.cli.journal.held import HeldActions
from trac_mailintake.components.cli.plugins import PluginActions
from trac_mailintake.components.cli.running.commands import RoundActions
from trac_mailintake.components.cli.running.probe import ProbeActions

if TYPE_CHECKING:
    from trac.env import Environment


class Actions:
    """The actions of one environment. Each takes the words after its command, and returns the exit status."""

    def __init__(self, env: Environment) -> None:
        self.archive = ArchiveActions(env)
        self.claims = ClaimActions(env)
        self.contacts = ContactActions(env)
        self.held = HeldActions(env)
        self.journal = JournalActions(env)
        self.keys = KeyActions(env)
        self.plugins = PluginActions(env)
        self.probes = ProbeActions(env)
        self.rounds = RoundActions(env)
        self.servers = ServerActions(env)
        self.services = ServiceActions(env)
