"""dispose: finds messages that a crash left copied, for servers without MOVE."""

from __future__ import annotations

import email.parser
import hashlib
from typing import TYPE_CHECKING

from trac_mailintake.sources.errors import Excess
from trac_mailintake.sources.imap.fetch_response import merged
from trac_mailintake.sources.net.quota import most

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trac_mailintake.sources.imap.session import Session

_ITEMS = "(UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"


def copied(session: Session, messages: Mapping[int, str], target: str) -> set[int]:
    """The selected folder's messages (UID, SHA-256) that are already in `target`, byte for byte.

    Selects the target, so the folder must be selected again. Candidates have the same size and Message-ID.
    """
    fetched = merged(session.raw_fetch(",".join(map(str, messages)), _ITEMS))
    session.select_folder(target, readonly=True)
    known = [(uid, each, messages[uid]) for uid, each in fetched.items() if uid in messages]
    return {uid for uid, each, sha256 in known if _lies_there(session, each.size or 0, each.section or b"", sha256)}


def _lies_there(session: Session, size: int, head: bytes, sha256: str) -> bool:
    criteria: list[str | int] = ["LARGER", max(0, size - 1), "SMALLER", size + 1]
    message_id = _message_id(head)
    if message_id:
        criteria += ["HEADER", "Message-ID", message_id]
    return any(_digest(session, uid, size) == sha256 for uid in session.search(criteria))


def _message_id(head: bytes) -> str:
    """The Message-ID for a SEARCH; "" if it cannot be used in one."""
    value = str(email.parser.BytesHeaderParser().parsebytes(head)["Message-ID"] or "").strip()
    return value if value.isascii() and value.isprintable() else ""


def _digest(session: Session, uid: int, size: int) -> str:
    """The SHA-256 of a message of about `size` bytes, read as one literal; "" if it does not arrive whole."""
    whole = session.whole(uid)
    length = whole.begin()
    if length is None:
        return ""
    if length > most(size):
        raise Excess(f"its copy {uid} is longer than the server told; look at the folder that mail is moved to")
    known = hashlib.sha256()
    for chunk in whole.chunks():
        known.update(chunk)
    return "" if whole.fault else known.hexdigest()
