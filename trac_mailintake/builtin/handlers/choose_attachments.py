"""handle: which parts of a message are attached (docs/behaviour.md#attachments)."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.model import Attachment
from trac_mailintake.intake.settings import Kind, Parameter
from trac_mailintake.mail.mime import tnef, transfer_encoding
from trac_mailintake.mail.text import calendar
from trac_mailintake.mail.wiki.escape import neutral

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Message, Part

PARAMETERS: Final = (
    Parameter(
        "attachment_exclude",
        Kind.WORDS,
        (),
        "Names of files not to attach, such as *.vcf; ? stands for any character, also for a blank",
    ),
)
_SIGNATURES: Final = frozenset(
    {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
)
_SIGNATURE_NAMES: Final = (".p7s", ".asc")
_FORK: Final = "application/applefile"
"""The resource fork of a Macintosh file (RFC 1740), which other systems cannot use."""
_KEYS: Final = "application/pgp-keys"
_CONTAINERS: Final = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_ENCRYPTED: Final = "This mail is encrypted: open the attachment with the key that it was written for."
_BLANK: Final = 4
"""A part of up to so many bytes may consist of line ends only."""
_NAMED: Final = 20
"""Names in a note at most."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The parts to attach, and a note about attachments for the ticket, as wiki text ("" if there is none)."""

    attachments: tuple[Attachment, ...]
    note: str = ""


def choose(message: Message, kept: str, removed: str, service: Service) -> Chosen:
    """Choose the parts to attach. `kept` is the text as filed, `removed` what was cut from it. Raises OSError."""
    most = service.size.max_size
    too_large = 0 < most < message.size
    parts = message.parts if too_large else chain.from_iterable(_unwrapped(part, message) for part in message.parts)
    excluded = service.parameters.words("attachment_exclude")
    wanted = tuple(part for part in parts if _wanted(part, message, kept, removed, excluded))
    if too_large:
        return Chosen((), _too_large(message, most, wanted))
    notes = (*_invitations(wanted), _sealed(message))
    return Chosen(
        tuple(Attachment(part.filename, part) for part in wanted),
        neutral("\n\n".join(filter(None, notes))),  # together: each of hundreds might just be bearable
    )


def _invitations(parts: Iterable[Part]) -> tuple[str, ...]:
    """What the calendar parts say, each once: clients send the same invitation as text and as a file."""
    return tuple(dict.fromkeys(calendar.told(part) for part in parts if calendar.is_calendar(part)))


def _unwrapped(part: Part, message: Message) -> tuple[Part, ...]:
    """The parts in a `winmail.dat`, its text only if the mail has no other; the part itself if unreadable."""
    contents = tnef.contents(part) if tnef.is_wrapping(part) else None
    if contents is None:
        return (part,)
    has_text = bool(message.text.strip())
    inside = contents.attachments if has_text else contents.bodies + contents.attachments
    return inside if inside or has_text else (part,)


def _sealed(message: Message) -> str:
    """A note for a mail whose text cannot be read because it is encrypted (RFC 8551, 3; RFC 3156, 4), or ""."""
    if message.text.strip():
        return ""
    content_type = message.get("Content-Type").lstrip().lower()
    if content_type.startswith(_CONTAINERS):
        if "signed-data" in content_type:
            return "The text of this mail lies within its signature: open the attachment in a mail program."
        return _ENCRYPTED
    return _ENCRYPTED if content_type.startswith("multipart/encrypted") else ""


def _wanted(part: Part, message: Message, kept: str, removed: str, excluded: tuple[str, ...]) -> bool:
    return not (
        _is_empty(part)
        or part.content_type == _FORK
        or _is_signature(part, message)
        or _is_excluded(part.filename, excluded)
        or _is_unseen(part, message, kept, removed)
    )


def _is_empty(part: Part) -> bool:
    """Whether the part contains only line ends. Raises OSError."""
    return part.body.length <= _BLANK and not part.body.read().strip()


def _is_signature(part: Part, message: Message) -> bool:
    """Whether this is a detached signature (RFC 1847, 2.1), which is useless without the exact signed bytes."""
    if part.content_type in _SIGNATURES:
        return True
    signed = message.get("Content-Type").lstrip().lower().startswith("multipart/signed")
    return signed and part.content_type != _KEYS and part.filename.lower().endswith(_SIGNATURE_NAMES)


def _is_excluded(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in patterns)


def _is_unseen(part: Part, message: Message, kept: str, removed: str) -> bool:
    """Whether an inline image is shown only by the cut text, such as a logo in a quote, or never by the HTML.

    If plain text does not mention an image, that proves nothing: many clients show it only in the HTML.
    """
    if not (part.inline and part.content_type.startswith("image/")) or _refers(kept, part):
        return False
    return _refers(removed, part) or (message.markup and bool(part.content_id))


def _refers(text: str, part: Part) -> bool:
    return part.filename in text or (bool(part.content_id) and part.content_id in text)


def _too_large(message: Message, most: int, left_out: tuple[Part, ...]) -> str:
    names = [f"{part.filename} ({_readable(transfer_encoding.about(part))})" for part in left_out[:_NAMED]]
    if len(left_out) > _NAMED:
        names.append(f"{len(left_out) - _NAMED} more")
    sizes = f"The mail has {_readable(message.size)}, and at most {_readable(most)} are taken"
    what = f"not attached: {', '.join(names)}" if names else "it is in the archive"
    return neutral(f"{sizes}; {what}.")


def _readable(size: int) -> str:
    for unit, factor in (("MB", 1024**2), ("KB", 1024)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
