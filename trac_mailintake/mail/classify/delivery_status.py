"""parse: finds the mail that a bounce returns (RFC 3464, 2; RFC 6522, 4).

It is enclosed as a whole, or only its header, or it is quoted in the text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail.mime.transfer_encoding import decoded

if TYPE_CHECKING:
    from trac_mailintake.mail.message import Message, Part

_ENCLOSED: Final = frozenset(
    {"message/rfc822", "message/global", "message/global-headers", "text/rfc822-headers", "message/rfc822-headers"}
)
_HEAD: Final = 64 * 1024
"""Decoded bytes of an enclosed mail that are searched: its header block."""
_MESSAGE_ID: Final = re.compile(r"^[ \t>]{0,8}Message-ID:\s{0,4}(<[^<>\s]{1,900}>)", re.IGNORECASE | re.MULTILINE)


def reported_ids(message: Message) -> tuple[str, ...]:
    """The Message-IDs, with angle brackets, of the mails that a delivery report returns. Raises OSError."""
    enclosed = (_head(part) for part in message.parts if part.content_type in _ENCLOSED)
    found = (match[1] for text in (*enclosed, message.text) for match in _MESSAGE_ID.finditer(text))
    return tuple(dict.fromkeys(found))


def _head(part: Part) -> str:
    """The header block of an enclosed mail; ids are ASCII, so the charset does not matter."""
    head = b""
    for block in decoded(part):
        head += block
        if len(head) >= _HEAD:
            break
    text = head[:_HEAD].decode("latin-1").replace("\r\n", "\n")
    return text.partition("\n\n")[0]
