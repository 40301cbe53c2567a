"""Incidents of ACME's monitoring, from mail: a handler, a screen and an amendment."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from trac_mailintake.api import Change, Handler, Hold, Kind, NewTicket, Parameter, Reopen, hookimpl, neutral

if TYPE_CHECKING:
    from collections.abc import Generator

    from trac_mailintake.api import Context, Message, Objection, Target

PARAMETERS = (
    Parameter(
        "acme_sensitivity", Kind.WORDS, (), "Hold mail whose Sensitivity field says one of these words, such as private"
    ),
)
TAG = re.compile(r"\[([a-z][a-z0-9-]{1,30})\]", re.IGNORECASE)


# screen: what nobody should read in a ticket waits for a person.


@hookimpl
def mailintake_screen(message: Message, context: Context) -> Objection | None:
    """Hold what its sender marked as sensitive (RFC 2156, 5.3.4)."""
    said = message.get("Sensitivity").strip().lower()
    if said and said in context.service.parameters.words("acme_sensitivity"):
        return Hold("acme-sensitivity", f"The mail is marked as {said}.")
    return None


# handle: an incident is a blocker, and its end a comment.


def handle(message: Message, target: Target, context: Context) -> Change:
    """A new ticket of the highest priority; a comment on the one that the mail belongs to."""
    text = message.text if message.markup else neutral(message.text)
    if isinstance(target, NewTicket):
        return Change(target, context.sender, message.subject, text, fields={"priority": "blocker"})
    return Change(target, context.sender, "", text, reopen=Reopen.IF_ALLOWED)


@hookimpl
def mailintake_handlers() -> tuple[Handler, ...]:
    """One more handler."""
    return (Handler("acme-incident", "Make an incident of every alarm", handle),)


# handle, amended: whatever the service's handler made of the mail.


@hookimpl(wrapper=True)
def mailintake_change(message: Message) -> Generator[None, Change, Change]:
    """Tags in the subject of a new ticket, such as [disk], become its keywords."""
    change = yield
    tags = TAG.findall(message.subject)
    if not tags or not isinstance(change.target, NewTicket):
        return change
    return replace(change, fields={**change.fields, "keywords": " ".join(tags)})
