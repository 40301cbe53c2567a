"""What must hold of whatever bytes arrive: shared by the fuzzer, and by the tests that hypothesis feeds."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from trac_mailintake.mail import parse
from trac_mailintake.mail.classify.delivery_status import reported_ids
from trac_mailintake.mail.limits import LIMITS
from trac_mailintake.mail.mime import tnef, transfer_encoding
from trac_mailintake.mail.reply import new_text
from trac_mailintake.mail.text import calendar
from trac_mailintake.mail.wiki import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac_mailintake.mail.message import Message, Part
    from trac_mailintake.mail.spool import Slice

SECONDS = 2.0
"""Of CPU, for a mail that is no larger than a fuzzer makes them."""


class BrokenPromiseError(AssertionError):
    """A mail for which something does not hold that holds for every mail."""


def keep(raw: Slice) -> Message:
    """The message in `raw`, of which everything is checked. Raises BrokenPromiseError, or what the parser died of."""
    begun = time.process_time()
    message = parse.parse(raw)
    _hold(time.process_time() - begun < SECONDS, "it takes too long to parse")
    if any(defect.slug == "unparsable" for defect in message.defects):
        parse._parse(raw, LIMITS)
        raise BrokenPromiseError("it could not be read the first time")
    for text in _texts(message):
        _hold("\x00" not in text, "a text has U+0000")
        text.encode("utf-8")
    _hold(all(part.filename.strip(". ") for part in message.parts), "a part has no name")
    _hold(not any(set("/\\\r\n") & set(part.filename) for part in message.parts), "a name has a path")
    _hold(not any(set("\r\n") & set(value) for _, value in message.fields), "a field has line breaks")
    for part in _attached(message):
        _hold(
            sum(map(len, transfer_encoding.decoded(part))) <= 4 * max(part.body.length, 16),
            "a part grows when it is decoded",
        )
    reported_ids(message)
    _hold(len(message.text) <= 4 * LIMITS.text, "the text grows without a bound")
    _keep_when_cut(message)
    return message


def _letters(text: str) -> Counter[str]:
    """What a text consists of, but for blanks and for what escapes wiki text: half a line may need more of that."""
    return Counter("".join(text.translate({ord("!"): None, ord(escape.MARK): None}).split()))


def _keep_when_cut(message: Message) -> None:
    """What holds of the two pieces that a text is cut into."""
    begun = time.process_time()
    pieces = new_text.reply(message)
    _hold(time.process_time() - begun < SECONDS, "it takes too long to cut")
    _hold(bool(pieces.kept.strip()) == bool(message.text.strip()), "nothing is left of the reply")
    both = _letters(pieces.kept) + _letters(pieces.removed)
    _hold(both == _letters(message.text), "the pieces are not the whole")
    if pieces.removed:
        again = new_text.cut(pieces.kept, markup=message.markup).kept
        _hold(again.strip("\n") == pieces.kept.strip("\n"), "cutting twice is not cutting once")


def _hold(truth: bool, otherwise: str) -> None:  # noqa: FBT001 - an assertion reads like one
    if not truth:
        raise BrokenPromiseError(otherwise)


def _attached(message: Message) -> Iterator[Part]:
    """The attachments, and what lies in them; whatever a handler looks at is looked at."""
    for part in message.parts:
        yield part
        found = tnef.contents(part)
        yield from (*found.attachments, *found.bodies) if found else ()
        _hold("\x00" not in calendar.told(part), "a calendar has U+0000")


def _texts(message: Message) -> Iterator[str]:
    """Every text of the message that a database may get."""
    yield from (message.subject, message.text, message.message_id or "", message.origin_reason)
    yield from (*message.in_reply_to, *message.references)
    for address in (*message.authors, *message.recipients, *message.reply_to):
        yield from (address.name, address.spec)
    for part in (*message.parts, *message.text_parts):
        yield from (part.filename, part.content_type, part.content_id, part.charset)
    for name, value in message.fields:
        yield from (name, value)
    for defect in message.defects:
        yield defect.sentence
