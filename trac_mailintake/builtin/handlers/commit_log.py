"""handle: mail about a commit (CVS, Subversion, Git) becomes a comment on the ticket that its log names.

If the log names several tickets, the first one counts: one mail is one change.
The diff is cut; the journal has the whole mail.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from trac_mailintake.builtin.handlers import build_change
from trac_mailintake.hookspecs import Handler, hookimpl
from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Followup, Hold, Proof, Reopen
from trac_mailintake.intake.reasons import because
from trac_mailintake.intake.settings import Kind, Parameter
from trac_mailintake.mail.message import Origin
from trac_mailintake.mail.reply.new_text import Cut
from trac_mailintake.mail.wiki import truncate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac_mailintake.hookspecs import Context
    from trac_mailintake.intake.model import Change, Objection, Target
    from trac_mailintake.mail.message import Message
    from trac_mailintake.mail.wording import Reason

_ANONYMOUS: Final = "anonymous"
_NAMED: Final = re.compile(
    r"""
      \b[a-z]{2,10}://\S*                                      # a URL, skipped with all its numbers
    | \[[^\[\]]{0,200}\s\#[0-9]{1,9}\]                         # [other #12] is a foreign tracker's
    | (?<![\w&/\#=-])\#(?P<bare>[1-9][0-9]{0,8})(?![\w-])      # refs #12
    | (?<![\w-])(?:ticket|issue|bug):(?P<said>[1-9][0-9]{0,8})(?![\w-])
    | (?<![\w-])(?P<key>[A-Za-z][A-Za-z0-9_]{0,63})-(?P<keyed>[1-9][0-9]{0,8})(?![\w-])
    """,
    re.IGNORECASE | re.VERBOSE,
)
_DIFF: Final = re.compile(r"^(?:diff (?:--git|-[a-z0-9])|Index: |--- \S|@@ -[0-9])", re.MULTILINE)
_NUMBERS: Final = 20
"""Numbers in a log to look up at most: each costs a query."""


def handle(message: Message, target: Target, context: Context) -> Change | Objection:
    """The comment, or why there is none. Raises OSError.

    The comment never reopens a ticket. An automatic answer causes no notification.
    """
    parted = _without_diff(message)
    named = _named(f"{message.subject}\n{parted.kept}", context)
    if named is None and not isinstance(target, Followup):
        return build_change.without_ticket(reasons.UNNAMED(), context)
    if named is not None:
        if context.sender.username == _ANONYMOUS or (context.sender.doubted and not _signed(target, named)):
            return because(Hold, _stranger(context, named))
        # TICKET_APPEND is checked later, as for every comment. Without TICKET_VIEW, users who may append but not view
        # could write into hidden tickets by guessing numbers.
        if not context.reader.may(context.sender.username, "TICKET_VIEW", named):
            return because(Hold, reasons.PERMISSION_TO_SEE(ticket=named, user=context.sender.username))
        target = because(Followup, reasons.COMMIT_LOG(ticket=named), ticket=named, proof=Proof.HANDLER)
    assert isinstance(target, Followup)  # noqa: S101 - one of the two is given; this is for mypy
    change = build_change.comment(message, target, context, parted)
    return replace(change, reopen=Reopen.NEVER, quiet=_is_answer(message))


def _without_diff(message: Message) -> Cut:
    """Split the text into log and diff. If the diff begins within a block of code, that block is closed."""
    text = message.text
    match = _DIFF.search(text)
    if match is None or not text[: match.start()].strip():
        return Cut(text, "")
    kept = truncate.ended(text, match.start()) if message.markup else text[: match.start()]
    return Cut(kept.rstrip(), text[match.start() :])


def _named(log: str, context: Context) -> int | None:
    """The first ticket that the log names."""
    for number in islice(_numbers(log, context.reader.project_key().casefold()), _NUMBERS):
        if context.reader.ticket(number) is not None:
            return number
    return None


def _numbers(log: str, key: str) -> Iterator[int]:
    for match in _NAMED.finditer(log):
        number = match["bare"] or match["said"]
        if not number and key and (match["key"] or "").casefold() == key:
            number = match["keyed"]
        if number:
            yield int(number)


def _signed(target: Target, ticket: int) -> bool:
    """Whether the mail came to the signed reply address of the ticket."""
    return isinstance(target, Followup) and target.proof is Proof.SIGNATURE and target.ticket == ticket


def _stranger(context: Context, ticket: int) -> Reason:
    if context.sender.doubted:
        return reasons.UNPROVED_COMMITS(ticket=ticket)
    if context.sender.address:
        return reasons.STRANGER_COMMITS(ticket=ticket, sender=context.sender.address)
    return reasons.STRANGER_COMMITS_NAMELESS(ticket=ticket)


def _is_answer(message: Message) -> bool:
    """Whether this is a bounce or an automatic answer: a notification about it would be answered in turn."""
    if message.origin is Origin.REPORT:
        return True
    generated = message.get("Auto-Submitted").strip().lower().startswith("auto-generated")
    return message.origin is Origin.RESPONDER and not (generated and not message.in_reply_to)


HANDLER: Final = Handler(
    name="commit-log",
    label="Comment on the ticket that a commit's log names; mail without a ticket is forwarded or held",
    handle=handle,
    parameters=(
        *(replace(each, default="verbatim") if each.name == "text" else each for each in build_change.COMMON),
        Parameter(
            "bulk",
            Kind.CHOICE,
            "accept",
            "What to do with automatic mail, which mail about commits is",
            choices=("accept", "hold", "forward", "ignore", "delete"),
        ),
    ),
)


@hookimpl
def mailintake_handlers() -> tuple[Handler, ...]:
    """Offer this module's handler."""
    return (HANDLER,)
