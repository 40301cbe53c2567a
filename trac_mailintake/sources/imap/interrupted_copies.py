"""dispose: compares messages with archived ones, and finds those that a crash left copied, for servers without MOVE."""

from __future__ import annotations

import email.parser
from typing import TYPE_CHECKING

from trac_mailintake.mail.content_digest import content_digest
from trac_mailintake.sources.errors import Excess
from trac_mailintake.sources.imap.fetch_response import merged
from trac_mailintake.sources.net.quota import most

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trac_mailintake.sources.imap.session import Session

_ITEMS = "(UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"


def copied(session: Session, messages: Mapping[int, str], target: str) -> set[int]:
    """The selected folder's messages (UID, digest of the content) that are already in `target`.

    Selects the target, so the folder must be selected again. Candidates have the same size and Message-ID.
    """
    fetched = merged(session.raw_fetch(",".join(map(str, messages)), _ITEMS))
    session.select_folder(target, readonly=True)
    known = [(uid, each, messages[uid]) for uid, each in fetched.items() if uid in messages]
    return {uid for uid, each, content in known if _lies_there(session, each.size or 0, each.section or b"", content)}


def _lies_there(session: Session, size: int, head: bytes, content: str) -> bool:
    criteria: list[str | int] = ["LARGER", max(0, size - 1), "SMALLER", size + 1]
    message_id = _message_id(head)
    if message_id:
        criteria += ["HEADER", "Message-ID", message_id]
    return any(content_of(session, uid, size) == content for uid in session.search(criteria))


def _message_id(head: bytes) -> str:
    """The Message-ID for a SEARCH; "" if it cannot be used in one."""
    value = str(email.parser.BytesHeaderParser().parsebytes(head)["Message-ID"] or "").strip()
    return value if value.isascii() and value.isprintable() else ""


def content_of(session: Session, uid: int, size: int) -> str:
    """The digest of the content of a message in the selected folder, read as one literal; "" if it does not come whole.

    No other answer may be outstanding. Raises Excess if it is much longer than about `size` bytes.
    """
    whole = session.whole(uid)
    length = whole.begin()
    if length is None:
        return ""
    if length > most(size):
        raise Excess(f"message {uid} is longer than the server told; look at its folder, or that mail is moved to")
    content = content_digest(whole.chunks())
    return "" if whole.fault else content
