"""handle: turn a message into a ticket or a comment, or into an objection if it can be neither.

The handlers in this package choose among these functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.builtin.handlers import cc_and_owner, choose_attachments, ticket_text
from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Change, Reopen
from trac_mailintake.intake.settings import Kind, Parameter
from trac_mailintake.mail.reply.weigh import Why

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Context
    from trac_mailintake.intake.model import Followup, NewTicket, Objection
    from trac_mailintake.intake.settings import Values
    from trac_mailintake.mail.message import Message
    from trac_mailintake.mail.reply.new_text import Cut
    from trac_mailintake.mail.wording import Reason

_PRESETS: Final = (
    Parameter("type", Kind.TEXT, "", "Type of new tickets"),
    Parameter("component", Kind.TEXT, "", "Component of new tickets"),
    Parameter("milestone", Kind.TEXT, "", "Milestone of new tickets"),
    Parameter("version", Kind.TEXT, "", "Version of new tickets"),
    Parameter("priority", Kind.TEXT, "", "Priority of new tickets"),
    Parameter("severity", Kind.TEXT, "", "Severity of new tickets"),
    Parameter("keywords", Kind.TEXT, "", "Keywords of new tickets"),
    Parameter("owner", Kind.USER, "", "Owner of new tickets. Empty: as Trac decides"),
    Parameter("cc", Kind.TEXT, "", "Cc of new tickets"),
)
PRESETS: Final = tuple(parameter.name for parameter in _PRESETS)
"""The ticket fields that a service can preset."""
COMMON: Final = (*ticket_text.PARAMETERS, *choose_attachments.PARAMETERS, *cc_and_owner.WATCHING)
"""Parameters for tickets and comments."""
OF_TICKETS: Final = (
    *_PRESETS,
    Parameter("issuetype", Kind.TEXT, "", "JIRA's word for type: the number of a ticket type in their order"),
    Parameter(
        "project",
        Kind.TEXT,
        "",
        "JIRA's word for where new tickets go. It must name this environment: "
        "by its folder, the project's name, or [mailintake] project_key",
    ),
    *cc_and_owner.ASSIGNING,
)
"""Parameters for new tickets."""
_CUT: Final = {
    Why.MARKS: reasons.REPLY_CUT.wording,
    Why.HTML: reasons.REPLY_CUT_HTML,
    Why.ATTRIBUTION: reasons.REPLY_CUT_ATTRIBUTION,
    Why.HEADER: reasons.REPLY_CUT_HEADER,
    Why.SEPARATOR: reasons.REPLY_CUT_SEPARATOR,
    Why.SIGNATURE: reasons.REPLY_CUT_SIGNATURE,
    Why.PHONE: reasons.REPLY_CUT_PHONE,
    Why.FOOTER: reasons.REPLY_CUT_FOOTER,
}
"""What the trail says of lines that were cut."""
STRIPQUOTES: Final = Parameter(
    "stripquotes", Kind.BOOLEAN, default=True, help="Cut quotes and signatures from comments"
)
COMMENTING: Final = (
    Parameter(
        "closed",
        Kind.CHOICE,
        "reopen",
        "What a mail to a closed ticket does: reopen it when the workflow offers that to the sender, "
        "or only comment on it",
        choices=("reopen", "comment"),
    ),
)
"""For handlers that never create a ticket: `closed` without the choice `new`."""


def ticket(message: Message, target: NewTicket, context: Context) -> Change:
    """The message as a new ticket, including quotes: a forwarded mail is the report. Raises OSError."""
    chosen = choose_attachments.choose(message, message.text, "", context.service)
    note = target.note or ("" if target.related is None else f"Related to #{target.related}.")
    owner = cc_and_owner.assignee(message, context)
    return Change(
        target=target,
        sender=context.sender,
        summary=ticket_text.summary(message),
        text=text(message.text, message, context, chosen.note, note),
        fields=_fields(context.service.parameters) | ({"owner": owner} if owner else {}),
        attachments=chosen.attachments,
        cc=cc_and_owner.watchers(message, context),
    )


def comment(message: Message, target: Followup, context: Context, parted: Cut) -> Change:
    """The kept text of the message as a comment. Raises OSError.

    An automatic answer neither reopens the ticket nor causes a notification (docs/behaviour.md#automatic-mail).
    """
    chosen = choose_attachments.choose(message, parted.kept, parted.removed, context.service)
    machine = message.origin.is_answer
    reopens = context.service.parameters.text("closed") == "reopen" and not machine
    return Change(
        target=target,
        sender=context.sender,
        summary="",
        text=text(parted.kept, message, context, chosen.note),
        attachments=chosen.attachments,
        cc=cc_and_owner.watchers(message, context),
        reopen=Reopen.IF_ALLOWED if reopens else Reopen.NEVER,
        removed=parted.removed,
        because=why_cut(parted),
        quiet=machine,
    )


def why_cut(parted: Cut) -> tuple[Reason, ...]:
    """What the trail says of the lines that are not in the comment."""
    return tuple(_CUT[why](lines=lines) for why, lines in parted.why.items())


def without_ticket(lead: Reason | str, context: Context) -> Objection:
    """For a handler that only comments: forward the mail, or hold it if there is no forward address."""
    return context.forward_or_hold(reasons.NO_TICKET(lead=lead, handler=context.service.handler))


def text(written: str, message: Message, context: Context, *notes: str) -> str:
    """The wiki text of the message, the notes below it, and the sender if `reporterusername` acts for them."""
    manner = context.service.parameters.text("text")
    body = ticket_text.body(message, written, manner=manner, keeps_lines=context.reader.keeps_lines())
    return "\n\n".join(filter(None, (body, *notes, ticket_text.signature(message, context))))


def _fields(parameters: Values) -> dict[str, str]:
    """The configured presets; the number `issuetype` counts if there is no `type`."""
    presets = {name: parameters.text(name) for name in PRESETS}
    presets["type"] = presets["type"] or parameters.text("issuetype")
    return {name: value for name, value in presets.items() if value}
