"""Output of journal entries: as a table, a page, JSON, or the bytes of the message."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from trac.admin.api import AdminCommandError

from trac_mailintake.components.cli.arguments import Exit, positive, told
from trac_mailintake.components.cli.output import cut, say, say_json, say_table, when

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trac_mailintake.tracker.journal.journal import Entry, Journal


def write(journal: Journal, word: str, path: str | None) -> None:
    """Write the bytes of a message, chunk by chunk, to a new file or to standard output."""
    with told():
        raw = journal.raw(positive("id", word))
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


def only(typed: Mapping[str, str], allowed: Sequence[str]) -> None:
    """Raise AdminCommandError if any other setting was given."""
    for name, value in typed.items():
        if name not in allowed:
            raise AdminCommandError(f"{name}={value}: not allowed. Allowed: {', '.join(allowed)}")


def shown(entry: Entry) -> dict[str, object]:
    """All fields, for JSON; of what the sentences are made is left out."""
    row = asdict(entry)
    del row["because"]
    steps = [{"stage": step.stage, "rule": step.rule, "sentence": step.sentence} for step in entry.trail]
    return {**row, "trail": steps, "raw": entry.raw and {**asdict(entry.raw)}}


def say_became(entries: Sequence[Entry]) -> int:
    """Print one line for each entry, and return the exit status."""
    for entry in entries:
        say(f"{entry.id}: {_became(entry)}")
    return Exit.WAITING if any(entry.outcome in ("held", "deferred") for entry in entries) else Exit.WELL


def _became(entry: Entry) -> str:
    """`commented #12 (message-id): reason`."""
    ticket = f" #{entry.ticket}" if entry.ticket else ""
    rule = f" ({entry.rule})" if entry.rule else ""
    return f"{entry.outcome}{ticket}{rule}: {entry.why or 'not decided yet'}"


def say_entries(entries: Sequence[Entry], *, as_json: bool, none: str) -> int:
    """Print a table, or JSON; for an empty table the sentence `none`. Returns the exit status."""
    if as_json:
        say_json([shown(entry) for entry in entries])
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


def say_entry(entry: Entry) -> None:
    """Print all of an entry, for people."""
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
