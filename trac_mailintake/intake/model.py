"""The values that the stages pass on: Delivery, Objection or Target, Change, Outcome, Reply.

A value with `rule` and `reason` says why it is so: a slug, and a sentence for people. In the product's own values both
come from `because` (see `intake.reasons`); plugins leave it out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.intake.times import Microseconds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from trac_mailintake.mail.message import Part
    from trac_mailintake.mail.spool import Slice
    from trac_mailintake.mail.wording import Reason

# fetch ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Account:
    """The identity of a mailbox: host, user and folder, or a path.

    `label` is for people, such as `imap://alice@mail.example.org:993/INBOX`, and contains no secret.
    Two services with the same label share what is known about the mailbox.
    """

    kind: str
    label: str


UNREAD: Final = "unread"
UTF8: Final = " utf8"


@dataclass(frozen=True, slots=True)
class Listed:
    """A message as its source lists it, before it is read.

    `locator` identifies it in its mailbox (IMAP: `uidvalidity/uid`; POP3: the UIDL; Maildir: the unique name).
    `fingerprint` shows whether it is still the same message (docs/behaviour.md, Recording).
    `size` is in bytes, `arrived` in UTC; both are None if the source does not know.
    `epoch`: if it is not empty, the locator alone identifies the message, as its server promises for this epoch (IMAP:
    the UIDVALIDITY), and its size is only a hint. Sizes in different epochs are not comparable, nor are those of which
    only one was told in a session that gives mail in UTF-8 (then the fingerprint ends with `UTF8`).
    `content`: the digest of its content (`mail.content_digest`), if only that tells it from others of its mailbox; or
    UNREAD if it could not be read for that, so that its locator says nothing.
    """

    locator: str
    fingerprint: str
    size: int | None = None
    arrived: datetime | None = None
    epoch: str = ""
    content: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as a source handed it over, claimed by this worker.

    `id` is the journal's row, `fence` the fencing number of the claim. `attempts` counts failures of the message's
    own. `alone`: a process died while it held this message; `deaths`: how often while it held only this one.
    `misses`: how often it was asked for by itself and did not come; `unreadable`: so often that it was held for that.
    `raw` is the place of its bytes in the archive; None until it has been fetched. `sha256` (hex) is the hash of these
    bytes, `content` the digest without the fields that servers write (`mail.content_digest`); "" if unknown.
    `again`: it was held, and is decided about once more because an administrator asked for that.
    `refiled`: the database had lost it, and an administrator has it filed from the archive.
    """

    id: int
    service: str
    account: Account
    listed: Listed
    fence: int
    attempts: int = 0
    alone: bool = False
    deaths: int = 0
    raw: Slice | None = None
    sha256: str = ""
    again: bool = False
    misses: int = 0
    unreadable: bool = False
    content: str = ""
    refiled: bool = False


# screen --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hold:
    """Kept in quarantine until an administrator decides."""

    rule: str
    reason: str
    because: Reason | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Forward:
    """Sent on to the service's forward address; held until the outgoing server has accepted it."""

    rule: str
    reason: str
    because: Reason | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Reject:
    """Refused; the sender may be notified."""

    rule: str
    reason: str
    because: Reason | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Ignore:
    """Left in the mailbox and remembered. `decisive`: not for us, so no other objection counts."""

    rule: str
    reason: str
    decisive: bool = False
    because: Reason | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Discard:
    """Dropped, as the administrator asked; archived like all mail."""

    rule: str
    reason: str
    because: Reason | None = field(default=None, compare=False, kw_only=True)


Objection = Hold | Forward | Reject | Ignore | Discard

GRAVITY: Final[tuple[type[Objection], ...]] = (Hold, Forward, Reject, Ignore, Discard)
"""Objections from the safest on: if there are several, the first in this order counts."""


def gravest(objections: list[Objection]) -> Objection | None:
    """The objection that counts: a decisive one, or else the safest; None if there is none."""
    for objection in objections:
        if isinstance(objection, Ignore) and objection.decisive:
            return objection
    return min(objections, key=lambda each: GRAVITY.index(type(each)), default=None)


# who -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sender:
    """Who a message is from, as far as Trac is concerned.

    `username`: whose permissions count: a mapped user, the service's `actas` or `reporterusername`, or `anonymous`.
    `author`: the reporter or author to store: the username, or `Name <address>` for strangers.
    `address`: the addr-spec of the one From address, or "" if there is not exactly one.
    `mapped`: the address belongs to exactly one known user (and is proved, where that is required).
    `reason`: how the user was found, or why none was.
    `proof`: which of our mail servers vouches for the address, and how; "" if only the From field names it.
    `doubted`: required proof is missing, or DMARC failed: no lead counts but a signed reply address.
    `new`: remember the sender once the mail is filed; if `mapped`, with a user account named `author`.
    """

    username: str
    author: str
    address: str
    mapped: bool
    reason: str
    proof: str = ""
    new: bool = False
    doubted: bool = False
    because: Reason | None = field(default=None, compare=False, kw_only=True)

    @property
    def rule(self) -> str:
        """The rule of the step that names the sender; it later shows whether they were proved."""
        return (reasons.PROVED if self.proof else reasons.SENDER).slug


