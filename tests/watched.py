"""A service that is watched: administrators get mail when it is overdue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.components.mails import Mailbox

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import TracEnv

HOUR = 3600 * 1_000_000
_TIMES = ("created", "resumed", "last_run", "last_success", "next_run", "failed")


def watch(trac: TracEnv, folder: Path, sink: SmtpSink) -> Mailbox:
    """A service whose rounds go well, an administrator who gets mail."""
    trac.notify_through(sink)
    trac.set(("mailintake", "admin_address", "root@example.org"))
    trac.grant("anonymous", "TICKET_CREATE")
    mailbox = Mailbox(trac, folder / "Maildir")
    assert mailbox.add_service("delay=5", "overdue=120", "afterwards=delete").status == 0
    assert mailbox.run().status == 0
    return mailbox


def later(mailbox: Mailbox, hours: float, *, times: tuple[str, ...] = _TIMES) -> None:
    """Let time pass: what has happened happened so much earlier."""
    shift = int(hours * HOUR)
    names = ", ".join(f"{name}=CASE WHEN {name}>0 THEN {name}-{shift} ELSE 0 END" for name in times)
    with mailbox.trac.env.db_transaction as db:
        db(f"UPDATE mailintake_service SET {names}")


def said(sink: SmtpSink) -> list[tuple[str, str]]:
    """Subjects and texts of what administrators were told."""
    letters = [each.message for each in sink.sent if "root@example.org" in each.recipients]
    return [(str(each["Subject"]), each.get_content()) for each in letters]
