"""`mailintake held ...`: retry, release, discard and export held mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.admin.api import AdminCommandError

from trac_mailintake.components.cli.arguments import Exit, positive, read, starting, told
from trac_mailintake.components.cli.journal.output import only, say_became, say_entries, write
from trac_mailintake.components.cli.output import complain, say
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.runs import open_intake
from trac_mailintake.tracker.config.field_choices import check_ticket
from trac_mailintake.tracker.journal.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trac.env import Environment


class HeldActions:
    """Commands for held mail."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._journal = Journal(env)

    def complete(self, typed: list[str]) -> list[str]:
        """Numbers of held mails."""
        return starting([str(entry.id) for entry in self._journal.held()], typed)

    def list_(self, *typed: str) -> int:
        """`mailintake held list`. Raises AdminCommandError."""
        wanted = read(typed, flags=("--json",), settings=True)
        only(wanted.settings, ("service",))
        with told():
            entries = self._journal.held(wanted.settings.get("service", ""))
        return say_entries(entries, as_json=wanted.flag("--json"), none="No mail is held.")

    def retry(self, *typed: str) -> int:
        """`mailintake held retry`. Raises AdminCommandError."""
        wanted = read(typed, least=1, most=10_000)
        journal = self._journal
        everything = wanted.words == ("all",)
        with told():
            numbers = self._all() if everything else [positive("id", word) for word in wanted.words]
            asked = set(filter(journal.ask_again, numbers))
            refused = self._decide_again([number for number in numbers if number not in asked])
        for number in sorted(asked):
            say(f"{number}: the next run fetches it from its mailbox, if it comes")
        status = say_became(list(map(journal.get, sorted({*numbers} - asked - refused.keys(), key=numbers.index))))
        for number, why in refused.items():
            complain(f"{number}: {why}")
        if refused and not everything:
            raise AdminCommandError(f"Not decided again: {', '.join(map(str, refused))}")
        return Exit.WAITING if refused else status

    def _all(self) -> list[int]:
        return sorted(entry.id for entry in self._journal.held())

    def _decide_again(self, numbers: Sequence[int]) -> Mapping[int, str]:
        """Retry these. Returns which cannot be retried, and why: the others do not wait for them."""
        refused = {}
        with open_intake.intake(self._env) as assembly:
            for number in numbers:
                try:
                    assembly.retry(self._journal.retryable(number))
                except SettingError as error:
                    refused[number] = str(error)
        return refused

    def release(self, *typed: str) -> int:
        """`mailintake held release`. Raises AdminCommandError."""
        wanted = read(typed, least=2, most=2, valued=("--user",))
        number, word = wanted.words
        ticket = None if word == "new" else positive("ticket", word.removeprefix("#"))
        journal = self._journal
        with told():
            entry = journal.retryable(positive("id", number))
            if ticket is not None:
                check_ticket(self._env, ticket)
            with open_intake.intake(self._env) as assembly:
                assembly.release(entry, ticket, wanted.options.get("--user", ""))
        return say_became([journal.get(entry.id)])

    def discard(self, *typed: str) -> int:
        """`mailintake held discard`. Raises AdminCommandError."""
        wanted = read(typed, least=1, most=10_000)
        with told():
            for word in wanted.words:
                self._journal.discard(positive("id", word), "an administrator, by trac-admin")
                say(f"{word}: discarded")
        return Exit.WELL

    def export(self, *typed: str) -> int:
        """`mailintake held export`. Raises AdminCommandError."""
        wanted = read(typed, least=1, most=2)
        write(self._journal, wanted.words[0], wanted.words[1] if len(wanted.words) > 1 else None)
        return Exit.WELL
