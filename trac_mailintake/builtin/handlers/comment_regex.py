"""handle: a comment with the text before the first match of `splitregex`; never a new ticket, never an empty comment.

The expression is the administrator's, the text comes from outside: a search that takes too long is stopped.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from trac_mailintake.builtin.handlers import build_change
from trac_mailintake.hookspecs import Handler, hookimpl
from trac_mailintake.intake import timed_regex
from trac_mailintake.intake.model import Followup
from trac_mailintake.intake.settings import Kind, Parameter
from trac_mailintake.mail.reply.new_text import Cut
from trac_mailintake.mail.wiki import truncate

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Context
    from trac_mailintake.intake.model import Change, Objection, Target
    from trac_mailintake.mail.message import Message

log = logging.getLogger(__name__)


def handle(message: Message, target: Target, context: Context) -> Change | Objection:
    """The comment, or why there is no ticket to comment on. Raises OSError."""
    if not isinstance(target, Followup):
        return build_change.without_ticket(target.because or target.reason, context)
    return build_change.comment(
        message, target, context, _split(message, context.service.parameters.text("splitregex"))
    )


def _split(message: Message, typed: str) -> Cut:
    """The text before the first match, and the rest; the whole text if nothing would be left or the time runs out."""
    whole = Cut(message.text, "")
    if not typed:
        return whole
    try:
        begin = timed_regex.read(typed).begin(message.text)
    except TimeoutError:
        log.warning("splitregex took too long for %s; its text is kept whole", message.message_id or message.sha256)
        return whole
    if begin is None or not message.text[:begin].strip():
        return whole
    kept = truncate.ended(message.text, begin) if message.markup else message.text[:begin]
    return Cut(kept.rstrip(), message.text[begin:])


HANDLER: Final = Handler(
    name="comment-regex",
    label="Comment with the text before a pattern; mail without a ticket is forwarded or held",
    handle=handle,
    parameters=(
        *build_change.COMMON,
        *build_change.COMMENTING,
        Parameter(
            "splitregex",
            Kind.EXPRESSION,
            "",
            "Cut comments where this first matches, such as /^-+ ?Original Message/mi. Empty: cut nothing",
        ),
    ),
)


@hookimpl
def mailintake_handlers() -> tuple[Handler, ...]:
    """Offer this module's handler."""
    return (HANDLER,)
