"""fetch and dispose: a POP3 mailbox. The protocol code is imported when one is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.hookspecs import SourceKind
from trac_mailintake.intake.model import Afterwards
from trac_mailintake.intake.settings import POP3

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Opening
    from trac_mailintake.intake.ports import Source

NAME: Final = "pop3"


def _open(opening: Opening) -> Source:
    from trac_mailintake.sources.pop3.mailbox import Pop3Source  # noqa: PLC0415 - poplib and its wire, for POP3 alone

    return Pop3Source(opening)


KIND = SourceKind(
    name=NAME,
    label="POP3",
    afterwards=(Afterwards.DELETE, Afterwards.LEAVE),
    open=_open,
    protocol=POP3,
)
