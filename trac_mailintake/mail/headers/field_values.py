"""parse: header fields as text, ids, addresses and dates (RFC 5322, 3.6)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail import charsets
from trac_mailintake.mail.defects import DAMAGED_HEADER
from trac_mailintake.mail.headers import address_list, encoded_words
from trac_mailintake.mail.message import Defect
from trac_mailintake.mail.scrub import scrub

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trac_mailintake.mail.message import Address

_FOLD: Final = re.compile(r"[\r\n]++[ \t]*+|(?<![ \t])[ \t]++[\r\n]++[ \t]*+|\x00++")
_ID: Final = re.compile(r"<([^<>]{1,998})>")
_COMMENT: Final = re.compile(r"\([^()]{0,200}\)")
_AROUND_COLON: Final = re.compile(r"\s{0,9}:\s{0,9}")
_BLANKS: Final = re.compile(r"\s+")
_DATE: Final = 200
"""Characters of a date that are examined."""
_NAMES: Final = 100
"""Longest list of field names in a sentence, in characters."""

DELIVERY: Final = (
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "x-delivered-to",
    "x-forwarded-to",
    "apparently-to",
    "resent-to",
    "resent-cc",
    "resent-bcc",
)
"""Fields that record where a mail was delivered, besides To, Cc and Bcc."""


def unfolded(raw: bytes) -> str:
    """A field's value unfolded (RFC 5322, 2.2.3), not yet decoded; raw 8-bit text is decoded."""
    text = charsets.header(raw)
    if "\n" in text or "\r" in text or "\x00" in text:
        text = _FOLD.sub(" ", text)
    return text.strip()


def decoded(text: str) -> str:
    """An unfolded value with its encoded words (RFC 2047) decoded."""
    return scrub(encoded_words.decode(text)).strip() if "=?" in text else text


def damage(fields: Iterable[tuple[str, str]]) -> tuple[Defect, ...]:
    """The defect that names the decoded fields in which something could not be read; () if there are none."""
    names = dict.fromkeys(name for name, value in fields if "\ufffd" in value)
    if not names:
        return ()
    said = ", ".join(names)[:_NAMES]
    return (Defect.of(DAMAGED_HEADER(fields=said)),)


class Fields:
    """The fields of the root header block, by name in lower case; values unfolded, not decoded."""

    __slots__ = ("_values", "pairs")

    def __init__(self, fields: Iterable[tuple[str, bytes]]) -> None:
        self.pairs = tuple((name, unfolded(value)) for name, value in fields)
        self._values: dict[str, list[str]] = {}
        for name, value in self.pairs:
            self._values.setdefault(name.lower(), []).append(value)

    def get_all(self, *names: str) -> list[str]:
        """All values of the fields `names` (lower case): name by name, each in order."""
        if len(names) == 1:
            return list(self._values.get(names[0], ()))
        return [value for name in names for value in self._values.get(name, ())]

    def get(self, name: str) -> str:
        """The first value of the field `name` (lower case), else the empty text."""
        values = self._values.get(name)
        return values[0] if values else ""

    def first_of(self, names: Iterable[str]) -> str:
        """The first of `names` (lower case) for which there is a field; "" if there is none."""
        return next((name for name in names if name in self._values), "")

    def beginning(self, prefix: str) -> str:
        """The name (lower case) of the first field that begins with `prefix`; "" if there is none."""
        return next((name for name in self._values if name.startswith(prefix)), "")

    def decoded(self) -> tuple[tuple[str, str], ...]:
        """All fields, in order, their encoded words decoded."""
        return tuple((name, decoded(value)) for name, value in self.pairs)

    def addresses(self, *names: str, limit: int = 1000) -> tuple[Address, ...]:
        """The mailboxes of all fields `names`, at most `limit` of each."""
        return tuple(found for value in self.get_all(*names) for found in address_list.parse(value, limit))

    def overlong(self, name: str) -> bool:
        """Whether `addresses` leaves out an address in a field `name` because the address is too long."""
        return any(map(address_list.overlong, self.get_all(name)))


def ids(text: str) -> tuple[str, ...]:
    """The message ids in `text`, without repeats, and with angle brackets even if the sender wrote none."""
    if not text:
        return ()
    text = encoded_words.decode(text)
    found = [_BLANKS.sub("", match) for match in map(_without_comments, _ID.findall(text))]
    if not found:
        found = [word.strip("<>,;\"'") for word in text.split() if "@" in word]
    return tuple(dict.fromkeys(f"<{name}>" for name in found if name))


def _without_comments(name: str) -> str:
    """An id without the comments that the obsolete syntax allows between blanks (RFC 5322, 4.5.4)."""
    return _COMMENT.sub(" ", name) if "(" in name and " " in name else name


def message_id(text: str) -> str | None:
    """The one id of a Message-ID field, None when it is empty."""
    found = ids(text)
    if found:
        return found[0]
    word = _BLANKS.sub("", text).strip("<>")
    return f"<{word}>" if word else None


def date(text: str) -> datetime | None:
    """Parse a date (RFC 5322, 3.3). Returns UTC; None if it is absent or invalid."""
    try:
        text = text[:_DATE]
        read = parsedate_tz(text) or parsedate_tz(_AROUND_COLON.sub(":", _COMMENT.sub(" ", text)))
        if not read:
            return None
        local = datetime(*read[:6], tzinfo=UTC)
        return local - timedelta(seconds=read[9] or 0)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def path(text: str) -> str | None:
    """The addr-spec of a Return-Path: "" for the null path, None if it is invalid."""
    bare = text.strip()
    if bare in {"<>", '""', '<"">', "<MAILER-DAEMON>"}:
        return ""
    found = address_list.parse(bare)
    return found[0].spec if found else None
