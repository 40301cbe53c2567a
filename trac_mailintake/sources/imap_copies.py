"""dispose: which messages a crash has left copied, where a server cannot MOVE."""

from __future__ import annotations

import email.parser
import hashlib
from typing import TYPE_CHECKING

from trac_mailintake.sources.metered import most

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trac_mailintake.sources.imap_session import Session

_SLICE = 1024 * 1024
_ITEMS = "(UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"


def copied(session: Session, messages: Mapping[int, str], target: str) -> set[int]:
    """Those of the selected folder's messages (UID, SHA-256) that lie in `target` already, byte for byte.

    Selects the target, so the folder must be selected again. Candidates are those of the same size and Message-ID.
    """
    fetched = session.raw_fetch(",".join(map(str, messages)), _ITEMS)
    session.select_folder(target, readonly=True)
    known = [(each, each.uid, messages[each.uid]) for each in fetched if each.uid is not None and each.uid in messages]
    return {uid for each, uid, sha256 in known if _lies_there(session, each.size or 0, each.body or b"", sha256)}


def _lies_there(session: Session, size: int, head: bytes, sha256: str) -> bool:
    criteria: list[str | int] = ["LARGER", max(0, size - 1), "SMALLER", size + 1]
    message_id = _message_id(head)
    if message_id:
        criteria += ["HEADER", "Message-ID", message_id]
    return any(_digest(session, uid, size) == sha256 for uid in session.search(criteria))


def _message_id(head: bytes) -> str:
    """As text that can stand in a SEARCH; "" when it cannot."""
    value = str(email.parser.BytesHeaderParser().parsebytes(head)["Message-ID"] or "").strip()
    return value if value.isascii() and value.isprintable() else ""


def _digest(session: Session, uid: int, size: int) -> str:
    """Of a message that is to have about that size; "" when it turns out to be far larger."""
    known, offset = hashlib.sha256(), 0
    while offset <= most(size):
        fetched = session.raw_fetch(str(uid), f"(UID BODY.PEEK[]<{offset}.{_SLICE}>)")
        piece = next((each.body for each in fetched if each.uid == uid and each.body is not None), b"")
        known.update(piece)
        offset += len(piece)
        if len(piece) < _SLICE:
            return known.hexdigest()
    return ""
