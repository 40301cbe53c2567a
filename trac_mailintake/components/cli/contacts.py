"""`mailintake contact ...`: whom `createusers` remembers, and what became of their accounts."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from trac.admin.api import AdminCommandError, IAdminCommandProvider
from trac.core import Component, implements

from trac_mailintake.components.cli.arguments import Exit, read, starting, told
from trac_mailintake.components.cli.output import say, say_json, say_table, when

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trac_mailintake.tracker.people.contacts import Remembered

    Command = tuple[str, str, str, Callable[[list[str]], list[str]] | None, Callable[..., int]]


class ContactCommands(Component):
    """Lists whom `createusers` remembers, and forgets them."""

    implements(IAdminCommandProvider)

    # IAdminCommandProvider methods

    def get_admin_commands(self) -> Iterator[Command]:
        """The commands."""
        yield ("mailintake contact list", "[--json]", "List whom createusers remembers", None, self._list)
        yield (
            "mailintake contact remove",
            "<address>",
            "Forget somebody, so that the next mail is a newcomer's; an account stays",
            self._complete,
            self._remove,
        )

    # inside

    def _complete(self, typed: list[str]) -> list[str]:
        from trac_mailintake.tracker.people.contacts import remembered  # noqa: PLC0415 - an idle `run` does without

        return starting([each.address for each in remembered(self.env)], typed)

    def _list(self, *typed: str) -> int:
        from trac_mailintake.tracker.people.contacts import remembered  # noqa: PLC0415 - as above

        wanted = read(typed, flags=("--json",))
        with told():
            people = remembered(self.env)
        if wanted.flag("--json"):
            say_json([asdict(each) for each in people])
            return Exit.WELL
        rows = [
            (each.address, each.name, each.username, each.service, when(each.created), _state(each)) for each in people
        ]
        say_table(rows, ("Address", "Name", "Username", "Service", "Since", "Account"), "Nobody is remembered yet.")
        return Exit.WELL

    def _remove(self, *typed: str) -> int:
        from trac_mailintake.tracker.people.contacts import forget  # noqa: PLC0415 - as above

        wanted = read(typed, least=1, most=1)
        with told():
            gone = forget(self.env, wanted.words[0])
        if not gone:
            raise AdminCommandError(f"{wanted.words[0]}: nobody of that address is remembered")
        say(f"{wanted.words[0]} is forgotten.")
        return Exit.WELL


def _state(contact: Remembered) -> str:
    if not contact.username:
        return "none"
    return "made" if contact.made else f"owed: {contact.failure}" if contact.failure else "owed"
