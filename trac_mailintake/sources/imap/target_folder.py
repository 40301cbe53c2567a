"""dispose: the target folder of moved mail."""

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
    """Create the folder if it is missing. Returns why it cannot be created, or "".

    Raises IMAPClientError if the server refuses to list folders, and network errors.
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
        # Moving mail there does not need the subscription.
        log.info("%s: could not subscribe to the folder %s: %s", label, folder, excerpt(error))
    return ""
