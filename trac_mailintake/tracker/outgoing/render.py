"""record: builds messages from rows of the outbox: a forward with its original, an alert, a notice, or a digest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from trac_mailintake.intake import reasons
from trac_mailintake.tracker.archive.store import found
from trac_mailintake.tracker.message_ids import ticket_mails
from trac_mailintake.tracker.options import SECTION
from trac_mailintake.tracker.outgoing.forwarded_mail import Forwarded, forward
from trac_mailintake.tracker.outgoing.headers import journal, letter, line
from trac_mailintake.tracker.people import reply_address

if TYPE_CHECKING:
    from collections.abc import Sequence
    from email.message import EmailMessage

    from trac.env import Environment

COLUMNS: Final = (
    "o.id, o.kind, o.service, o.fence, o.attempts, o.digest, o.subject, o.body, o.recipient, o.delivery, s.forward, "
    "s.addresses, d.archive, d.archive_offset, d.archive_length, d.subject, d.sender, d.trail, d.message_id, "
    "d.ticket"
)


class Due(NamedTuple):
    """A row of the outbox to send; see COLUMNS."""

    id: int
    kind: str
    service: str
    fence: int
    attempts: int
    digest: int
    rule: str
    """The rule; for a notice, its subject."""
    reason: str
    """The reason; for a notice, its text."""
    told: str | None
    delivery: int | None
    forward: str | None
    addresses: str | None
    archive: str | None
    archive_offset: int | None
    archive_length: int | None
    subject: str | None
    sender: str | None
    trail: str | None
    message_id: str | None
    ticket: int | None

    @property
    def failure(self) -> bool:
        """Whether this is about a mail that failed. A stopped service is reported at once, and only once."""
        return self.kind != "notice" and reasons.rule(self.rule).alarming

    @property
    def name(self) -> str:
        """What the row is, for people."""
        return f"The {self.kind} of mail {self.delivery}" if self.delivery else f"The {self.kind} of {self.service}"


def recipient(env: Environment, dues: Sequence[Due]) -> str:
    """The recipient: the sender for notices, the forward address for forwards, the administrator for the rest."""
    first = dues[0]
    if first.kind == "notice":
        return first.told or ""
    if first.kind == "forward" and len(dues) == 1:
        return first.forward or ""
    return env.config.get(SECTION, "admin_address").strip() or first.forward or ""


def render(env: Environment, dues: Sequence[Due], recipient: str) -> bytes:
    """The whole message, with CR LF. Raises OSError when the archive cannot be read."""
    first = dues[0]
    if len(dues) > 1:
        return _with(_begun(env, first, recipient, f"{len(dues)} failures in {first.service}"), _digest(env, dues))
    if first.kind == "forward":
        return forward(env, _forwarded(env, first), recipient)
    if first.kind == "notice":
        message = letter(env, recipient, first.rule, first.addresses or "", submitted="auto-replied")
        if ticket_mails.fit(first.message_id or ""):
            message["In-Reply-To"] = message["References"] = first.message_id
        _take_answers(env, message, first.ticket)
        return _with(message, first.reason)
    return _with(_begun(env, first, recipient, f"{first.service}: {first.rule}"), _said(env, first))


def _take_answers(env: Environment, message: EmailMessage, ticket: int | None) -> None:
    """Let answers to an acknowledgement go to the ticket's signed reply address, as those to notifications do."""
    address = env.config.get(SECTION, "address").strip()
    if ticket and "@" in address:
        keys, delimiter = reply_address.load_keys(env), reply_address.delimiter(env)
        message["Reply-To"] = reply_address.reply_address(keys, address, delimiter, ticket)


def _begun(env: Environment, due: Due, recipient: str, subject: str) -> EmailMessage:
    return letter(env, recipient, f"[{env.project_name}] Mail intake: {subject}", due.addresses or "")


def _with(message: EmailMessage, text: str) -> bytes:
    """The message with its text, with CR LF."""
    message.set_content(text, cte="quoted-printable")
    return message.as_bytes()


def _forwarded(env: Environment, due: Due) -> Forwarded:
    original = None
    if due.archive:
        original = found(env, due.archive, due.archive_offset or 0, due.archive_length or 0)
    subject, sender, trail, addresses = (each or "" for each in (due.subject, due.sender, due.trail, due.addresses))
    return Forwarded(due.delivery or 0, due.rule, due.reason, subject, sender, trail, addresses, original)


def _digest(env: Environment, dues: Sequence[Due]) -> str:
    said = [f"{number}. {_said(env, due)}" for number, due in enumerate(dues, start=1)]
    return f"Within an hour this went wrong in the service {dues[0].service}:\n\n" + "\n".join(said)


def _said(env: Environment, due: Due) -> str:
    lines = [f"{due.rule}: {due.reason}"]
    if due.delivery:
        lines += [f"   Mail:    {line(due.subject or '')}", f"   From:    {line(due.sender or '')}"]
        lines += [f"   Journal: {journal(env, due.delivery)}"]
        if due.kind == "forward":
            lines += ["   It is held: look at it there, and retry, release or discard it."]
    else:
        lines += [f"   Services: {env.abs_href('admin', 'mailintake', 'services')}"]
    return "\n".join(lines) + "\n"
