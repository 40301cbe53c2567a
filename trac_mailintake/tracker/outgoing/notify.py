"""record: after the commit, calls listeners and the workflow's side effects, and sends one notification."""

from __future__ import annotations

from email.utils import parseaddr
from typing import TYPE_CHECKING

from trac.notification.api import NotificationSystem
from trac.notification.mail import EmailDistributor, RecipientMatcher
from trac.resource import ResourceNotFound
from trac.ticket.model import Ticket
from trac.ticket.notification import TicketChangeEvent

from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.mail.message import Address
from trac_mailintake.tracker.db.transaction import transaction
from trac_mailintake.tracker.lifecycle import transitions
from trac_mailintake.tracker.outgoing import smtp_refusals
from trac_mailintake.tracker.outgoing.outsiders import heard
from trac_mailintake.tracker.outgoing.smtp_time_budget import Patience
from trac_mailintake.tracker.people.directory import signature

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from trac.env import Environment

    from trac_mailintake.tracker.outgoing.outsiders import Subscription
    from trac_mailintake.tracker.tickets.write import Filed


def tells(env: Environment) -> bool:
    """Whether notifications are on: finding the recipients costs more than filing the mail."""
    system = NotificationSystem(env)
    return system.smtp_enabled or not all(isinstance(each, EmailDistributor) for each in system.distributors)


def announce(env: Environment, filed: Filed, patience: Patience | None = None) -> bool:
    """Announce what was committed. Returns False if the notification is still due. Never raises."""
    for call in filed.calls:
        try:
            call()
        except Exception:
            env.log.exception("A listener failed on ticket #%s, which is filed", filed.ticket)
    if filed.quiet:
        return True
    category = "created" if filed.comment is None else "changed"
    return (patience or Patience()).spend(
        lambda: _notify(env, filed.model, category, filed.when, filed.author, filed.text, filed.address)
    )


def renotify(env: Environment, ticket: int, comment: int | None, when: datetime, author: str) -> bool:
    """Send a notification that is still due after a crash or a failure of the server, as `announce` would have.

    Trac computes the Message-ID from ticket and time, so a repetition has the same id. Listeners are not called again.
    After a week this gives up.
    """
    try:
        model = Ticket(env, ticket)
    except ResourceNotFound:
        return True  # no notification about a deleted ticket
    category = "created" if comment is None else "changed"
    change = {} if comment is None else model.get_change(cdate=when) or {}
    text = change.get("fields", {}).get("comment", {}).get("new") or ""
    if not _notify(env, model, category, when, author, text, _writer(env, ticket, comment)):
        if not smtp_refusals.stale(when):
            return False
        smtp_refusals.note(env, ticket, when, "it could not be sent for a week")
    return True


def _notify(
    env: Environment, model: Ticket, category: str, when: datetime, author: str, text: str, address: str
) -> bool:
    """Send one notification, but not to `address`: unmapped senders are not notified of their own mail.

    Returns False if it is still due; it is not if it was refused for good.
    """
    if not tells(env):
        return True
    try:
        refused = _send(env, TicketChangeEvent(category, model, when, author, text or None), address)
        if refused:
            smtp_refusals.note(env, model.id, when, f"the outgoing server refused it: {refused}")
    except Exception:
        env.log.exception("The notification for ticket #%s did not go out; it will be sent later", model.id)
        return False
    return True


def _send(env: Environment, event: TicketChangeEvent, address: str) -> str:
    """Send the messages of an event, but not to `address`. Returns why some were refused for good, or ""."""
    system = NotificationSystem(env)
    wanted = [each for each in heard(system.subscriptions(event)) if each[0] or not _is(each[2], address)]
    letters = list(_letters(system, wanted))
    refusals = [_distribute(system, event, letter) for letter in letters]
    if event.category == "created" and system.smtp_enabled:
        accepted = (letter for letter, refusal in zip(letters, refusals, strict=True) if not refusal)
        _note_acknowledged(env, event.target.id, accepted)
    return "; ".join(filter(None, refusals))


def _note_acknowledged(env: Environment, ticket: int, letters: Iterable[Sequence[Subscription]]) -> None:
    """Store that the sender of a new ticket was told of it, if theirs is one of the addresses that `letters` went to.

    Trac leaves out addresses that it does not consider valid (trac/notification/mail.py, RecipientMatcher).
    """
    addresses = [str(each[2]) for letter in letters for each in letter if not each[0]]
    if not addresses:
        return
    matcher = RecipientMatcher(env)
    written = {mailbox_key(parseaddr(each)[1]) for each in addresses if matcher.match_recipient(each)}
    sql = "SELECT id, sender FROM mailintake_delivery WHERE ticket=%s AND state='created' AND acknowledge=1"
    rows = env.db_query(sql, (ticket,))
    for row, sender in rows:
        if mailbox_key(sender or "") in written:
            with transaction(env) as db:
                transitions.sender_told(db, row)


def _letters(system: NotificationSystem, wanted: Sequence[Subscription]) -> Iterable[Sequence[Subscription]]:
    """Group recipients by message, so that a refused message does not affect the recipients of others."""
    letters: dict[tuple[str, str], list[Subscription]] = {}
    for each in wanted:
        sid, authenticated, _, transport, layout = each
        layout = layout or system.get_preferred_format(sid, authenticated, transport)
        letters.setdefault((transport, layout), []).append(each)
    return letters.values()


def _distribute(system: NotificationSystem, event: TicketChangeEvent, letter: Sequence[Subscription]) -> str:
    """Send one message. Returns why it was refused for good, or "". Raises on temporary failures."""
    try:
        system.distribute_event(event, letter)
    except Exception as error:
        if not (said := smtp_refusals.for_good(error)):
            raise
        return said
    return ""


def _is(recipient: str | None, address: str) -> bool:
    """Whether a notification would go to `address`, also as it stands in a ticket, where Trac found it."""
    mine = {mailbox_key(address), mailbox_key(signature(Address("", address)))} - {""}
    return mailbox_key(parseaddr(recipient or "")[1]) in mine


def _writer(env: Environment, ticket: int, comment: int | None) -> str:
    """The address of the unmapped sender whose mail became the ticket or comment; "" if they may be notified of it."""
    where, values = ("comment IS NULL", (ticket,)) if comment is None else ("comment=%s", (ticket, comment))
    sql = f"SELECT sender, author, acknowledge FROM mailintake_delivery WHERE ticket=%s AND {where}"
    for address, author, acknowledge in env.db_query(sql, values):
        if acknowledge:
            return ""
        known = env.get_known_users(as_dict=True).get(author)
        if known is None or mailbox_key(known[1] or "") != mailbox_key(address or ""):
            return address or ""
    return ""
