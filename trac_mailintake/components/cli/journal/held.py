"""`mailintake held ...`: what an administrator does about mail in quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.admin.api import IAdminCommandProvider
from trac.core import Component, implements

from trac_mailintake.components import bridge
from trac_mailintake.components.cli.arguments import Exit, positive, read, starting, told
from trac_mailintake.components.cli.journal.output import only, say_became, say_entries, write
from trac_mailintake.components.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trac_mailintake.tracker.journal.journal import Journal

    Command = tuple[str, str, str, Callable[[list[str]], list[str]] | None, Callable[..., int]]


class HeldCommands(Component):
    """Deals with held mail."""

    implements(IAdminCommandProvider)

    # IAdminCommandProvider methods

    def get_admin_commands(self) -> Iterator[Command]:
        """The commands."""
        yield ("mailintake held list", "[service=] [--json]", "List the mail that is held", None, self._list)
        yield (
            "mailintake held retry",
            "<id|all> [...]",
            "Decide about held mail once more",
            self._complete,
            self._retry,
        )
        yield (
            "mailintake held release",
            "<id> <ticket|new> [--user NAME]",
            """File a held mail in a ticket, or in a new one, past all screens

    --user names whose rights count instead of the sender's. The author is the sender all the same.""",
            self._complete,
            self._release,
        )
        yield (
            "mailintake held discard",
            "<id> [...]",
            "Throw held mail away\n\n    Its bytes stay in the archive for as long as those of all mail.",
            self._complete,
            self._discard,
        )
        yield (
            "mailintake held export",
            "<id> [file]",
            "Write the bytes of a held mail to a file, or to standard output",
            self._complete,
            self._export,
        )

    # inside

    def _journal(self) -> Journal:
        from trac_mailintake.tracker.journal.journal import Journal  # noqa: PLC0415 - an idle `run` does without

        return Journal(self.env)

    def _check_ticket(self, number: int) -> None:
        from trac_mailintake.tracker.config.field_choices import check_ticket  # noqa: PLC0415 - as above

        check_ticket(self.env, number)

    def _complete(self, typed: list[str]) -> list[str]:
        return starting([str(entry.id) for entry in self._journal().held()], typed)

    def _list(self, *typed: str) -> int:
        wanted = read(typed, flags=("--json",), settings=True)
        only(wanted.settings, ("service",))
        with told():
            entries = self._journal().held(wanted.settings.get("service", ""))
        return say_entries(entries, as_json=wanted.flag("--json"), none="No mail is held.")

    def _retry(self, *typed: str) -> int:
        wanted = read(typed, least=1, most=10_000)
        journal = self._journal()
        with told():
            if wanted.words == ("all",):
                numbers = sorted(entry.id for entry in journal.held())
            else:
                numbers = [positive("id", word) for word in wanted.words]
            with bridge.intake(self.env) as assembly:
                for number in numbers:
                    assembly.retry(journal.retryable(number))
        return say_became([journal.get(number) for number in numbers])

    def _release(self, *typed: str) -> int:
        wanted = read(typed, least=2, most=2, valued=("--user",))
        number, word = wanted.words
        ticket = None if word == "new" else positive("ticket", word.removeprefix("#"))
        journal = self._journal()
        with told():
            entry = journal.retryable(positive("id", number))
            if ticket is not None:
                self._check_ticket(ticket)
            with bridge.intake(self.env) as assembly:
                assembly.release(entry, ticket, wanted.options.get("--user", ""))
        return say_became([journal.get(entry.id)])

    def _discard(self, *typed: str) -> int:
        wanted = read(typed, least=1, most=10_000)
        with told():
            for word in wanted.words:
                self._journal().discard(positive("id", word), "an administrator, by trac-admin")
                say(f"{word}: discarded")
        return Exit.WELL

    def _export(self, *typed: str) -> int:
        wanted = read(typed, least=1, most=2)
        write(self._journal(), wanted.words[0], wanted.words[1] if len(wanted.words) > 1 else None)
        return Exit.WELL
