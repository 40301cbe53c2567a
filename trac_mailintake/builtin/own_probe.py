"""screen: discard a probe of our own. It has done its work once it is in the journal.

This is not a hook: a probe is discarded before any rule is asked, and plugins cannot do that.
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
    """Discard a probe with our signature. A mail that only claims to be a probe gets no special treatment."""
    token = reader.own_probe(message)
    return because(Discard, reasons.PROBE(token=token)) if token else None
