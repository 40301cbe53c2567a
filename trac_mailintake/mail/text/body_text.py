"""parse: the text of the leaves that are read: decoded, unwrapped, and joined in the order of the message."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail import charsets
from trac_mailintake.mail.defects import COMPLEX_HTML, DAMAGED_TEXT, LONG_TEXT
from trac_mailintake.mail.html import declared_quotes, to_wiki
from trac_mailintake.mail.message import Defect
from trac_mailintake.mail.mime import transfer_encoding
from trac_mailintake.mail.text import format_flowed
from trac_mailintake.mail.wiki import escape, formatter_cost

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trac_mailintake.mail.limits import Limits
    from trac_mailintake.mail.mime.scanner import Entity
    from trac_mailintake.mail.spool import Slice

_META: Final = re.compile(rb"<meta[^>]{1,200}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_WORDS: Final = re.compile(rb"[a-z]{1,20}[,;.:]? [A-Za-z]{1,20}[,;.:]? [A-Za-z]")
"""Words, which base64 cannot contain, since it has no blanks within a line."""
_BEGINNING: Final = 1024
_LINE_ENDS: Final = ("\r\r\n", "\r\n", "\r")
"""Gateways that make CR LF of each LF have been known to do it twice."""
_COMMENT: Final = re.compile("[;(]")
_META_REACH: Final = 4096
_PLACEHOLDER: Final = re.compile(
    r"html[\s-]*(?:format|version|mail|e-?mail|message|nachricht|only|compatible|capable|enabled|viewer|client|support)"
    r"|view (?:this|it) (?:e-?mail|message|mail)? ?(?:in|as|using)|does(?: not|n't) support html|plain[ -]text version",
    re.IGNORECASE,
)
_PLACEHOLDER_LENGTH: Final = 400
"""Characters: a plain text longer than this says something, whatever it says about HTML."""


@dataclass(frozen=True, slots=True)
class Text:
    """The body as text; `markup` when it is Trac wiki text, `overlong` when the limit cut it."""

    text: str
    markup: bool
    overlong: bool
    defects: tuple[Defect, ...] = ()
    quoted: tuple[tuple[int, int], ...] = ()
    """Ranges of the text that its own markup declares to be quoted."""


class Reader:
    """Decodes leaves, each once, up to the limit of the whole message."""

    def __init__(self, raw: Slice, memory: bytes | None, limits: Limits) -> None:
        self._raw = raw
        self._memory = memory
        self._limits = limits
        self._known: dict[Entity, tuple[str, bool]] = {}
        self._damaged: dict[Entity, Defect] = {}
        self._gaps: dict[Entity, tuple[tuple[int, int], ...]] = {}

    def text(self, entity: Entity) -> tuple[str, bool]:
        """The decoded text of a leaf, and whether it is only the first part of it."""
        if entity not in self._known:
            self._known[entity] = self._read(entity)
        return self._known[entity]

    def damage(self, entity: Entity) -> tuple[Defect, ...]:
        """The defect if some of the text of a leaf could not be read; () otherwise."""
        self.text(entity)
        return (self._damaged[entity],) if entity in self._damaged else ()

    def says_something(self, entity: Entity) -> bool:
        """Whether a plain text is more than blanks or a hint that the HTML should be read."""
        text = self.text(entity)[0].strip()
        return bool(text) and not (len(text) < _PLACEHOLDER_LENGTH and _PLACEHOLDER.search(text))

    def has(self, entity: Entity, mark: bytes) -> bool:
        """Whether `mark` stands in the first bytes of a leaf, as many as its text is made from."""
        if self._memory is not None:
            return self._memory.find(mark, entity.body, entity.end) >= 0
        return mark in self.content(entity, self._limits.text)[0]

    def leave_out(self, entity: Entity, gaps: tuple[tuple[int, int], ...]) -> None:
        """Skip the ranges `gaps` (begin, end, in order) of a leaf's bytes when its text is read."""
        if gaps:
            self._gaps[entity] = gaps
            self._known.pop(entity, None)

    def _blocks(self, entity: Entity) -> Iterable[bytes]:
        """The bytes of a leaf, still encoded, without what is to be left out."""
        if self._memory is not None and entity not in self._gaps:
            return (self._memory[entity.body : entity.end],)
        edges = (0, *chain.from_iterable(self._gaps.get(entity, ())), entity.end - entity.body)
        whole = self._raw.part(entity.body, entity.end)
        stretches = zip(edges[::2], edges[1::2], strict=True)
        return chain.from_iterable(whole.part(start, end).chunks() for start, end in stretches)

    def _is_bare(self, entity: Entity) -> bool:
        """Whether a leaf that is declared as base64 begins with words, and so was never encoded."""
        if encoding_of(entity) != "base64":
            return False
        return bool(_WORDS.search(self._raw.part(entity.body, min(entity.end, entity.body + _BEGINNING)).read()))

    def content(self, entity: Entity, limit: int) -> tuple[bytes, bool]:
        """At most `limit` decoded bytes of a leaf, and whether there are more."""
        pieces: list[bytes] = []
        left = limit
        encoding = "8bit" if self._is_bare(entity) else encoding_of(entity)
        for piece in transfer_encoding.undo(encoding, self._blocks(entity)):
            pieces.append(piece[: left + 1])
            left -= len(piece)
            if left < 0:
                break
        whole = b"".join(pieces)
        return whole[:limit], len(whole) > limit

    def _read(self, entity: Entity) -> tuple[str, bool]:
        content, overlong = self.content(entity, self._limits.text)
        charset = entity.parameters.get("charset", "")
        if entity.content_type == "text/html" and not charsets.codec(charset):
            meta = _META.search(content[:_META_REACH])
            charset = meta[1].decode("ascii", "replace") if meta else charset
        text = charsets.decode(content, charset, whole=not overlong)
        if charsets.damaged(content, text, charset):
            self._damaged[entity] = _damaged(charset)
        if "\r" in text:
            for end in _LINE_ENDS:
                text = text.replace(end, "\n")
        if entity.content_type != "text/html" and entity.parameters.get("format", "").lower() == "flowed":
            text = format_flowed.unwrapped(text, delsp=entity.parameters.get("delsp", "").lower() == "yes")
        return text.lstrip("\ufeff"), overlong


