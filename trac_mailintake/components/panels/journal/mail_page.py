"""Content for the page of one message: headers, the text as filed, attachments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac_mailintake.components.panels.journal.read_apart import Read, read_apart
from trac_mailintake.intake import reasons
from trac_mailintake.tracker.journal.filed_text import filed_text

if TYPE_CHECKING:
    from trac.env import Environment

    from trac_mailintake.mail.spool import Slice
    from trac_mailintake.tracker.journal.filed_text import FiledText
    from trac_mailintake.tracker.journal.journal import Entry

LARGEST: Final = 32 * 1024 * 1024
"""Largest message, in bytes, that is parsed for its page."""
_LINE: Final = re.compile(r"\n(?![ \t])")
"""The end of a field (RFC 5322, section 2.2.3)."""
_SHOWN: Final = 64 * 1024
"""Bytes that are shown as they are of a message that could not be read."""
_NOTHING: Final = Read("", (), ())
_CRASHED: Final = (
    "This mail ended each process that read it, so it is not read here. Below are its header and its first bytes, as"
    " they are."
)
_UNREAD: Final = (
    "This mail could not be read in time, or without harm. Below are its header and its first bytes, as they are."
)
_REFUSED: Final = {
    reasons.ATTACHMENT_REFUSED.slug: "refused",
    reasons.ATTACHMENT_EMPTY.slug: "left out",
    reasons.ATTACHMENT_KNOWN.slug: "left out",
}


@dataclass(frozen=True, slots=True)
class Inside:
    """The content of a message. All of it was written by strangers: a page must show it as text only.

    `filed` is the text as filed (None: not filed, or deleted since). `text` and `parts` (names, types) are the
    message's own, `headers` all its fields in order. `unread` says why they could not be read; then `text` has the
    first bytes after the header, and `headers` its lines, if they can be shown at all.
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
    read, unread = _read(env, entry)
    return Inside(filed, refused, read.text, read.parts, read.headers, unread)


def _read(env: Environment, entry: Entry) -> tuple[Read, str]:
    """What is shown of the message, and why it is not all of it, or ""."""
    if entry.raw is None or entry.purged or entry.raw.length > LARGEST:
        return _NOTHING, _hidden(entry)
    crashed = entry.outcome == "held" and entry.rule == reasons.CRASHES.slug
    read = None if crashed else read_apart(entry.raw, env.path)
    if read is not None:
        return read, ""
    try:
        return _as_it_is(entry.raw), _CRASHED if crashed else _UNREAD
    except OSError:
        return _NOTHING, "The bytes of this mail are no longer kept."


_FILED: Final = ("created", "commented")


def _hidden(entry: Entry) -> str:
    """Why nothing of the message's own is shown."""
    if entry.purged:
        return "The bytes of this mail were purged: it is older than [mailintake] archive_days."
    if entry.raw is None:
        return "Of this mail only the headers were read: it was never archived."
    return "This mail is too large to be shown here. Download it to look into it."


def _as_it_is(raw: Slice) -> Read:
    """The lines of the header and the first bytes after it, without being read. Raises OSError."""
    start = raw.read(_SHOWN).decode("utf-8", "replace").replace("\r\n", "\n")
    header, _, body = start.partition("\n\n")
    fields = [line.partition(":") for line in _LINE.split(header)]
    return Read(body, (), tuple((name, value.strip()) for name, _, value in fields))
