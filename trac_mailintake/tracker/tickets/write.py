"""record: a prepared change becomes a ticket or a comment, inside the recorder's transaction.

There is no network, no decoding and no plugin: these are used in `tickets.prepare`, or after the commit.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from trac.attachment import Attachment, AttachmentModule
from trac.resource import ResourceNotFound
from trac.ticket.api import TicketSystem
from trac.ticket.model import Ticket
from trac.ticket.notification import TicketAttachmentNotifier
from trac.util.datefmt import from_utimestamp, to_utimestamp

from trac_mailintake.intake.errors import Stale
from trac_mailintake.tracker.db.transaction import chunks, is_sqlite, marks
from trac_mailintake.tracker.tickets import comment_numbers, place_attachments
from trac_mailintake.tracker.trac_calls.unobserved_env import QuietEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from trac.env import Environment
    from trac.web.api import Request

    from trac_mailintake.intake.ports import Prepared
    from trac_mailintake.intake.times import Microseconds
    from trac_mailintake.tracker.people.contacts import Newcomer
    from trac_mailintake.tracker.tickets.comment_numbers import Comments
    from trac_mailintake.tracker.tickets.place_attachments import Attached, Enclosure

    Call = Callable[[], object]

_TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Draft:
    """`Prepared.native`: Trac's ticket with the changes applied, and everything else to write.

    `ticket` is never modified: `write` works on copies, so that a draft can be written again after a rollback.
    `enclosures`: staged attachments. `address`: an unmapped sender who must not be notified of their own mail, or "".
    `newcomer`: the sender to remember with it (`createusers`).
    """

    ticket: Ticket
    author: str
    comment: str
    enclosures: tuple[Enclosure, ...]
    action: str
    controllers: tuple[Any, ...]
    request: Request
    address: str = ""
    quiet: bool = False
    newcomer: Newcomer | None = None


@dataclass(frozen=True, slots=True)
class Filed:
    """What was written, and must be announced after the commit.

    `comment`: its number; None for a new ticket. `when`: the time that Trac shows, in UTC.
    `calls`: the listeners and the workflow's side effects, not yet called. `attached`: its files are not
    in place yet.
    """

    ticket: int
    comment: int | None
    when: datetime
    author: str
    quiet: bool
    address: str
    text: str
    model: Ticket
    attached: Attached
    calls: tuple[Call, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Locked:
    """A ticket that a transaction has locked: when it was last changed, and its comments."""

    changed: Microseconds
    comments: Comments


def lock(env: Environment, several: Iterable[Prepared]) -> dict[int, Locked]:
    """Lock the rows of the tickets that these change, until the end of the surrounding `db_transaction`.

    Returns them by number; a missing one was deleted.
    """
    numbers = sorted({draft.ticket.id for each in several if (draft := _draft(each)).ticket.exists})
    whole = is_sqlite(env)
    changed: dict[int, Microseconds] = {}
    with env.db_transaction as db:
        for some in chunks(numbers):
            if whole:  # a first write locks the whole database
                db(f"UPDATE ticket SET changetime=changetime WHERE id IN ({marks(some)})", some)
            rows = f"SELECT id, changetime FROM ticket WHERE id IN ({marks(some)}) ORDER BY id"
            changed |= db(rows if whole else f"{rows} FOR UPDATE", some)
    comments = comment_numbers.existing(env, list(changed))
    return {number: Locked(last, comments[number]) for number, last in changed.items()}


def write(env: Environment, prepared: Prepared, when: datetime, locked: Mapping[int, Locked]) -> Filed:
    """Write a prepared change, in the transaction whose `lock` gave `locked`; `Placement.link` adds its files.

    `when` becomes later if the ticket has a later change. Raises Stale if the ticket has changed since the decision,
    and whatever the database raises.
    """
    draft = _draft(prepared)
    return _amend(env, draft, when, locked) if draft.ticket.exists else _create(env, draft, when)


def enclosures(several: Iterable[Prepared]) -> list[Enclosure]:
    """The staged attachments of these."""
    return [each for prepared in several for each in _draft(prepared).enclosures]


def _draft(prepared: Prepared) -> Draft:
    assert isinstance(prepared.native, Draft)  # noqa: S101 - only our own `prepare` makes what comes here
    return prepared.native


def _create(env: Environment, draft: Draft, when: datetime) -> Filed:
    ticket = _copied(env, draft.ticket)
    ticket.insert(when)
    attached = place_attachments.attach(env, ticket.id, draft.enclosures, when, draft.author)
    calls: list[Call] = [partial(listener.ticket_created, ticket) for listener in TicketSystem(env).change_listeners]
    return _filed(env, draft, ticket, None, when, attached, calls)


def _amend(env: Environment, draft: Draft, when: datetime, locked: Mapping[int, Locked]) -> Filed:
    ticket, last = _as_it_is(env, draft.ticket, locked)
    before = locked[ticket.id].comments
    when = max(when, last + _TICK, (before.latest or last) + _TICK)
    old = dict(ticket._old)  # noqa: SLF001 - Trac's listeners are told of it, and only the model knows it
    attached = place_attachments.attach(env, ticket.id, draft.enclosures, when, draft.author)
    number = ticket.save_changes(draft.author, draft.comment, when)
    if number:
        number = comment_numbers.ensure_unique(env, ticket.id, when, number, before)
    calls: list[Call] = [
        partial(listener.ticket_changed, ticket, draft.comment, draft.author, old)
        for listener in TicketSystem(env).change_listeners
    ]
    return _filed(env, draft, ticket, number or None, when, attached, calls)


def _as_it_is(env: Environment, seen: Ticket, locked: Mapping[int, Locked]) -> tuple[Ticket, datetime]:
    """The ticket to change, whose row is locked, and the time of its last change.

    A change by somebody else meanwhile is harmless unless it affects the basis of the decision: the status, and the
    fields that we change. Raises Stale in that case, or if the ticket is gone.
    """
    if seen.id not in locked:
        raise Stale(f"Ticket #{seen.id} was deleted meanwhile.")
    last = locked[seen.id].changed
    ticket = _copied(env, seen) if last == to_utimestamp(seen["changetime"]) else _rebased(env, seen)
    return ticket, from_utimestamp(last)


def _rebased(env: Environment, seen: Ticket) -> Ticket:
    """The present ticket with our changes applied. Raises Stale if they no longer fit."""
    try:
        ticket = Ticket(QuietEnvironment(env), seen.id)
    except ResourceNotFound:
        raise Stale(f"Ticket #{seen.id} was deleted meanwhile.") from None
    before: Mapping[str, object] = {**seen.values, **seen._old}  # noqa: SLF001 - what the fields were when we decided
    for name in {"status", *seen._old}:  # noqa: SLF001 - likewise
        if (ticket[name] or "") != (before.get(name) or ""):
            raise Stale(f"The field {name} of ticket #{seen.id} was changed meanwhile.")
    for name in seen._old:  # noqa: SLF001 - likewise
        ticket[name] = seen[name]
    return ticket


def _copied(env: Environment, ticket: Ticket) -> Ticket:
    """A copy of the ticket, whose listeners are not called while it is written."""
    copied = copy.copy(ticket)
    copied.env = QuietEnvironment(env)
    copied.values = dict(ticket.values)
    copied._old = dict(ticket._old)  # noqa: SLF001 - a copy has to take it along
    return copied


def _filed(
    env: Environment,
    draft: Draft,
    ticket: Ticket,
    comment: int | None,
    when: datetime,
    attached: Attached,
    calls: list[Call],
) -> Filed:
    ticket.env = env
    for place, enclosure in enumerate(attached.enclosures):
        calls += _attached(env, ticket.id, enclosure, when + place * _TICK, draft.author)
    if draft.action:
        calls += [
            partial(each.apply_action_side_effects, draft.request, ticket, draft.action) for each in draft.controllers
        ]
    return Filed(
        ticket.id,
        comment,
        when,
        draft.author,
        draft.quiet,
        draft.address,
        draft.comment,
        ticket,
        attached,
        tuple(calls),
    )


def _attached(env: Environment, ticket: int, enclosure: Enclosure, when: datetime, author: str) -> list[Call]:
    """The calls of the attachment listeners, without Trac's notifier: one mail causes one notification."""
    attachment = Attachment(env, "ticket", ticket)
    attachment.filename = enclosure.name
    attachment.description = enclosure.description
    attachment.size = enclosure.staged.size
    attachment.date = when
    attachment.author = author
    return [
        partial(listener.attachment_added, attachment)
        for listener in AttachmentModule(env).change_listeners
        if not isinstance(listener, TicketAttachmentNotifier)
    ]