# route ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filing:
    """A mail that was filed.

    `author` is the address (`mailbox_key`) of its one author, or "". `proved`: one of our mail servers vouched for them
    at that time. `filed` is in UTC.
    """

    message_id: str
    ticket: int
    service: str
    author: str
    proved: bool
    filed: datetime


class Proof(Enum):
    """How a message was matched to a ticket, the strongest proof first."""

    SIGNATURE = reasons.REPLY_ADDRESS.slug
    MESSAGE_ID = reasons.MESSAGE_ID.slug
    SUBJECT = reasons.SUBJECT.slug
    HANDLER = "handler"
    """Chosen by a handler or an administrator, not by the message."""


@dataclass(frozen=True, slots=True)
class NewTicket:
    """A new ticket; `related` is a ticket to link to, `note` says why, in the new ticket's text."""

    rule: str
    reason: str
    related: int | None = None
    note: str = ""
    because: Reason | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Followup:
    """A comment on `ticket`."""

    ticket: int
    rule: str
    reason: str
    proof: Proof
    because: Reason | None = field(default=None, compare=False, kw_only=True)


Target = NewTicket | Followup


# handle --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part to attach under `name`, which the tracker makes unique within the ticket."""

    name: str
    part: Part
    description: str = ""


class Reopen(Enum):
    """What a comment does to a closed ticket."""

    NEVER = "never"
    IF_ALLOWED = "if-allowed"
    """Reopen if the workflow offers that to the sender."""


@dataclass(frozen=True, slots=True)
class Change:
    """What will become of a message: everything to write, before anything is written.

    `summary`: for new tickets only. `text`: Trac wiki text, the description or the comment.
    `fields`: ticket fields by name, for new tickets only. `cc`: bare addresses or usernames to add.
    `removed`: what was cut from the text (quotes, signatures); `because`: why, for the trail. `quiet`: send no
    notification.
    """

    target: Target
    sender: Sender
    summary: str
    text: str
    fields: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    cc: tuple[str, ...] = ()
    reopen: Reopen = Reopen.NEVER
    removed: str = ""
    because: tuple[Reason, ...] = ()
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the decision trail: stage, rule, and a sentence."""

    stage: str
    rule: str
    sentence: str
    because: Reason | None = field(default=None, compare=False, kw_only=True)

    @classmethod
    def of(cls, stage: str, reason: Reason) -> Step:
        """The step for a decision by one of the product's own rules."""
        return cls(stage, reason.slug, reason.sentence, because=reason)

    @classmethod
    def objected(cls, stage: str, objection: Objection) -> Step:
        """The step for an objection."""
        reason = reasons.OBJECTION(kind=type(objection).__name__, reason=objection.because or objection.reason)
        return cls(stage, objection.rule, reason.sentence, because=reason)


# record --------------------------------------------------------------------------------------------------------------


class Status(Enum):
    """What became of a delivery (docs/behaviour.md#outcomes)."""

    CREATED = "created"
    COMMENTED = "commented"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    FORWARDED = "forwarded"
    REJECTED = "rejected"
    DISCARDED = "discarded"
    HELD = "held"
    DEFERRED = "deferred"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a delivery, by which rule and why, and who was notified."""

    status: Status
    rule: str
    reason: str
    ticket: int | None = None
    comment: int | None = None
    sender_told: bool = False
    admin_told: bool = False
    because: Reason | None = field(default=None, compare=False, kw_only=True)


CONSUMING: Final = frozenset(Status) - {Status.IGNORED, Status.DEFERRED}
"""Outcomes after which the mailbox's copy is disposed of, once the bytes are archived."""


# dispose -------------------------------------------------------------------------------------------------------------


class Answer(Enum):
    """The three kinds of reply (RFC 5321, 4.2.1): done, refused for now, refused for good."""

    COMPLETED = "completed"
    TRANSIENT = "transient"
    PERMANENT = "permanent"


@dataclass(frozen=True, slots=True)
class Left:
    """What a round left in the mailbox: messages, and arrival of the oldest (0: unknown).

    `unclaimed`: messages that no service on this mailbox wants; `unclaimed_since`: since when the first of them.
    """

    number: int
    oldest: Microseconds
    unclaimed: int = 0
    unclaimed_since: Microseconds = Microseconds(0)


@dataclass(frozen=True, slots=True)
class Reply:
    """A source's answer to a disposal.

    `fault`: the reason is a sentence for the administrator, who must fix something: where, what, what next.
    `final`: it holds whatever happens to the session, so nothing has to be settled.
    """

    answer: Answer
    reason: str = ""
    fault: bool = False
    final: bool = False


class Afterwards(Enum):
    """What to do with the mailbox's copy (docs/behaviour.md#afterwards); for the folder of `move` see `Disposition`."""

    DELETE = "delete"
    MOVE = "move"
    SEEN = "seen"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Disposition:
    """An `Afterwards` with the folder that `move` needs."""

    word: Afterwards
    folder: str = ""

    def __str__(self) -> str:
        """The setting's text: `move:Processed`, `delete`."""
        return f"{self.word.value}:{self.folder}" if self.folder else self.word.value
