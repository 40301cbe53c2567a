"""Everything that reads what strangers wrote, and what it is fed to see how its time grows: a new scanner is one line.

`Scanner(name, read, cap, tokens)`: `read` takes a text of repeated tokens, and `cap` characters are the most that it is
ever given. A pair of tokens is nested: the first of them again and again, then the second as often. `before` stands in
front of them all.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.builders import part
from tests.mail import wrapped
from tests.security import tokens as of
from trac_mailintake.builtin import follow_up
from trac_mailintake.builtin.handlers import commit_log
from trac_mailintake.mail import charsets, parse
from trac_mailintake.mail.classify import bounce_phrases, delivery_status, sender_kind
from trac_mailintake.mail.headers import address_list, authentication_results, encoded_words, field_values
from trac_mailintake.mail.html import declared_quotes, to_wiki
from trac_mailintake.mail.limits import LIMITS
from trac_mailintake.mail.mime import filenames, header_block, parameters, tnef, transfer_encoding
from trac_mailintake.mail.reply import new_text
from trac_mailintake.mail.spool import Slice
from trac_mailintake.mail.text import calendar, uuencoded
from trac_mailintake.mail.wiki import escape, formatter_cost
from trac_mailintake.mail.wiki.truncate import cut
from trac_mailintake.sources.imap import fetch_response
from trac_mailintake.sources.local import mbox
from trac_mailintake.sources.net import transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.security.tokens import Token
    from trac_mailintake.mail.message import Message

KB: Final = 1024
BOUND: Final = 0.12
"""Seconds of the processor at the cap, where less than that is too little to see how it grows."""


@dataclass(frozen=True)
class Scanner:
    """What reads, at most how many characters, what of them, and what stands before them."""

    name: str
    read: Callable[[str], object]
    cap: int
    tokens: tuple[Token, ...]
    before: str = ""
    bound: float = BOUND


@dataclass(frozen=True)
class Shape:
    """A text that grows."""

    scanner: Scanner
    token: Token

    def __str__(self) -> str:
        """How the test is called."""
        return f"{self.scanner.name}: {self.token!r}"

    def text(self, length: int) -> str:
        """About so many characters of it."""
        token = self.token
        if isinstance(token, tuple):
            times = max(length // len("".join(token)), 1)
            return self.scanner.before + token[0] * times + token[1] * times
        return self.scanner.before + token * max(length // len(token), 1)


FOLDER: Final = tempfile.TemporaryDirectory(prefix="mailintake-growing-")


def _spooled(raw: bytes) -> Slice:
    path = Path(FOLDER.name) / "mail"
    path.write_bytes(raw)
    return Slice(str(path), 0, len(raw))


def _parsed(head: str, text: str) -> Message:
    """The mail that has `head`, and `text` behind it, byte by byte."""
    mail = head + text
    return parse.parse(_spooled(mail.encode("utf-8" if "charset=utf-8" in head else "latin-1")))


def _mail(head: str) -> Callable[[str], object]:
    return partial(_parsed, head)


def _texts(kind: str) -> Callable[[str], object]:
    return _mail(f"Content-Type: text/{kind}\n\n")


def _calendar(text: str) -> object:
    return calendar.told(part(_emptied(), "a.ics", f"BEGIN:VCALENDAR\n{text}".encode()))


def _emptied() -> Path:
    for path in Path(FOLDER.name).iterdir():
        path.unlink()
    return Path(FOLDER.name)


def _wrapping(text: str) -> object:
    """As many attachments in a winmail.dat as `text` has characters, each of 100 bytes, every byte of them read."""
    raw = wrapped.tnef(*(wrapped.attached("a.bin", b"x" * 100) for _ in text))
    found = tnef.contents(part(_emptied(), "winmail.dat", raw, encoding="7bit"))
    return sum(len(b"".join(transfer_encoding.decoded(each))) for each in found.attachments) if found else 0


def _proof(text: str) -> object:
    fields = (("Authentication-Results", f"mx.example; {text}"), ("Received", f"from x by mx.example {text}"))
    return authentication_results.proof(fields, ("mx.example",), "a@b.example")


def _origin(text: str) -> object:
    return sender_kind.origin(field_values.Fields(()), text, sender_kind.Shape("text/plain", {}, frozenset(), text))


def _bounce(text: str) -> object:
    return (
        bounce_phrases.DAEMON.search(text),
        bounce_phrases.software(text),
        bounce_phrases.subject(text[:300]),
        bounce_phrases.sentence(text),
    )


def _parameters(text: str) -> object:
    parameters._cached.cache_clear()
    return parameters.content_type(text.encode(), "text/plain")


def _reported(text: str) -> object:
    return list(delivery_status._MESSAGE_ID.finditer(text))


def _uuencoded(text: str) -> object:
    raw = text.encode("latin-1") + b"."
    return list(uuencoded._files(_spooled(raw)))


def _subject(text: str) -> object:
    return list(follow_up._SUBJECT.finditer(text))


def _log(text: str) -> object:
    return sum(1 for _ in commit_log._NAMED.finditer(text)), commit_log._DIFF.search(text)


def _fetched(text: str) -> object:
    return list(fetch_response.parse([(f"1 (UID 1 {text} BODY[] {{1}}".encode(), b"x"), f" {text})".encode()]))


def _marked(text: str) -> object:
    return new_text.cut(text, markup=True)


def _decoded(charset: str) -> Callable[[str], object]:
    return lambda text: charsets.decode(text.encode("latin-1"), charset)


def _unfolded(text: str) -> object:
    return field_values.unfolded(text.encode())


def _cut(text: str) -> object:
    return header_block.cut(text.encode(), 0, LIMITS)


def _encoded(name: str) -> Callable[[str], object]:
    return _mail(f"Content-Transfer-Encoding: {name}\n\n")


def _separated(text: str) -> object:
    return mbox._SEPARATOR.search(text.encode())


def _shortened(text: str) -> object:
    return cut(text, len(text) - 9)


def _masked(text: str) -> object:
    return transcript._SECRET.match(text.encode())


FIELD: Final = LIMITS.field
TEXT: Final = LIMITS.text
CHARSETS: Final = (
    *(
        "",
        "utf-8",
        "utf-7",
        "utf-16",
        "iso-2022-jp",
        "iso-2022-kr",
        "gb18030",
        "hz",
        "euc-jp",
        "shift_jis",
        "big5",
        "euc-kr",
    ),
)

SCANNERS: Final = (
    Scanner("parameters", _parameters, FIELD, of.PARAMETERS, "a/b"),
    Scanner("a quoted parameter", _parameters, FIELD, of.PARAMETERS, 'a/b; name="'),
    Scanner("addresses", address_list.parse, FIELD, of.ADDRESSES),
    Scanner("addresses behind a word", address_list.parse, FIELD, of.ADDRESSES, "a"),
    Scanner("an address in angles", address_list.parse, FIELD, of.ADDRESSES, "a <"),
    Scanner("encoded words", encoded_words.decode, FIELD, of.ENCODED),
    Scanner("a folded field", _unfolded, FIELD, of.FOLDS, "a\nb"),
    Scanner("ids", field_values.ids, LIMITS.head, of.IDS),
    Scanner("a date", field_values.date, FIELD, of.DATES),
    Scanner("a path", field_values.path, FIELD, of.PATHS),
    Scanner("results", _proof, 8 * KB, of.RESULTS),
    Scanner("names", filenames.safe, FIELD, of.NAMES),
    Scanner("subjects of bounces", _bounce, 64 * KB, of.BOUNCES),
    Scanner("subjects of responders", _origin, 64 * KB, of.RESPONDERS),
    Scanner("numbers in a subject", _subject, FIELD, of.NUMBERS),
    Scanner("header blocks", _cut, 4 * LIMITS.head, of.HEADS, "a:b\n"),
    Scanner("the beginning of a mail", _mail(""), 1024 * KB, of.BEGINNINGS),
    Scanner("a multipart", _mail("Content-Type: multipart/mixed; boundary=b\n\n"), 4096 * KB, of.MULTIPART, bound=1.0),
    Scanner("a multipart of no boundary", _mail("Content-Type: multipart/mixed\n\n"), TEXT, of.MULTIPART, bound=1.0),
    *(Scanner(name, _encoded(name), TEXT, tokens) for name, tokens in of.ENCODINGS.items()),
    Scanner("flowed text", _texts("plain; format=flowed; delsp=yes"), TEXT, of.FLOWED),
    Scanner("files in a text", _uuencoded, TEXT, of.FILES, "begin 644 a\n"),
    Scanner("ids of a bounce", _reported, TEXT, of.REPORTED),
    Scanner("replies", new_text.cut, TEXT, of.QUOTES, bound=2.5),
    Scanner("replies in wiki text", _marked, TEXT, of.QUOTES, bound=2.5),
    Scanner("passages", declared_quotes.taken_out, TEXT, of.PASSAGES),
    Scanner("wiki text", escape.neutral, TEXT, of.WIKI, bound=0.5),
    Scanner("lines of wiki text", escape.lines, 256 * KB, of.WIKI, bound=2.0),
    Scanner("what it costs", formatter_cost.heavy_markup, TEXT, of.BLOCKS, bound=0.5),
    Scanner("wiki text of senders", formatter_cost.bearable, TEXT, of.BLOCKS, bound=0.5),
    Scanner("wiki text that is cut", _shortened, TEXT, of.BLOCKS, bound=0.5),
    Scanner("wiki text for joined lines", escape.broken, TEXT, of.WIKI, bound=0.5),
    Scanner("HTML", _texts("html; charset=utf-8"), LIMITS.html, of.MARKUP, bound=2.5),
    Scanner("the words of HTML", to_wiki.bare, TEXT, of.MARKUP, bound=0.5),
    Scanner("calendars", _calendar, 256 * KB, of.CALENDARS),
    Scanner("wrappings", _wrapping, 2 * KB, ("x",), bound=1.0),
    Scanner("logs of commits", _log, TEXT, of.LOGS, bound=1.0),
    Scanner("answers to FETCH", _fetched, TEXT, of.FETCHED),
    Scanner("lines of an mbox", _separated, 64 * KB, of.MBOX, "From a"),
    Scanner("a dialogue", _masked, 64 * KB, of.DIALOGUE),
    *(
        Scanner(f"text in {name or 'no charset'}", _decoded(name), 256 * KB, of.CHARSETS, bound=1.0)
        for name in CHARSETS
    ),
)


def shapes() -> Iterator[Shape]:
    """All of them."""
    for scanner in SCANNERS:
        yield from (Shape(scanner, token) for token in dict.fromkeys(scanner.tokens))
