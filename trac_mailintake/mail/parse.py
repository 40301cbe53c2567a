"""parse: bytes on disk in, a frozen Message out; bad mail is a list of defects.

The steps: `scanner` finds the structure, `field_values` reads the fields, `body_parts` sorts the leaves, `body_text`
decodes the text, and `sender_kind` determines the kind of sender.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail.classify import bounce_phrases, sender_kind
from trac_mailintake.mail.classify.sender_kind import Shape
from trac_mailintake.mail.defects import NO_AUTHOR, UNPARSABLE
from trac_mailintake.mail.headers import field_values
from trac_mailintake.mail.headers.field_values import Fields
from trac_mailintake.mail.limits import LIMITS
from trac_mailintake.mail.message import Defect, Message, Origin, Part
from trac_mailintake.mail.mime import body_parts, filenames, header_block, scanner
from trac_mailintake.mail.scrub import scrub
from trac_mailintake.mail.text import body_text, uuencoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trac_mailintake.mail.limits import Limits
    from trac_mailintake.mail.message import Address
    from trac_mailintake.mail.mime.scanner import Entity, Scan
    from trac_mailintake.mail.spool import Slice

_DIGESTED: Final = frozenset({"from", "date", "subject"})
"""The header fields of which duplicates have the same, besides those about content (RFC 2045, 3)."""


def parse(raw: Slice, limits: Limits = LIMITS) -> Message:
    """Parse the message in `raw`. Raises only OSError, if it cannot be read, whatever the bytes are."""
    try:
        return _parse(raw, limits)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - hostile bytes must never stop a round: what can be read is kept
        return _unparsable(raw, error)


def _parse(raw: Slice, limits: Limits) -> Message:
    scan = scanner.scan(raw, limits)
    fields = Fields(scan.entities[0].fields)
    reader = body_text.Reader(raw, scan.tape.memory(), limits)
    leaves = body_parts.arrange(scan.entities, reader.says_something)
    kept = (leaf for leaf in leaves.files if leaf.end > leaf.body or body_parts.disposition_of(leaf)[1])
    parts = tuple(_part(raw, leaf, reader, limits) for leaf in kept)
    images = {part.content_id: part.filename for part in parts if part.content_id and _is_image(part.content_type)}
    enclosed = uuencoded.taken_out(raw, reader, leaves.texts)
    text = body_text.joined(reader, leaves.texts, images, limits)
    text_parts = tuple(_part(raw, leaf, reader, limits) for leaf in leaves.texts)
    content = _Content(text, text_parts, (*parts, *enclosed))
    return _message(scan, fields, _shape(scan, parts, text.text), content, limits)


def _shape(scan: Scan, parts: Iterable[Part], text: str) -> Shape:
    """The properties that show the kind of sender."""
    root = scan.entities[0]
    kinds = frozenset(part.content_type for part in parts)
    return Shape(root.content_type, root.parameters, kinds, text[: bounce_phrases.BEGINNING])


@dataclass(frozen=True, slots=True)
class _Content:
    """The content of the body."""

    text: body_text.Text
    text_parts: tuple[Part, ...]
    parts: tuple[Part, ...]


def _message(scan: Scan, fields: Fields, shape: Shape, content: _Content, limits: Limits) -> Message:
    """Build the message from its header fields and its content."""
    text = content.text
    subject = field_values.decoded(fields.get("subject"))
    authors = fields.addresses("from", limit=limits.addresses)
    kind, reason = sender_kind.origin(fields, subject, shape)
    decoded = fields.decoded()
    defects = (*scan.defects, *_left_out(fields), *field_values.damage(decoded), *text.defects)
    return Message(
        message_id=field_values.message_id(fields.get("message-id")),
        in_reply_to=field_values.ids(" ".join(fields.get_all("in-reply-to")))[: limits.ids],
        references=_references(fields, limits),
        authors=authors,
        author=_author(fields, authors, defects),
        sender=next(iter(fields.addresses("sender", limit=1)), None),
        reply_to=fields.addresses("reply-to", limit=limits.addresses),
        to=fields.addresses("to", limit=limits.addresses),
        cc=fields.addresses("cc", limit=limits.addresses),
        bcc=fields.addresses("bcc", limit=limits.addresses),
        delivered_to=fields.addresses(*field_values.DELIVERY, limit=limits.addresses),
        return_path=next(map(field_values.path, fields.get_all("return-path")), None),
        subject=subject,
        date=field_values.date(fields.get("date")),
        text=text.text,
        markup=text.markup,
        overlong=text.overlong,
        text_parts=content.text_parts,
        parts=content.parts,
        origin=kind,
        origin_reason=reason.sentence if reason else "",
        fields=decoded,
        defects=defects,
        digest=scan.tape.digest(*_digested(scan.entities[0].fields)),
        sha256=scan.tape.sha256(),
        size=scan.tape.raw.length,
        raw=scan.tape.raw,
        quoted=text.quoted,
        origin_because=reason,
        digest_before=scan.tape.digest(fields.get("from"), fields.get("date"), subject),
    )


def _references(fields: Fields, limits: Limits) -> tuple[str, ...]:
    """The ids of References; of too many the first, which began the thread, and the newest."""
    found = field_values.ids(fields.get("references"))
    return found if len(found) <= limits.ids else (found[0], *found[1 - limits.ids :])


def _digested(fields: Iterable[tuple[str, bytes]]) -> Iterator[str]:
    """The header fields that a duplicate shares, as their bytes are: how we decode them may change.

    Some servers write Content-Length into a mail that they keep.
    """
    for name, value in fields:
        field = name.lower()
        if field in _DIGESTED or (field.startswith("content-") and field != "content-length"):
            yield f"{field}:{b' '.join(value.split()).decode('latin-1')}"


def _author(fields: Fields, authors: Sequence[Address], defects: Iterable[Defect]) -> Address | None:
    """The one address of the one From field, if nothing else can be the author; otherwise None."""
    sure = len(authors) == 1 and len(fields.get_all("from")) == 1
    return authors[0] if sure and all(defect.slug != NO_AUTHOR.slug for defect in defects) else None


def _left_out(fields: Fields) -> tuple[Defect, ...]:
    """The defect if an address of a From field was left out."""
    if not fields.overlong("from"):
        return ()
    return (Defect.of(NO_AUTHOR()),)


def _part(raw: Slice, leaf: Entity, reader: body_text.Reader, limits: Limits) -> Part:
    """The value for a leaf. What was not looked into is kept with its header block, as mail software can open it."""
    disposition, written = body_parts.disposition_of(leaf)
    content_type = leaf.content_type
    start = leaf.body
    if leaf.opaque and leaf.multipart:
        content_type, start = "message/rfc822", leaf.head
    name = filenames.safe(field_values.decoded(written))
    if not name and leaf.content_type == "message/rfc822":
        name = _subject_of(leaf, reader, limits)
    name = name or filenames.from_type(content_type)
    content_id = field_values.unfolded(leaf.header("content-id")).strip("<> \t")
    return Part(
        path=leaf.path,
        content_type=content_type,
        filename=filenames.pictured(name, content_type) if content_id and _is_image(content_type) else name,
        inline=disposition == "inline" or (bool(content_id) and disposition != "attachment"),
        content_id=content_id,
        encoding=body_text.encoding_of(leaf),
        charset=leaf.parameters.get("charset", ""),
        body=raw.part(start, leaf.end),
    )


def _is_image(content_type: str) -> bool:
    return content_type.startswith("image/")


def _subject_of(leaf: Entity, reader: body_text.Reader, limits: Limits) -> str:
    """A name for an enclosed message."""
    beginning, _ = reader.content(leaf, limits.field)
    fields = Fields(header_block.cut(beginning.lstrip(b"\r\n"), 0, limits).fields)
    return filenames.from_subject(field_values.decoded(fields.get("subject")), "eml")


def _unparsable(raw: Slice, error: Exception) -> Message:
    """The message if the parser itself fails: the raw mail, with its beginning as text."""
    whole = hashlib.sha256()
    for chunk in raw.chunks():
        whole.update(chunk)
    beginning = scrub(raw.read(LIMITS.head).decode("utf-8", "replace"))
    return Message(
        message_id=None,
        in_reply_to=(),
        references=(),
        authors=(),
        author=None,
        sender=None,
        reply_to=(),
        to=(),
        cc=(),
        bcc=(),
        delivered_to=(),
        return_path=None,
        subject="",
        date=None,
        text=beginning,
        markup=False,
        overlong=raw.length > LIMITS.head,
        text_parts=(),
        parts=(),
        origin=Origin.PERSON,
        origin_reason="",
        fields=(),
        defects=(Defect.of(UNPARSABLE(error=type(error).__name__)),),
        digest=whole.hexdigest(),
        sha256=whole.hexdigest(),
        size=raw.length,
        raw=raw,
    )
