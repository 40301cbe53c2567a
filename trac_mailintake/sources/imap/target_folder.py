"""dispose: the target folder of moved mail, and its full name on this server.

Some servers keep all folders of a user below a prefix (Courier, Cyrus: `INBOX.`), which NAMESPACE tells (RFC 2342). So
`move:Processed` means `INBOX.Processed` there, unless a folder is called exactly so: see docs/behaviour.md#afterwards.
"""

from __future__ import annotations

import imaplib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from imapclient.exceptions import IMAPClientError

from trac_mailintake.sources.errors import NONSENSE, excerpt
from trac_mailintake.sources.imap.session import choice

if TYPE_CHECKING:
    from trac_mailintake.sources.imap.session import Session

log = logging.getLogger(__name__)

_UNUSABLE: Final = frozenset({b"\\noselect", b"\\nonexistent"})
_INBOX: Final = "INBOX"


@dataclass(frozen=True, slots=True)
class Target:
    """A folder by its full name. `made`: it is new. `fault`: why no mail can be moved there, or ""."""

    name: str
    made: bool = False
    fault: str = ""


def ensured(session: Session, folder: str, source: str, label: str) -> Target:
    """Find the folder, or create it if it is missing. `source` is the folder that mail is moved from.

    Raises IMAPClientError if the server refuses to list folders, and network errors.
    """
    name = folder
    if not _is_there(session, name):
        name = _full_name(session, folder)
        if name == folder or not _is_there(session, name):
            return _made(session, name, label)
    if _same(name, source):
        return Target(name, fault=f"{label}: {name} would be moved to itself; correct afterwards=move:{folder}")
    return Target(name)


def _is_there(session: Session, folder: str) -> bool:
    """Whether a folder with exactly this name can be selected: LIST takes `%` and `*` as wildcards."""
    if folder.upper() == _INBOX:
        return True
    listed = session.list_folders("", folder)
    return any(_same(str(name), folder) and not _UNUSABLE & {f.lower() for f in flags} for flags, _, name in listed)


def _same(one: str, other: str) -> bool:
    """Whether these are names of one folder: INBOX has no case (RFC 3501, 5.1)."""
    return one == other or one.upper() == other.upper() == _INBOX


def _full_name(session: Session, folder: str) -> str:
    """The name of a folder that does not exist yet: in a namespace as it is, else in the user's own namespace."""
    personal, every = _prefixes(session)
    if not personal or any(_begins(folder, prefix) for prefix in every):
        return folder
    return personal + folder


def _begins(folder: str, prefix: str) -> bool:
    """Whether the name begins with the prefix, of which INBOX has no case."""
    inbox = len(_INBOX) if prefix.upper().startswith(_INBOX) else 0
    return folder[:inbox].upper() == prefix[:inbox].upper() and folder[inbox:].startswith(prefix[inbox:])


def _prefixes(session: Session) -> tuple[str, list[str]]:
    """The prefix of the user's own folders, and all prefixes; none if the server does not say.

    An empty prefix of shared folders, as Cyrus has it, tells nothing: every name begins with it.
    """
    if not session.has_capability("NAMESPACE"):
        return "", []
    try:
        spaces = session.namespace()
    except imaplib.IMAP4.abort:
        raise
    except (IMAPClientError, *NONSENSE) as error:
        log.info("The server does not tell its namespaces: %s", excerpt(error))
        return "", []
    found = [[str(prefix) for prefix, _ in space or ()] for space in spaces]
    shared = [prefix for space in found[1:] for prefix in space if prefix]
    return next(iter(found[0]), ""), [*found[0], *shared]


def _made(session: Session, folder: str, label: str) -> Target:
    try:
        session.create_folder(folder)
    except imaplib.IMAP4.abort:
        raise
    except IMAPClientError as error:
        fault = f"{label}: the folder {folder} cannot be made ({excerpt(error)}); {choice(session)}"
        return Target(folder, fault=fault)
    try:
        session.subscribe_folder(folder)
    except imaplib.IMAP4.abort:
        raise
    except IMAPClientError as error:
        # Moving mail there does not need the subscription.
        log.info("%s: could not subscribe to the folder %s: %s", label, folder, excerpt(error))
    return Target(folder, made=True)
