"""The values that go forward, each stage adding one: Delivery, Objection or Target, Change, Outcome, Reply.

Whatever has a rule and a reason says why: a slug, and a sentence for people. `because` is what the product's own are
made from, see `intake.reasons`; plugins leave it out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from trac_mailintake.mail.message import Part
    from trac_mailintake.mail.spool import Slice
    from trac_mailintake.mail.wording import Reason

# fetch ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Account:
    """Where a source looks: host, user and folder, or a path.

    `label` is what people read, such as `imap://alice@mail.example.org:993/INBOX`; it holds no secret.
    Two services with the same label share the mailbox's memory of what was seen.
    """

    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One message as its source lists it, before any byte of it was read.

    `locator` finds it again (IMAP: `uidvalidity/uid`; POP3: the UIDL; Maildir: the unique name).
    `fingerprint` tells whether it is still the same one.
    `size` is in bytes, None when the source cannot say; `arrived` is in UTC, None likewise.
    """

    locator: str
    fingerprint: str
    size: int | None = None
    arrived: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as a source handed it over, claimed by this worker.

    `id` is the journal's row; `fence` the fencing number of the claim; `attempts` counts failures that were the
    message's own; `alone` says that a process died while it held this one; `deaths` how often while it held only this.
    `raw` says where the bytes lie in the archive; None until they were fetched.
    `again` says that it was held, and that an administrator has it decided about once more.
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


# screen --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hold:
    """Kept in quarantine until an administrator decides."""

    rule: str
    reason: str
    because: Reason | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Forward:
    """Sent on to the service's forward address; held until the outgoing server took it."""

    rule: str
    reason: str
    because: Reason | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Reject:
    """Refused; the sender may be told."""

    rule: str
    reason: str
    because: Reason | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Ignore:
    """Left in the mailbox and remembered. `decisive` ends the matter: not for us, so nobody else's objection counts."""

    rule: str
    reason: str
    decisive: bool = False
    because: Reason | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Discard:
    """Thrown away, as the administrator asked; archived like all."""

    rule: str
    reason: str
    because: Reason | None = field(default=None, compare=False, kw_only=True)


Objection = Hold | Forward | Reject | Ignore | Discard

GRAVITY: Final[tuple[type[Objection], ...]] = (Hold, Forward, Reject, Ignore, Discard)
"""The safest first: of several objections the first of this order counts."""


def gravest(objections: list[Objection]) -> Objection | None:
    """The objection that counts: a decisive one, else the safest; None when nobody objects."""
    for objection in objections:
        if isinstance(objection, Ignore) and objection.decisive:
            return objection
    return min(objections, key=lambda each: GRAVITY.index(type(each)), default=None)


# who -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sender:
    """Who a message is from, to Trac.

    `username` is whose permissions count: a mapped user, the service's `reporterusername`, or `anonymous`.
    `author` is what is written as reporter or author: the username, or `Name <address>` for strangers.
    `address` is the addr-spec of the one From address, "" when there is not exactly one.
    `mapped` is true only when the address is that of exactly one known user (and proved, where that is required).
    `reason` says how it was found, or why it was not.
    `proof` says which of our mail servers vouches for the address, and how; "" when only the From field says it.
    `new` says that he is to be remembered once the mail is filed; with an account called `author` if he is mapped.
    """

    username: str
    author: str
    address: str
    mapped: bool
    reason: str
    proof: str = ""
    new: bool = False
    because: Reason | None = field(default=None, compare=False, kw_only=True)

    @property
    def rule(self) -> str:
        """The rule of the step that says who it was: whether he was proved is asked of it later."""
        return (reasons.PROVED if self.proof else reasons.SENDER).slug


# route ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filing:
    """A mail that was filed.

    `author` is the casefolded address of its one author, "" when it had none; `proved` says that one of our mail
    servers vouched for him then. `filed` is in UTC.
    """

    message_id: str
    ticket: int
    service: str
    author: str
    proved: bool
    filed: datetime


class Proof(Enum):
    """How a message was tied to a ticket, the strongest first."""

    SIGNATURE = reasons.REPLY_ADDRESS.slug
    MESSAGE_ID = reasons.MESSAGE_ID.slug
    SUBJECT = reasons.SUBJECT.slug
    HANDLER = "handler"
    """Said by a handler or an administrator, not by the message."""


@dataclass(frozen=True, slots=True)
class NewTicket:
    """A ticket of its own; `related` names a ticket that it should link to, `note` says why in the ticket."""

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
    """A part to attach under `name`; the tracker makes the name unique within the ticket."""

    name: str
    part: Part
    description: str = ""


class Reopen(Enum):
    """What a comment does to a closed ticket."""

    NEVER = "never"
    IF_ALLOWED = "if-allowed"
    """When the workflow offers it to the sender."""


@dataclass(frozen=True, slots=True)
class Change:
    """What shall become of a message: everything that will be written, nothing yet written.

    `summary` counts for new tickets only. `text` is Trac wiki text, the description or the comment.
    `fields` are ticket fields by name, for new tickets only. `cc` are bare addresses or usernames to add.
    `removed` is what was cut from the text (quotes, signatures). `quiet` sends no notification.
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
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the decision trail: which stage, which rule, what it said."""

    stage: str
    rule: str
    sentence: str
    because: Reason | None = field(default=None, compare=False, kw_only=True)

    @classmethod
    def of(cls, stage: str, reason: Reason) -> Step:
        """A step that the product's own rule takes."""
        return cls(stage, reason.slug, reason.sentence, because=reason)

    @classmethod
    def objected(cls, stage: str, objection: Objection) -> Step:
        """A step at which somebody objected."""
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
    """What became of a delivery, by which rule, why; and who was told."""

    status: Status
    rule: str
    reason: str
    ticket: int | None = None
    comment: int | None = None
    sender_told: bool = False
    admin_told: bool = False
    because: Reason | None = field(default=None, compare=False, kw_only=True)


CONSUMING: Final = frozenset(Status) - {Status.IGNORED, Status.DEFERRED}
"""After these the mailbox's copy is disposed of as the service says, once the bytes are archived."""


# dispose -------------------------------------------------------------------------------------------------------------


class Answer(Enum):
    """RFC 5321's three answers (4.2.1), said by each source in its own way."""

    COMPLETED = "completed"
    TRANSIENT = "transient"
    PERMANENT = "permanent"


@dataclass(frozen=True, slots=True)
class Left:
    """What a round left in the mailbox: how many mails, and when the oldest arrived (microseconds, 0: nobody knows)."""

    number: int
    oldest: int


@dataclass(frozen=True, slots=True)
class Reply:
    """How a source answered to a disposal.

    `fault` says that the reason is a sentence for the administrator, who must mend something: where, what, what next.
    `final` says that it holds whatever becomes of the session, so that nothing is to be settled.
    """

    answer: Answer
    reason: str = ""
    fault: bool = False
    final: bool = False


class Afterwards(Enum):
    """What is done with the mailbox's copy; `move` has a folder, see `Disposition`."""

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
        """As it is typed: `move:Processed`, `delete`."""
        return f"{self.word.value}:{self.folder}" if self.folder else self.word.value