def _damaged(charset: str) -> Defect:
    said = charset[:40] or "UTF-8"
    return Defect.of(DAMAGED_TEXT(charset=said))


def encoding_of(entity: Entity) -> str:
    """The transfer encoding of a leaf, by its name in `message.Part`; `binary` for a leaf that was not looked into."""
    if entity.opaque or entity.content_type.startswith("multipart/"):
        return "binary"
    return _encoding(entity.header("content-transfer-encoding"))


@lru_cache(maxsize=64)
def _encoding(raw: bytes) -> str:
    """The name in `message.Part` of a Content-Transfer-Encoding (RFC 2045, 6.1)."""
    word = _COMMENT.split(raw.decode("ascii", "replace"), maxsplit=1)[0].strip(" \t\r\n\"'").lower() or "7bit"
    word = word.replace("_", "-")
    return _ENCODINGS.get(word, word if word in _KNOWN else "8bit")


_KNOWN: Final = {"7bit", "8bit", "binary", "base64", "quoted-printable", "x-uuencode"}
_ENCODINGS: Final = {
    "uuencode": "x-uuencode",
    "x-uue": "x-uuencode",
    "uue": "x-uuencode",
    "quoted/printable": "quoted-printable",
    "quotedprintable": "quoted-printable",
    "quoted printable": "quoted-printable",
    "x-quoted-printable": "quoted-printable",
    "qp": "quoted-printable",
    "base-64": "base64",
    "base 64": "base64",
    "x-base64": "base64",
    "b64": "base64",
}


def joined(reader: Reader, entities: Sequence[Entity], images: Mapping[str, str], limits: Limits) -> Text:
    """One text of the leaves `entities`; `images` are the names of inline images by Content-ID."""
    markup = any(_is_html(entity) for entity in entities)
    pieces: list[str] = []
    defects: list[Defect] = []
    left, overlong = limits.text, False
    for entity in entities:
        text, cut = reader.text(entity)
        defects.extend(reader.damage(entity))
        overlong = overlong or cut or len(text) > left
        text = text[: max(left, 0)]
        left -= len(text)
        if markup:
            text, defect = _as_wiki(text, images, html=_is_html(entity))
            defects.extend(defect)
        if text.strip():
            pieces.append(text)
    whole = _together(pieces)
    quoted: tuple[tuple[int, int], ...] = ()
    if markup:
        if formatter_cost.heavy_markup(whole):
            whole = _bare(reader, entities, limits)
            defects.append(_complex("Trac would take too long to show it"))
        whole, quoted = declared_quotes.taken_out(formatter_cost.shallow(whole))
    if overlong:
        defects.append(Defect.of(LONG_TEXT(limit=limits.text)))
    return Text(whole, markup, overlong, tuple(defects), quoted)


def _together(pieces: Sequence[str]) -> str:
    return pieces[0] if len(pieces) == 1 else "\n\n".join(piece.strip("\n") for piece in pieces)


def _bare(reader: Reader, entities: Iterable[Entity], limits: Limits) -> str:
    """The bare text of the leaves as safe wiki text, which costs Trac little, however many leaves there are."""
    texts = ((reader.text(entity)[0], _is_html(entity)) for entity in entities)
    whole = _together([to_wiki.bare(text) if html else text for text, html in texts])
    return escape.neutral(whole[: limits.text])


def _is_html(entity: Entity) -> bool:
    return entity.content_type == "text/html"


def _as_wiki(text: str, images: Mapping[str, str], *, html: bool) -> tuple[str, tuple[Defect, ...]]:
    """Wiki text that reads like `text`."""
    if not html:
        return escape.neutral(text), ()
    try:
        return to_wiki.wiki(text, images), ()
    except to_wiki.TooComplexError as reason:
        return to_wiki.stripped(text), (_complex(reason),)


def _complex(reason: object) -> Defect:
    return Defect.of(COMPLEX_HTML(why=str(reason)))
