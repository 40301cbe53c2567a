"""handle: which parts of a message are attached (spec 6, Attachments)."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.model import Attachment
from trac_mailintake.intake.settings import Kind, Parameter
from trac_mailintake.mail.plain import neutral

if TYPE_CHECKING:
    from trac_mailintake.intake.settings import Values
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
_ALWAYS_SIGNATURES: Final = frozenset({"smime.p7s", "signature.asc"})
_KEYS: Final = "application/pgp-keys"
_BLANK: Final = 4
"""Bytes of a part that may be line ends alone."""
_NAMED: Final = 20
"""Names in a note."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is attached, and what the ticket has to say of what is not, as wiki text ("" when nothing)."""

    attachments: tuple[Attachment, ...]
    note: str = ""


def choose(message: Message, kept: str, removed: str, parameters: Values) -> Chosen:
    """The parts to attach. `kept` and `removed` are what was filed of the text and what was cut from it."""
    most = parameters.number("max_size")
    wanted = tuple(part for part in message.parts if _wanted(part, message, kept, removed, parameters))
    if most and message.size > most:
        return Chosen((), _too_large(message, most, wanted))
    return Chosen(tuple(Attachment(part.filename, part) for part in wanted))


def _wanted(part: Part, message: Message, kept: str, removed: str, parameters: Values) -> bool:
    return not (
        _is_empty(part)
        or _is_signature(part, message)
        or _is_excluded(part.filename, parameters.words("attachment_exclude"))
        or _is_unseen(part, message, kept, removed)
    )


def _is_empty(part: Part) -> bool:
    """Whether nothing but line ends lies in the part. Raises OSError."""
    return part.body.length <= _BLANK and not part.body.read().strip()


def _is_signature(part: Part, message: Message) -> bool:
    """A detached signature (RFC 1847, 2.1): of no use without the exact bytes of what it signs."""
    if part.content_type in _SIGNATURES or part.filename.lower() in _ALWAYS_SIGNATURES:
        return True
    signed = message.get("Content-Type").lstrip().lower().startswith("multipart/signed")
    return signed and part.content_type != _KEYS and part.filename.lower().endswith(_SIGNATURE_NAMES)


def _is_excluded(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in patterns)


def _is_unseen(part: Part, message: Message, kept: str, removed: str) -> bool:
    """An inline image that only what was cut shows, such as the logo of a quoted signature, or that HTML never showed.

    Plain text that says nothing of an image proves nothing: many programs show it in the HTML alone.
    """
    if not (part.inline and part.content_type.startswith("image/")) or _refers(kept, part):
        return False
    return _refers(removed, part) or (message.markup and bool(part.content_id))


def _refers(text: str, part: Part) -> bool:
    return part.filename in text or (bool(part.content_id) and part.content_id in text)


def _too_large(message: Message, most: int, left_out: tuple[Part, ...]) -> str:
    names = [f"{part.filename} ({_readable(_decoded_size(part))})" for part in left_out[:_NAMED]]
    if len(left_out) > _NAMED:
        names.append(f"{len(left_out) - _NAMED} more")
    sizes = f"The mail has {_readable(message.size)}, and at most {_readable(most)} are taken"
    what = f"not attached: {', '.join(names)}" if names else "it is in the archive"
    return neutral(f"{sizes}; {what}.")


def _decoded_size(part: Part) -> int:
    """About how many bytes the part has once decoded (RFC 2045, 6.8: four for three, and a line end each 76)."""
    return part.body.length * 3 * 76 // (4 * 78) if part.encoding == "base64" else part.body.length


def _readable(size: int) -> str:
    for unit, factor in (("MB", 1024**2), ("KB", 1024)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
