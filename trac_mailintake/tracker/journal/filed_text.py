"""The text and attachments of a mail as filed, without later edits; and the authors of filed mails."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from trac.attachment import Attachment
from trac.resource import ResourceNotFound
from trac.ticket.model import Ticket

from trac_mailintake.intake.reasons import PROVED
from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.tracker.db.transaction import chunks, key, marks

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from trac.env import Environment

_TOGETHER: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class FiledText:
    """The description or comment, and the attachments that came with it: names and sizes in bytes."""

    text: str
    attachments: tuple[tuple[str, int], ...]


def filed_text(env: Environment, ticket: int, comment: int | None) -> FiledText | None:
    """The text filed as `comment` of the ticket (None: as its description); None if that was deleted."""
    try:
        found = Ticket(env, ticket)
    except ResourceNotFound:
        return None
    if comment is None:
        text, when = _description(found), found["time"]
    else:
        versions = sorted(found.get_comment_history(comment) or ())
        if not versions:
            return None
        _version, when, _author, text = versions[0]
    return FiledText(text or "", _attached(env, ticket, when))


def _description(ticket: Ticket) -> str:
    """The description before it was edited for the first time."""
    for _when, _author, field, old, _new, _permanent in ticket.get_changelog():
        if field == "description":
            return str(old)
    return str(ticket["description"])


def _attached(env: Environment, ticket: int, when: datetime) -> tuple[tuple[str, int], ...]:
    """The attachments filed with the text of time `when`; each has a time one microsecond after the one before."""
    attachments = Attachment.select(env, "ticket", ticket)
    return tuple((each.filename, each.size) for each in attachments if when <= each.date < when + _TOGETHER)


def filed_mails(env: Environment, deliveries: Iterable[int]) -> dict[int, tuple[str, str, bool]]:
    """By delivery: the service, the address (`mailbox_key`) of the one author (or ""), and whether it was proved."""
    found: dict[int, tuple[str, str, bool]] = {}
    for some in chunks(dict.fromkeys(deliveries)):
        rows = env.db_query(
            f"SELECT id, service, sender, sender_key, trail FROM mailintake_delivery WHERE id IN ({marks(some)})", some
        )
        for number, service, sender, sender_key, trail in rows:
            author = mailbox_key(sender or "")
            # Several authors are separated by commas, but one may contain a comma; the key is only of a single author.
            # Before 0.2, the key was made of the casefolded address.
            alone = sender_key in (key(author), key("proved", author), key((sender or "").casefold()))
            found[number] = (service, author if alone else "", _proved(trail))
    return found


def _proved(trail: str | None) -> bool:
    """Whether one of our mail servers vouched for the sender, by the first step of stage screen."""
    steps = json.loads(trail or "[]")
    return next((rule == PROVED.slug for stage, rule, _ in steps if stage == "screen"), False)
