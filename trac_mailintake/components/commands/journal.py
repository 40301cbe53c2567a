"""`mailintake journal ...` and `held ...`: what became of each mail, and what an administrator does about it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from trac.admin.api import AdminCommandError, IAdminCommandProvider
from trac.core import Component, implements

from trac_mailintake.components import bridge
from trac_mailintake.components.commands.say import cut, say, say_json, say_table, when
from trac_mailintake.components.commands.words import Exit, positive, read, starting, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from trac_mailintake.tracker.journal import Entry, Filter, Journal

    Command = tuple[str, str, str, Callable[[list[str]], list[str]] | None, Callable[..., int]]

_FILTERS = ("service", "outcome", "rule", "sender", "ticket", "text")


class JournalCommands(Component):
    """Shows the journal, and deals with held mail."""

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
        yield ("mailintake held list", "[service=] [--json]", "List the mail that is held", None, self._held_list)
        yield (
            "mailintake held retry",
            "<id|all> [...]",
            "Decide about held mail once more",
            self._complete,
            self._held_retry,
        )
        yield (
            "mailintake held release",
            "<id> <ticket|new> [--user NAME]",
            """File a held mail in a ticket, or in a new one, past all screens

    --user names whose rights count instead of the sender's. The author is the sender all the same.""",
            self._complete,
            self._held_release,
        )
        yield (
            "mailintake held discard",
            "<id> [...]",
            "Throw held mail away\n\n    Its bytes stay in the archive for as long as those of all mail.",
            self._complete,
            self._held_discard,
        )
        yield (
            "mailintake held export",
            "<id> [file]",
            "Write the bytes of a held mail to a file, or to standard output",
            self._complete,
            self._held_export,
        )

    # inside

    def _journal(self) -> Journal:
        from trac_mailintake.tracker.journal import Journal  # noqa: PLC0415 - an idle `run` does without

        return Journal(self.env)

    def _check_ticket(self, number: int) -> None:
        from trac_mailintake.tracker.choices import check_ticket  # noqa: PLC0415 - as above

        check_ticket(self.env, number)

    def _complete(self, typed: list[str]) -> list[str]:
        return starting([str(entry.id) for entry in self._journal().held()], typed)

    def _list(self, *typed: str) -> int:
        wanted = read(typed, flags=("--json",), valued=("--limit",), settings=True)
        with told():
            entries = self._journal().entries(_filter(wanted.settings), limit=wanted.number("--limit") or 50)
        return _say_entries(entries, as_json=wanted.flag("--json"), none="The journal has no such mail.")

    def _show(self, *typed: str) -> int:
        wanted = read(typed, least=1, most=1, flags=("--json",))
        with told():
            entry = self._journal().get(positive("id", wanted.words[0]))
        if wanted.flag("--json"):
            say_json(_shown(entry))
        else:
            _say_entry(entry)
        return Exit.WELL

    def _raw(self, *typed: str) -> int:
        wanted = read(typed, least=1, most=1)
        self._write(wanted.words[0], None)
        return Exit.WELL

    def _held_list(self, *typed: str) -> int:
        wanted = read(typed, flags=("--json",), settings=True)
        _only(wanted.settings, ("service",))
        with told():
            entries = self._journal().held(wanted.settings.get("service", ""))
        return _say_entries(entries, as_json=wanted.flag("--json"), none="No mail is held.")

    def _held_retry(self, *typed: str) -> int:
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
        return _say_became([journal.get(number) for number in numbers])

    def _held_release(self, *typed: str) -> int:
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
        return _say_became([journal.get(entry.id)])

    def _held_discard(self, *typed: str) -> int:
        wanted = read(typed, least=1, most=10_000)
        with told():
            for word in wanted.words:
                self._journal().discard(positive("id", word), "an administrator, by trac-admin")
                say(f"{word}: discarded")
        return Exit.WELL

    def _held_export(self, *typed: str) -> int:
        wanted = read(typed, least=1, most=2)
        self._write(wanted.words[0], wanted.words[1] if len(wanted.words) > 1 else None)
        return Exit.WELL

    def _write(self, word: str, path: str | None) -> None:
        """Write a mail's bytes, a chunk at a time, to a file that is not there yet or to standard output."""
        with told():
            raw = self._journal().raw(positive("id", word))
        try:
            if path is None:
                sys.stdout.flush()
                for chunk in raw.chunks():
                    sys.stdout.buffer.write(chunk)
                sys.stdout.buffer.flush()
                return
            with open(path, "xb") as file:
                for chunk in raw.chunks():
                    file.write(chunk)
        except OSError as error:
            raise AdminCommandError(f"mail {word} could not be written: {error}") from None
        say(f"Mail {word} written to {path} ({raw.length} bytes).")


