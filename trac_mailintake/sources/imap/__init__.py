"""fetch and dispose: a folder on an IMAP server. The protocol code is imported when one is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.hookspecs import SourceKind
from trac_mailintake.intake.model import Afterwards
from trac_mailintake.intake.settings import IMAP

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Opening
    from trac_mailintake.intake.ports import Source

NAME: Final = "imap"


def _open(opening: Opening) -> Source:
    from trac_mailintake.sources.imap.mailbox import ImapSource  # noqa: PLC0415 - IMAPClient, for IMAP alone

    return ImapSource(opening)


KIND = SourceKind(
    name=NAME,
    label="IMAP",
    afterwards=(Afterwards.DELETE, Afterwards.MOVE, Afterwards.SEEN, Afterwards.LEAVE),
    open=_open,
    protocol=IMAP,
    dated=True,
)
