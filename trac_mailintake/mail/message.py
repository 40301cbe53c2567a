"""parse: the values of a parsed message.

All text is clean: no U+0000, no lone surrogates.
Bad mail has a list of defects; it is never an exception.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, TypeVar, cast

from trac_mailintake.mail.defects import NO_AUTHOR

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from datetime import datetime

    from trac_mailintake.mail.spool import Slice
    from trac_mailintake.mail.wording import Reason

T = TypeVar("T")


class Origin(Enum):
    """The kind of sender of a message (RFC 3834, RFC 3462, RFC 2919)."""

    PERSON = "person"
    RESPONDER = "responder"
    """An automatic responder or another machine: vacation note, receipt, tracker."""
    REPORT = "report"
    """A delivery report (bounce), by RFC 3464 or in plain text."""
    BULK = "bulk"
    """Sent to many by a machine: `Precedence: bulk` or `junk`."""
    LIST = "list"
    """A person, through a mailing list (`List-Id`)."""

    @property
    def is_answer(self) -> bool:
        """Whether a machine answers a mail, mostly one of ours: this neither reopens a ticket nor notifies anybody."""
        return self in (Origin.RESPONDER, Origin.REPORT)


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox of RFC 5322, 3.4: display name and addr-spec.

    `name` is decoded (RFC 2047) and may be empty; `spec` is `local@domain` as written.
    """

    name: str
    spec: str


@dataclass(frozen=True, slots=True)
class Defect:
    """Something wrong with the message: a slug and a sentence, which both come from `because`."""

    slug: str
    sentence: str
    because: Reason | None = field(default=None, compare=False)

    @classmethod
    def of(cls, reason: Reason) -> Defect:
        """A defect of `mail.defects`."""
        return cls(reason.slug, reason.sentence, reason)


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of the MIME tree that is not body text, or an enclosed message.

    `body` is the part's body as it lies in the spool, still encoded with `encoding`
    (lower case: `base64`, `quoted-printable`, `7bit`, `8bit`, `binary`, `x-uuencode`);
    `transfer_encoding.decoded(part)` streams the decoded bytes. A part within a wrapping, such as `winmail.dat`, has
    some of the wrapping's body, and an encoding such as `base64[26:1050]`: this range of the decoded bytes.
    `filename` is decoded and free of path parts and control characters, but not yet made unique; never empty.
    `content_id` is without angle brackets, empty when there is none.
    `inline` is true for what the body refers to or shows in place.
    `path` is the place in the MIME tree, such as "1.2".
    """

    path: str
    content_type: str
    filename: str
    inline: bool
    content_id: str
    encoding: str
    charset: str
    body: Slice


@dataclass(frozen=True, slots=True)
class Message:
    """One mail, read. Header texts are decoded; ids keep their angle brackets (RFC 5322, 3.6.4).

    `authors` are all the addresses of all From fields. `author` is the one address of the one From field; None if there
    are several or none, or if the message is `disowned`.
    `delivered_to` holds the addresses of Delivered-To, X-Original-To, Envelope-To, Resent-To, Resent-Cc and their like.
    `date` is in UTC, None when absent or nonsense.
    `text` is the body: plain text, or HTML turned into Trac wiki text when `markup` is true.
    `quoted` are the ranges of `text` (beginning, end, in order) that the HTML itself marks as quotes or signatures.
    `text_parts` are the leaves that `text` was made from; `overlong` says that `text` is only the first part of them.
    `parts` are the attachments, in the order of the message.
    `fields` are all header fields, decoded, in order; names as written.
    `digest` is for finding duplicates (docs/behaviour.md#duplicates): SHA-256 (hex) of From, Date, Subject, the content
    header fields (RFC 2045, 3) and the MIME body; `digest_before` is that of version 1 of the schema, without these.
    `sha256` (hex) and `size` (bytes) are those of the whole message as it lies in `raw`.
    """

    message_id: str | None
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    authors: tuple[Address, ...]
    author: Address | None
    sender: Address | None
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    delivered_to: tuple[Address, ...]
    return_path: str | None
    """The addr-spec of Return-Path; "" for the null path `<>`, None when there is no such field."""
    subject: str
    date: datetime | None
    text: str
    markup: bool
    overlong: bool
    text_parts: tuple[Part, ...]
    parts: tuple[Part, ...]
    origin: Origin
    origin_reason: str
    fields: tuple[tuple[str, str], ...]
    defects: tuple[Defect, ...]
    digest: str
    sha256: str
    size: int
    raw: Slice
    quoted: tuple[tuple[int, int], ...] = ()
    origin_because: Reason | None = field(default=None, compare=False)
    """The reason whose sentence is `origin_reason`."""
    digest_before: str = ""
    worked_out: dict[Hashable, object] = field(init=False, default_factory=dict, compare=False, repr=False)
    """Results kept by `once`. They are passed on with the message to another process."""

    def once(self, question: Hashable, work: Callable[[], T]) -> T:
        """The result of `work()` for the key `question`, computed on first use."""
        if question not in self.worked_out:
            self.worked_out[question] = work()
        return cast("T", self.worked_out[question])

    def get_all(self, name: str) -> tuple[str, ...]:
        """All values of the header field `name` (ignoring case), in order."""
        wanted = name.lower()
        return tuple(value for key, value in self.fields if key.lower() == wanted)

    def get(self, name: str, default: str = "") -> str:
        """The first value of the header field `name`, or `default`."""
        return next(iter(self.get_all(name)), default)

    @property
    def disowned(self) -> bool:
        """Whether an unread part of the header may name another author; `authors` may then be incomplete."""
        return any(defect.slug == NO_AUTHOR.slug for defect in self.defects)

    @property
    def recipients(self) -> tuple[Address, ...]:
        """All recipients by the header: To, Cc, Bcc and the fields that record delivery."""
        return (*self.to, *self.cc, *self.bcc, *self.delivered_to)