def _filter(typed: Mapping[str, str]) -> Filter:
    from trac_mailintake.tracker.journal import Filter  # noqa: PLC0415 - an idle `run` does without

    _only(typed, _FILTERS)
    ticket = positive("ticket", typed["ticket"].removeprefix("#")) if typed.get("ticket") else None
    return Filter(**{**typed, "ticket": ticket})  # type: ignore[arg-type]  # the names are those of _FILTERS


def _only(typed: Mapping[str, str], allowed: Sequence[str]) -> None:
    for name, value in typed.items():
        if name not in allowed:
            raise AdminCommandError(f"{name}={value}: not allowed. Allowed: {', '.join(allowed)}")


def _shown(entry: Entry) -> dict[str, object]:
    return {**asdict(entry), "raw": entry.raw and {**asdict(entry.raw)}}


def _say_became(entries: Sequence[Entry]) -> int:
    for entry in entries:
        say(f"{entry.id}: {_became(entry)}")
    return Exit.WAITING if any(entry.outcome in ("held", "deferred") for entry in entries) else Exit.WELL


def _became(entry: Entry) -> str:
    """`commented #12 (message-id): reason`."""
    ticket = f" #{entry.ticket}" if entry.ticket else ""
    rule = f" ({entry.rule})" if entry.rule else ""
    return f"{entry.outcome}{ticket}{rule}: {entry.reason or entry.failure or 'not decided yet'}"


def _say_entries(entries: Sequence[Entry], *, as_json: bool, none: str) -> int:
    if as_json:
        say_json([_shown(entry) for entry in entries])
        return Exit.WELL
    rows = [
        (
            entry.id,
            when(entry.recorded or entry.arrived),
            entry.service,
            entry.outcome,
            f"#{entry.ticket}" if entry.ticket else "",
            entry.rule,
            cut(entry.sender, 30),
            cut(entry.subject, 40),
        )
        for entry in entries
    ]
    say_table(rows, ("Id", "Time", "Service", "Outcome", "Ticket", "Rule", "Sender", "Subject"), none)
    return Exit.WELL


def _say_entry(entry: Entry) -> None:
    say(f"{entry.id}: {_became(entry)}")
    facts = (
        ("Subject", entry.subject),
        ("From", entry.sender),
        ("Date", when(entry.sent)),
        ("Message-ID", entry.message_id),
        ("Service", entry.service),
        ("Mailbox", f"{entry.account} {entry.locator}"),
        ("Size", f"{entry.size} bytes"),
        ("Recorded", when(entry.recorded)),
        ("Consumed", when(entry.consumed)),
        ("Attempts", str(entry.attempts)),
        ("Last failure", entry.failure),
        ("Sender told", "yes" if entry.sender_told else "no"),
        ("Administrator told", "yes" if entry.admin_told else "no"),
    )
    for name, value in facts:
        if value:
            say(f"  {name + ':':<20}{value}")
    for step in entry.trail:
        say(f"  {step.stage:<8}{step.rule:<24}{step.sentence}")
    if entry.removed:
        say("  What was cut from the text:")
        for line in entry.removed.splitlines():
            say(f"  | {line}")
