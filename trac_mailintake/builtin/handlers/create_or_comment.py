"""handle: a comment on the ticket that the message belongs to, else a new ticket; attachments go with either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from trac_mailintake.builtin.handlers import attaching, writing
from trac_mailintake.hookspecs import Handler, hookimpl
from trac_mailintake.intake.model import Change, Followup, NewTicket, Reopen
from trac_mailintake.intake.settings import Kind, Parameter
from trac_mailintake.mail.message import Origin
from trac_mailintake.mail.quoting import Cut, cut

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Context
    from trac_mailintake.intake.model import Target
    from trac_mailintake.intake.settings import Values
    from trac_mailintake.mail.message import Message

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
"""The ticket fields that a service can set."""
_MACHINES: Final = frozenset({Origin.RESPONDER, Origin.REPORT})


def handle(message: Message, target: Target, context: Context) -> Change:
    """What becomes of the message. Raises OSError when the spool cannot be read."""
    match target:
        case Followup():
            return _comment(message, target, context)
        case NewTicket():
            return _ticket(message, target, context)
        case _:
            assert_never(target)


def _comment(message: Message, target: Followup, context: Context) -> Change:
    """What is new in the message; a machine's answer neither reopens nor notifies (spec 4, Automatic mail)."""
    parameters = context.service.parameters
    parted = cut(message.text) if parameters.flag("stripquotes") else Cut(message.text, "")
    chosen = attaching.choose(message, parted.kept, parted.removed, parameters)
    machine = message.origin in _MACHINES
    reopens = parameters.text("closed") == "reopen" and not machine
    return Change(
        target=target,
        sender=context.sender,
        summary="",
        text=_text(parted.kept, message, context, chosen.note),
        attachments=chosen.attachments,
        reopen=Reopen.IF_ALLOWED if reopens else Reopen.NEVER,
        removed=parted.removed,
        quiet=machine,
    )


def _ticket(message: Message, target: NewTicket, context: Context) -> Change:
    """The message as a new ticket, quotes and all: a forwarded mail is the report."""
    parameters = context.service.parameters
    chosen = attaching.choose(message, message.text, "", parameters)
    note = target.note or ("" if target.related is None else f"Related to #{target.related}.")
    return Change(
        target=target,
        sender=context.sender,
        summary=writing.summary(message),
        text=_text(message.text, message, context, chosen.note, note),
        fields=_fields(parameters),
        attachments=chosen.attachments,
    )


def _text(text: str, message: Message, context: Context, *notes: str) -> str:
    manner = context.service.parameters.text("text")
    body = writing.body(text, markup=message.markup, manner=manner)
    return "\n\n".join(filter(None, (body, *notes, writing.signature(message, context))))


def _fields(parameters: Values) -> dict[str, str]:
    """The presets that are set; `issuetype`, a number, counts where there is no `type`."""
    presets = {name: parameters.text(name) for name in PRESETS}
    presets["type"] = presets["type"] or parameters.text("issuetype")
    return {name: value for name, value in presets.items() if value}


HANDLER: Final = Handler(
    name="create-or-comment",
    label="Comment on the ticket that the mail belongs to, else create one",
    handle=handle,
    parameters=(
        *writing.PARAMETERS,
        Parameter("stripquotes", Kind.BOOLEAN, default=True, help="Cut quotes and signatures from comments"),
        *attaching.PARAMETERS,
        *_PRESETS,
        Parameter("issuetype", Kind.TEXT, "", "JIRA's word for type: the number of a ticket type in their order"),
    ),
)


@hookimpl
def mailintake_handlers() -> tuple[Handler, ...]:
    """This handler."""
    return (HANDLER,)
