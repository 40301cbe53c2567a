"""screen: a service may require a subject, as JIRA did (docs/behaviour.md#subject)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake import reasons
from trac_mailintake.intake.settings import Kind, Parameter

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Context
    from trac_mailintake.intake.model import Objection
    from trac_mailintake.mail.message import Message

PARAMETERS: Final = (
    Parameter(
        "require_subject",
        Kind.BOOLEAN,
        default=False,
        help="Forward mail without a subject, or hold it when there is no forward address",
    ),
)


@hookimpl
def mailintake_screen(message: Message, context: Context) -> Objection | None:
    """Object to a mail without a subject."""
    if message.subject.strip() or not context.service.parameters.flag("require_subject"):
        return None
    return context.forward_or_hold(reasons.REQUIRE_SUBJECT())
