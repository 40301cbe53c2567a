"""Content for the page of one message: headers, the text as filed, attachments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.mail.parse import parse
from trac_mailintake.tracker.journal.filed_text import filed_text

if TYPE_CHECKING:
    from trac.env import Environment

    from trac_mailintake.mail.message import Message
    from trac_mailintake.tracker.journal.filed_text import FiledText
    from trac_mailintake.tracker.journal.journal import Entry

LARGEST: Final = 32 * 1024 * 1024
"""Largest message, in bytes, that is parsed for its page."""
_LONGEST_TEXT: Final = 200_000
_REFUSED: Final = {
    reasons.ATTACHMENT_REFUSED.slug: "refused",
    reasons.ATTACHMENT_EMPTY.slug: "left out",
    reasons.ATTACHMENT_KNOWN.slug: "left out",
}


@dataclass(frozen=True, slots=True)
class Inside:
    """The content of a message. All of it was written by strangers: a page must show it as text only.

    `filed` is the text as filed (None: not filed, or deleted since). `text` and `parts` (names, types) are the
    message's own, `headers` all its fields in order. `unread` says why they could not be read.
    """

    filed: FiledText | None
    refused: tuple[tuple[str, str], ...]
    text: str = ""
    parts: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    unread: str = ""


def inside(env: Environment, entry: Entry) -> Inside:
    """Read the content of a message from the ticket and the archive."""
    filed = filed_text(env, entry.ticket, entry.comment) if entry.ticket and entry.outcome in _FILED else None
    refused = tuple((_REFUSED[step.rule], step.sentence) for step in entry.trail if step.rule in _REFUSED)
    message = _message(entry)
    if isinstance(message, str):
        return Inside(filed, refused, unread=message)
    parts = tuple((part.filename, part.content_type) for part in message.parts)
    return Inside(filed, refused, message.text[:_LONGEST_TEXT], parts, message.fields)


_FILED: Final = ("created", "commented")


def _message(entry: Entry) -> Message | str:
    """The parsed message, or a sentence why it cannot be shown."""
    if entry.purged:
        return "The bytes of this mail were purged: it is older than [mailintake] archive_days."
    if entry.raw is None:
        return "Of this mail only the headers were read: it was never archived."
    if entry.raw.length > LARGEST:
        return "This mail is too large to be shown here. Download it to look into it."
    try:
        return parse(entry.raw)
    except OSError:
        return "The bytes of this mail are no longer kept."
