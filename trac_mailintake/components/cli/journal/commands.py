"""`mailintake journal ...` and `purge`: the outcome of each message, and the retention of its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.components.cli.arguments import Exit, positive, read, told
from trac_mailintake.components.cli.journal.output import only, say_entries, say_entry, shown, write
from trac_mailintake.components.cli.output import say, say_json
from trac_mailintake.tracker.deliveries.retention import purge
from trac_mailintake.tracker.journal.journal import Journal
from trac_mailintake.tracker.journal.search import Filter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trac.env import Environment


_FILTERS = ("service", "outcome", "rule", "sender", "ticket", "text")


class JournalActions:
    """Shows the journal, and purges old mail."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._journal = Journal(env)

    def list_(self, *typed: str) -> int:
        """`mailintake journal list`. Raises AdminCommandError."""
        wanted = read(typed, flags=("--json",), valued=("--limit",), settings=True)
        with told():
            entries = self._journal.entries(_filter(wanted.settings), limit=wanted.number("--limit") or 50)
        return say_entries(entries, as_json=wanted.flag("--json"), none="The journal has no such mail.")

    def show(self, *typed: str) -> int:
        """`mailintake journal show`. Raises AdminCommandError."""
        wanted = read(typed, least=1, most=1, flags=("--json",))
        with told():
            entry = self._journal.get(positive("id", wanted.words[0]))
        if wanted.flag("--json"):
            say_json(shown(entry))
        else:
            say_entry(entry)
        return Exit.WELL

    def raw(self, *typed: str) -> int:
        """`mailintake journal raw`. Raises AdminCommandError."""
        wanted = read(typed, least=1, most=1)
        write(self._journal, wanted.words[0], None)
        return Exit.WELL

    def purge(self, *typed: str) -> int:
        """`mailintake purge`. Raises AdminCommandError."""
        read(typed)
        with told():
            purged = purge(self._env)
        say(
            f"{purged.mails} mails purged, {purged.size} bytes in {purged.batches} files removed;"
            f" {purged.kept} old files stay for the mail in them that is held or not done with."
            f" {purged.rows} rows of the journal removed."
        )
        for sentence in purged.lost:
            say(sentence)
        return Exit.WELL


def _filter(typed: Mapping[str, str]) -> Filter:
    only(typed, _FILTERS)
    ticket = positive("ticket", typed["ticket"].removeprefix("#")) if typed.get("ticket") else None
    return Filter(**{**typed, "ticket": ticket})  # type: ignore[arg-type]  # the names are those of _FILTERS
