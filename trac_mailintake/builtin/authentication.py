"""screen, handle: how far Authentication-Results of our own mail servers are trusted (docs/behaviour.md#proof).

`tracker.people.directory` decides who acts as whom.
A sender is proved by DMARC, or by DKIM with exactly the domain of the address.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Hold
from trac_mailintake.intake.reasons import because
from trac_mailintake.intake.settings.policies import Authentication, declared
from trac_mailintake.mail.headers.authentication_results import spam

if TYPE_CHECKING:
    from collections.abc import Generator

    from trac_mailintake.hookspecs import Context
    from trac_mailintake.intake.model import Change, Objection
    from trac_mailintake.mail.message import Message

PARAMETERS: Final = declared(Authentication)
UNPROVED: Final = "(Nothing proves who sent this mail: its sender is from the header only.)"


@hookimpl
def mailintake_screen(message: Message, context: Context) -> Objection | None:
    """Hold mail that a trusted host marked as spam."""
    hosts = context.service.authentication.authserv_ids
    mark = spam(message.fields, hosts) if hosts else ""
    return because(Hold, reasons.SPAM(mark=mark)) if mark else None


@hookimpl(wrapper=True, tryfirst=True)
def mailintake_change(context: Context) -> Generator[None, Change, Change]:
    """Add a note that the sender is not proved, if the service has `show_auth`."""
    change = yield
    if context.sender.proof or not context.service.authentication.show_auth:
        return change
    return replace(change, text="\n\n".join(filter(None, (change.text, UNPROVED))))
