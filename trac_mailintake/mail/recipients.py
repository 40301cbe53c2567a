"""fetch: reads only whom a header is for, at a quarter of the cost of parsing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from trac_mailintake.mail.headers.field_values import DELIVERY, Fields
from trac_mailintake.mail.limits import LIMITS
from trac_mailintake.mail.mime import header_block
from trac_mailintake.mail.mime.window import Tape
from trac_mailintake.mail.spool import InMemory

if TYPE_CHECKING:
    from trac_mailintake.mail.limits import Limits
    from trac_mailintake.mail.message import Address, Defect

FIELDS: Final = frozenset({"to", "cc", "bcc", *DELIVERY})
"""The fields that say whom a mail is for, in lower case."""


class Addressed(Protocol):
    """What says whom a mail is for: a `Message`, or only its header's `Recipients`."""

    @property
    def to(self) -> tuple[Address, ...]:
        """See `Message`."""

    @property
    def cc(self) -> tuple[Address, ...]:
        """See `Message`."""

    @property
    def bcc(self) -> tuple[Address, ...]:
        """See `Message`."""

    @property
    def delivered_to(self) -> tuple[Address, ...]:
        """See `Message`."""

    @property
    def defects(self) -> tuple[Defect, ...]:
        """See `Message`."""


@dataclass(frozen=True, slots=True)
class Recipients:
    """Whom a mail is for, by its header; `defects` are those of the header block."""

    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    delivered_to: tuple[Address, ...]
    defects: tuple[Defect, ...]


def recipients(header: bytes, limits: Limits = LIMITS) -> Recipients:
    """The recipients by a header that `header_block.ending` found: those that `parse` finds in the whole mail."""
    tape = Tape(InMemory.of(header))
    ends = header_block.line_ends(tape, limits)
    block = header_block.read(tape, header_block.preamble(tape, ends), limits, ends)
    fields = Fields(field for field in block.fields if field[0].lower() in FIELDS)
    return Recipients(
        to=fields.addresses("to", limit=limits.addresses),
        cc=fields.addresses("cc", limit=limits.addresses),
        bcc=fields.addresses("bcc", limit=limits.addresses),
        delivered_to=fields.addresses(*DELIVERY, limit=limits.addresses),
        defects=block.defects,
    )
