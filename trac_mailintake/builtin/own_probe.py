"""screen: a probe of our own has done its work once it is here: nothing is made of it, and the journal tells of it.

It is no hook: a probe is discarded before any rule is asked, which no plugin can have done with a mail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Discard
from trac_mailintake.intake.reasons import because

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Objection
    from trac_mailintake.intake.ports import Reader
    from trac_mailintake.mail.message import Message


def recognised(message: Message, reader: Reader) -> Objection | None:
    """Discard a mail that our own signature says to be a probe; one that only claims to be is a mail like any other."""
    token = reader.own_probe(message)
    return because(Discard, reasons.PROBE(token=token)) if token else None
