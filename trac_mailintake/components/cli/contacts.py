"""`mailintake contact ...`: the contacts that `createusers` remembers, and their user accounts."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from trac.admin.api import AdminCommandError

from trac_mailintake.components.cli.arguments import Exit, read, starting, told
from trac_mailintake.components.cli.output import say, say_json, say_table, when
from trac_mailintake.tracker.people.contacts import forget, remembered

if TYPE_CHECKING:
    from trac.env import Environment

    from trac_mailintake.tracker.people.contacts import Remembered


class ContactActions:
    """Lists and removes the contacts that `createusers` remembers."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def complete(self, typed: list[str]) -> list[str]:
        """Addresses of contacts."""
        return starting([each.address for each in remembered(self._env)], typed)

    def list_(self, *typed: str) -> int:
        """`mailintake contact list`. Raises AdminCommandError."""
        wanted = read(typed, flags=("--json",))
        with told():
            people = remembered(self._env)
        if wanted.flag("--json"):
            say_json([asdict(each) for each in people])
            return Exit.WELL
        rows = [
            (each.address, each.name, each.username, each.service, when(each.created), _state(each)) for each in people
        ]
        say_table(rows, ("Address", "Name", "Username", "Service", "Since", "Account"), "Nobody is remembered yet.")
        return Exit.WELL

    def remove(self, *typed: str) -> int:
        """`mailintake contact remove`. Raises AdminCommandError."""
        wanted = read(typed, least=1, most=1)
        with told():
            gone = forget(self._env, wanted.words[0])
        if not gone:
            raise AdminCommandError(f"{wanted.words[0]}: nobody of that address is remembered")
        say(f"{wanted.words[0]} is forgotten.")
        return Exit.WELL


def _state(contact: Remembered) -> str:
    if not contact.username:
        return "none"
    return "made" if contact.made else f"owed: {contact.failure}" if contact.failure else "owed"
