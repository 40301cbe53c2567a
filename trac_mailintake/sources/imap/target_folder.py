"""dispose: the folder that mail is moved to."""

from __future__ import annotations

import imaplib
import logging
from typing import TYPE_CHECKING

from imapclient.exceptions import IMAPClientError

from trac_mailintake.sources.errors import excerpt
from trac_mailintake.sources.imap.session import choice

if TYPE_CHECKING:
    from trac_mailintake.sources.imap.session import Session

log = logging.getLogger(__name__)


def ensured(session: Session, folder: str, label: str) -> str:
    """Make the folder when it is missing; why it cannot be made, "" when it is there.

    Raises IMAPClientError when the server refuses to list folders, and whatever goes wrong on the line.
    """
    if session.folder_exists(folder):
        return ""
    try:
        session.create_folder(folder)
    except imaplib.IMAP4.abort:
        raise
    except IMAPClientError as error:
        return f"{label}: the folder {folder} cannot be made ({excerpt(error)}); {choice(session)}"
    try:
        session.subscribe_folder(folder)
    except imaplib.IMAP4.abort:
        raise
    except IMAPClientError as error:
        # Nobody needs that to move mail there.
        log.info("%s: the folder %s cannot be subscribed to: %s", label, folder, excerpt(error))
    return ""
