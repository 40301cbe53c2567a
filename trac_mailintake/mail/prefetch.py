"""parse: parses a message, and computes in advance what nearly every rule and handler needs.

For the parser process. Anything it did not foresee is computed when it is needed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail.parse import parse
from trac_mailintake.mail.reply.new_text import reply
from trac_mailintake.mail.wiki.escape import neutral

if TYPE_CHECKING:
    from trac_mailintake.mail.message import Message
    from trac_mailintake.mail.spool import Slice

_NUMBERED: Final = re.compile(r"#[0-9]")


def read(raw: Slice) -> Message:
    """The message that `parse` gives. Raises OSError."""
    message = parse(raw)
    answers = message.in_reply_to or message.references or _NUMBERED.search(message.subject)
    text = reply(message).kept if answers else message.text
    if not message.markup:
        neutral_of(message, text)
    return message


def neutral_of(message: Message, text: str) -> str:
    """Wiki text that Trac renders as `text` reads, which is all or part of the message's own."""
    return message.once(("neutral", text), lambda: neutral(text))
