"""`mailintake archive ...`: what is in the archive, whether it is whole, and the filing of mail that no row has."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from trac.admin.api import AdminCommandError

from trac_mailintake.components.cli.arguments import Exit, read, told
from trac_mailintake.components.cli.output import cut, progress, say, say_json, say_table, when
from trac_mailintake.intake.model import Status
from trac_mailintake.mail.parse import parse
from trac_mailintake.runs import open_intake
from trac_mailintake.runs.refile import Refile, plan
from trac_mailintake.tracker.db.transaction import temporary
from trac_mailintake.tracker.deliveries import inventory
from trac_mailintake.tracker.deliveries.inventory import Known, Worker
from trac_mailintake.tracker.restore.verification import verify

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trac.env import Environment

    from trac_mailintake.components.cli.arguments import Typed
    from trac_mailintake.intake.report import Report
    from trac_mailintake.runs.refile import Plan, Refiled
    from trac_mailintake.tracker.archive.records import Archived
    from trac_mailintake.tracker.deliveries.inventory import Batch, Mail
    from trac_mailintake.tracker.restore.verification import Verified

_NOTES: Final = {
    Worker.ALIVE: "in work",
    Worker.DEAD: "its process died; the next run cleans up",
    Worker.OVER: "",
}


class ArchiveActions:
    """Lists and checks the archive, and files mail from it that the journal has lost."""

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

    def refile(self, *typed: str) -> int:
        """`mailintake archive refile`. Raises AdminCommandError."""
        wanted = read(typed, flags=("--dry-run", "--yes", "--json"), valued=("--since", "--service"))
        if wanted.flag("--dry-run") and wanted.flag("--yes"):
            raise AdminCommandError("--dry-run does nothing, and --yes does it: give one of them", show_usage=True)
        since, service = _since(wanted), wanted.options.get("--service", "")
        with told(), temporary(self._env):
            if not wanted.flag("--yes"):
                names = open_intake.settings(self._env).services.names()
                return _say_plan(plan(self._env, names, since, service), as_json=wanted.flag("--json"))
            with open_intake.watched_intake(self._env) as assembly, progress("refile") as advance:
                done = Refile(self._env, assembly, advance).run(since, service)
        return _say_refiled(done, as_json=wanted.flag("--json"))

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


def _say_plan(made: Plan, *, as_json: bool) -> int:
    """Print what would be refiled."""
    if as_json:
        say_json({"mails": [_planned(each) for each in made.mails], **_left(made)})
        return Exit.WELL
    rows = [(each.record.service, when(each.record.fetched), each.raw.length, *_head(each)) for each in made.mails]
    say_table(rows, ("Service", "Fetched", "Bytes", "From", "Subject"), "There is no mail to file.")
    _say_left(made)
    if made.mails:
        say(f"Nothing was done. `archive refile --yes` files these {len(made.mails)} mails, by all rules.")
    return Exit.WELL


def _head(mail: Archived) -> tuple[str, str]:
    """Who wrote a mail, and its subject."""
    try:
        message = parse(mail.raw)
    except OSError as error:
        return "", str(error)
    return cut(", ".join(each.spec for each in message.authors), 30), cut(message.subject, 40)


def _planned(mail: Archived) -> dict[str, object]:
    record = mail.record
    sender, subject = _head(mail)
    return {
        "service": record.service,
        "mailbox": record.label,
        "locator": record.locator,
        "fetched": record.fetched,
        "length": record.length,
        "from": sender,
        "subject": subject,
    }


def _left(made: Plan) -> dict[str, object]:
    return {"left_out": made.skipped, "without_records": made.unrecorded, "without_service": dict(made.orphans)}


def _say_left(made: Plan) -> None:
    """Print what cannot be refiled, and why."""
    for name, number in sorted(made.orphans.items()):
        say(f"{number} mails are of the service {name}, which does not exist.")
        say("Add one of that name, enabled or not, to file them.")
    if made.skipped:
        say(f"Left out: {len(made.skipped)} files whose process is at work, or not yet cleaned up after by a run.")
    if made.unrecorded:
        say(f"Left out: {made.unrecorded} files without records. Only the journal's rows tell which mails are in them.")


def _say_refiled(done: Refiled, *, as_json: bool) -> int:
    """Print what became of refiled mail, a line for each service. Returns the exit status."""
    counts = {name: numbers for name, report in done.reports.items() if (numbers := _counted(report))}
    if as_json:
        say_json({"services": counts, "error": done.error, **_left(done.plan)})
    else:
        _say_counts(done, counts)
    if done.error:
        return Exit.UNREACHABLE
    waits = any({Status.HELD.value, Status.DEFERRED.value} & numbers.keys() for numbers in counts.values())
    return Exit.WAITING if waits else Exit.WELL


def _say_counts(done: Refiled, counts: Mapping[str, Mapping[str, int]]) -> None:
    for name, numbers in counts.items():
        say(f"{name}: {', '.join(f'{number} {outcome}' for outcome, number in numbers.items())}")
    if not counts:
        say("There was no mail to file.")
    _say_left(done.plan)
    if done.error:
        say(f"It ended early: {done.error} Nothing is lost: `archive refile` goes on where it ended.")


def _counted(report: Report) -> dict[str, int]:
    return {status.value: report.counts[status] for status in Status if report.counts[status] > 0}
