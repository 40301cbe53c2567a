"""`mailintake journal ...` and `purge`: what became of each mail, and for how long its bytes are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.admin.api import IAdminCommandProvider
from trac.core import Component, implements

from trac_mailintake.components.cli.arguments import Exit, positive, read, told
from trac_mailintake.components.cli.journal.output import only, say_entries, say_entry, shown, write
from trac_mailintake.components.cli.output import say, say_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from trac_mailintake.tracker.journal.journal import Journal
    from trac_mailintake.tracker.journal.search import Filter

    Command = tuple[str, str, str, Callable[[list[str]], list[str]] | None, Callable[..., int]]

_FILTERS = ("service", "outcome", "rule", "sender", "ticket", "text")


class JournalCommands(Component):
    """Shows the journal, and removes what is old."""

    implements(IAdminCommandProvider)

    # IAdminCommandProvider methods

    def get_admin_commands(self) -> Iterator[Command]:
        """The commands."""
        yield (
            "mailintake journal list",
            "[service=] [outcome=] [rule=] [sender=] [ticket=] [text=] [--limit N] [--json]",
            "List what became of each mail, the newest first\n\n    50 unless --limit says otherwise.",
            None,
            self._list,
        )
        yield (
            "mailintake journal show",
            "<id> [--json]",
            "Show what became of one mail, and every step of why",
            None,
            self._show,
        )
        yield ("mailintake journal raw", "<id>", "Write the bytes of a mail to standard output", None, self._raw)
        yield (
            "mailintake purge",
            "",
            """Remove the bytes of old mail, as [mailintake] archive_days says

    And rows of the journal, as journal_days says. Held mail is never removed. `run` does it once a day.""",
            None,
            self._purge,
        )

    # inside

    def _journal(self) -> Journal:
        from trac_mailintake.tracker.journal.journal import Journal  # noqa: PLC0415 - an idle `run` does without

        return Journal(self.env)

    def _list(self, *typed: str) -> int:
        wanted = read(typed, flags=("--json",), valued=("--limit",), settings=True)
        with told():
            entries = self._journal().entries(_filter(wanted.settings), limit=wanted.number("--limit") or 50)
        return say_entries(entries, as_json=wanted.flag("--json"), none="The journal has no such mail.")

    def _show(self, *typed: str) -> int:
        wanted = read(typed, least=1, most=1, flags=("--json",))
        with told():
            entry = self._journal().get(positive("id", wanted.words[0]))
        if wanted.flag("--json"):
            say_json(shown(entry))
        else:
            say_entry(entry)
        return Exit.WELL

    def _raw(self, *typed: str) -> int:
        wanted = read(typed, least=1, most=1)
        write(self._journal(), wanted.words[0], None)
        return Exit.WELL

    def _purge(self, *typed: str) -> int:
        from trac_mailintake.tracker.deliveries.retention import purge  # noqa: PLC0415 - an idle `run` does without

        read(typed)
        with told():
            purged = purge(self.env)
        say(
            f"{purged.mails} mails purged, {purged.size} bytes in {purged.batches} files removed;"
            f" {purged.kept} old files stay for the mail in them that is held or not done with."
            f" {purged.rows} rows of the journal removed."
        )
        return Exit.WELL


def _filter(typed: Mapping[str, str]) -> Filter:
    from trac_mailintake.tracker.journal.search import Filter  # noqa: PLC0415 - an idle `run` does without

    only(typed, _FILTERS)
    ticket = positive("ticket", typed["ticket"].removeprefix("#")) if typed.get("ticket") else None
    return Filter(**{**typed, "ticket": ticket})  # type: ignore[arg-type]  # the names are those of _FILTERS
