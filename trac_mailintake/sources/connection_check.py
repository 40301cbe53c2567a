"""fetch: the connection test for an administrator who has just entered a mail server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.settings import IMAP, POP3
from trac_mailintake.sources.imap import session as imap
from trac_mailintake.sources.pop3 import session as pop3

if TYPE_CHECKING:
    from collections.abc import Callable

    from trac_mailintake.intake.settings import Server

_FOLDERS: Final = {IMAP: imap.folders, POP3: pop3.folders}


def probe(
    server: Server, password: Callable[[], str], trace: Callable[[str], None] | None = None
) -> tuple[tuple[str, int], ...]:
    """Log in, and list the folders with their number of messages; POP3 has only one, called INBOX.

    Raises SourceError, and what `password` raises.
    """
    folders = _FOLDERS.get(server.protocol)
    if folders is None:
        raise SourceError(
            f"mail server {server.name}: protocol={server.protocol} is neither {IMAP} nor {POP3}; correct it"
        )
    return folders(server, password, trace)
