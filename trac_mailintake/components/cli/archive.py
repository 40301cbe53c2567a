"""`mailintake archive ...`: what is in the archive, whether it is whole, and which of it no row of the journal has."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from trac.admin.api import AdminCommandError

from trac_mailintake.components.cli.arguments import Exit, read, told
from trac_mailintake.components.cli.output import say, say_json, say_table, when
from trac_mailintake.tracker.db.transaction import temporary
from trac_mailintake.tracker.deliveries import inventory
from trac_mailintake.tracker.deliveries.inventory import Known, Worker
from trac_mailintake.tracker.deliveries.verification import verify

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trac.env import Environment

    from trac_mailintake.components.cli.arguments import Typed
    from trac_mailintake.tracker.archive.records import Archived
    from trac_mailintake.tracker.deliveries.inventory import Batch, Mail
    from trac_mailintake.tracker.deliveries.verification import Verified

_NOTES: Final = {
    Worker.ALIVE: "in work",
    Worker.DEAD: "its process died; the next run cleans up",
    Worker.OVER: "",
}


class ArchiveActions:
    """Lists and checks the archive."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def list_(self, *typed: str) -> int:
        """`mailintake archive list`. Raises AdminCommandError."""
        wanted = read(typed, flags=("--json",), valued=("--since", "--service"))
        with told(), temporary(self._env):
            found = list(self._batches(wanted))
        if wanted.flag("--json"):
            say_json([_shown(each) for each in found])
            return Exit.WELL
        rows = [(each.name, *_counts(each), each.size, _note(each)) for each in found]
        say_table(rows, ("Batch", "Mails", "Rows", "No row", "Bytes", "Note"), "The archive has no such mail.")
        say_lost([mail for each in found for mail in each.lost()])
        return Exit.WELL

    def verify(self, *typed: str) -> int:
        """`mailintake archive verify`. Raises AdminCommandError."""
        wanted = read(typed, flags=("--json",), valued=("--since", "--service"))
        since, service = _since(wanted), wanted.options.get("--service", "")
        with told(), temporary(self._env):
            verified = verify(self._env, since, service)
        if wanted.flag("--json"):
            say_json(verified.shown())
        else:
            _say(verified)
        if verified.damaged or verified.missing:
            return Exit.UNREACHABLE
        return Exit.WAITING if verified.lost or verified.unknown else Exit.WELL

    def _batches(self, wanted: Typed) -> Iterator[Batch]:
        return inventory.batches(self._env, _since(wanted), wanted.options.get("--service", ""))


def _since(wanted: Typed) -> date | None:
    """The date of `--since`. Raises AdminCommandError."""
    typed = wanted.options.get("--since")
    try:
        return date.fromisoformat(typed) if typed is not None else None
    except ValueError:
        raise AdminCommandError(f"--since={typed}: not allowed. Allowed: a date such as 2026-01-31") from None


def say_lost(mails: Sequence[Archived]) -> None:
    """Print the mails that no row has, if there are any."""
    if not mails:
        return
    say(f"\nMails that no row of the journal has: {len(mails)}. `archive refile` files them.")
    rows = [(each.record.service, when(each.record.fetched), each.raw.length, _place(each)) for each in mails]
    say_table(rows, ("Service", "Fetched", "Bytes", "Mailbox and place"), "")


def _place(mail: Archived) -> str:
    return f"{mail.record.label} {mail.record.locator}"


def _counts(batch: Batch) -> tuple[int, int, int]:
    return len(batch.mails), batch.count(Known.ROW, Known.ELSEWHERE), batch.count(Known.LOST)


def _note(batch: Batch) -> str:
    notes = [_NOTES[batch.worker]]
    if not batch.recorded:
        notes.append("without records: only rows tell of its mails")
    elif batch.gap:
        notes.append(f"{batch.gap} bytes are of no mail")
    if unsealed := batch.count(Known.UNSEALED):
        notes.append(f"{unsealed} not sealed")
    return "; ".join(filter(None, notes))


def _shown(batch: Batch) -> dict[str, object]:
    return {
        "batch": batch.name,
        "size": batch.size,
        "worker": batch.worker.value,
        "recorded": batch.recorded,
        "unknown_bytes": batch.gap,
        "mails": [_mail(each) for each in batch.mails],
    }


def _mail(mail: Mail) -> dict[str, object]:
    record = mail.archived.record if mail.archived else None
    return {
        "known": mail.known.value,
        "delivery": mail.row.id if mail.row else None,
        "service": mail.service,
        "mailbox": mail.label,
        "locator": mail.locator,
        "offset": mail.raw.offset,
        "length": mail.raw.length,
        "sha256": record.sha256 if record else mail.row.sha256 if mail.row else "",
        "fetched": record.fetched if record else 0,
        "arrived": record.arrived if record else 0,
    }


def _say(verified: Verified) -> None:
    for sentence in verified.sentences():
        say(sentence)
