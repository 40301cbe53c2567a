"""handle: finds the attachments in a `winmail.dat`, Outlook's own format (MS-OXTNEF).

This only finds positions. The content is read from the spool when it is attached, as a range of the wrapping's decoded
bytes. The attributes are walked once, in a loop, so time is linear whatever they claim.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail import charsets
from trac_mailintake.mail.mime import filenames, transfer_encoding
from trac_mailintake.mail.scrub import scrub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac_mailintake.mail.message import Part

_SIGNATURE: Final = b"\x78\x9f\x3e\x22"
_LARGEST: Final = 32 * 1024 * 1024
"""Largest wrapping, in decoded bytes, that is parsed; it is held in memory meanwhile."""
_MOST: Final = 500
"""Most attachments in a wrapping; one with more is left as it is."""
_MOST_READ: Final = 512 * 1024 * 1024
"""Decoded bytes to read for all attachments together; a wrapping that would need more is left as it is."""
_MOST_PROPERTIES: Final = 2_000
_HEADER: Final = struct.Struct("<BHHI")
_LONG: Final = struct.Struct("<I")
_PROPERTY: Final = struct.Struct("<HH")
_KEY: Final = 2
_CHECKSUM: Final = 2

_RENDERED: Final = 0x9002
"""attAttachRendData: an attachment begins."""
_TITLE: Final = 0x8010
_CONTENT: Final = 0x800F
_OF_ATTACHMENT: Final = 0x9005
_OF_MESSAGE: Final = 0x9003
_CODEPAGE: Final = 0x9007
_PLAIN: Final = 0x800C
_LEVEL_ATTACHMENT: Final = 2

_NAMED: Final = 0x8000
"""Properties from here on have a name before their value."""
_MANY: Final = 0x1000
_OBJECT: Final = 0x000D
_UNICODE: Final = 0x001F
_BY_LENGTH: Final = {_OBJECT, 0x0102, 0x001E, _UNICODE}
"""Types whose values say their own length: object, binary, string in the code page, string in UTF-16."""
_SIZES: Final = {0x0005: 8, 0x0006: 8, 0x0007: 8, 0x0014: 8, 0x0040: 8, 0x0048: 16}
"""Sizes, in bytes, of the types whose values do not have four."""

_DATA: Final = 0x3701
_LONG_NAME: Final = 0x3707
_SHORT_NAME: Final = 0x3704
_SHOWN_NAME: Final = 0x3001
_MEDIA_TYPE: Final = 0x370E
_CONTENT_ID: Final = 0x3712
_TOLD: Final = {_LONG_NAME, _SHORT_NAME, _SHOWN_NAME, _MEDIA_TYPE, _CONTENT_ID}
_BODIES: Final = {0x1013: ("message.html", "text/html"), 0x1000: ("message.txt", "text/plain")}
"""PidTagBodyHtml, PidTagBody."""
_ENCLOSED: Final = bytes.fromhex("0703020000000000c000000000000046")
"""IID_IMessage: the object is itself such a wrapping, of an enclosed message."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a wrapping holds: attachments, and the texts of the message, which most mails have outside it, too."""

    attachments: tuple[Part, ...] = ()
    bodies: tuple[Part, ...] = ()


@dataclass(slots=True)
class _File:
    """An attachment while its attributes are met: where its bytes lie, and its properties by their number."""

    start: int = 0
    end: int = 0
    title: str = ""
    properties: dict[int, str] = field(default_factory=dict)


def is_wrapping(part: Part) -> bool:
    """Whether a part declares itself a `winmail.dat`, by its type or its name."""
    return part.content_type in {"application/ms-tnef", "application/vnd.ms-tnef"} or (
        part.filename.lower() == "winmail.dat"
    )


def contents(part: Part) -> Contents | None:
    """The contents of a wrapping; None if it is unreadable or too large. Raises OSError."""
    pieces: list[bytes] = []
    left = _LARGEST
    for piece in transfer_encoding.decoded(part):
        pieces.append(piece)
        left -= len(piece)
        if left < 0:
            return None
    whole = b"".join(pieces)
    if not whole.startswith(_SIGNATURE):
        return None
    walk = _Walk(whole)
    walk.run()
    if len(walk.files) > _MOST:
        return None
    reel = _Reel(part, transfer_encoding.places(part))
    if sum(file.end - reel.place(file.start)[1] for file in walk.files) > _MOST_READ:
        return None
    attachments = tuple(_part(reel, number, file) for number, file in enumerate(walk.files, 1) if file.end > file.start)
    return Contents(attachments, tuple(reel.stretch(number, *body) for number, body in enumerate(walk.bodies)))


@dataclass(frozen=True, slots=True)
class _Reel:
    """A wrapping, and places in it at which its decoding may begin: see `transfer_encoding.places`."""

    part: Part
    places: list[tuple[int, int]]

    def place(self, start: int) -> tuple[int, int]:
        """The last place before the decoded byte `start`."""
        return self.places[bisect_right(self.places, start, key=itemgetter(1)) - 1]

    def stretch(self, number: int, name: str, content_type: str, start: int, end: int) -> Part:
        """The decoded bytes from `start` to `end`, as a part."""
        raw, before = self.place(start)
        return replace(
            self.part,
            path=f"{self.part.path}.{number}",
            content_type=content_type,
            filename=name,
            inline=False,
            content_id="",
            charset="",
            encoding=transfer_encoding.stretch(self.part.encoding, start - before, end - before),
            body=self.part.body.part(raw, self.part.body.length),
        )


def _part(reel: _Reel, number: int, file: _File) -> Part:
    told = file.properties
    given = told.get(_LONG_NAME) or told.get(_SHORT_NAME) or file.title or told.get(_SHOWN_NAME, "")
    content_type = told.get(_MEDIA_TYPE, "").lower() or "application/octet-stream"
    name = filenames.safe(given) or filenames.from_type(content_type)
    found = reel.stretch(number, name, content_type, file.start, file.end)
    return replace(found, content_id=told.get(_CONTENT_ID, "").strip("<> "))


class _Walk:
    """Walks over a wrapping and those within it."""

    def __init__(self, whole: bytes) -> None:
        self.whole = whole
        self.files: list[_File] = []
        self.bodies: list[tuple[str, str, int, int]] = []
        self.charset = ""
        self.waiting = [(0, len(whole))]

    def run(self) -> None:
        """Find the attachments; an attribute that does not fit ends its wrapping."""
        while self.waiting and len(self.files) <= _MOST:
            start, end = self.waiting.pop(0)
            outermost = start == 0
            for level, name, begin, stop in self._attributes(start + len(_SIGNATURE) + _KEY, end):
                if level == _LEVEL_ATTACHMENT:
                    self._of_attachment(name, begin, stop)
                elif name == _CODEPAGE and stop - begin >= _LONG.size:
                    self.charset = f"cp{_LONG.unpack_from(self.whole, begin)[0]}"
                elif outermost:
                    self._of_message(name, begin, stop)

    def _attributes(self, position: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Level, name, and where the value begins and ends, of each attribute."""
        while position + _HEADER.size <= end and len(self.files) <= _MOST:
            level, name, _, length = _HEADER.unpack_from(self.whole, position)
            begin = position + _HEADER.size
            if level not in {1, _LEVEL_ATTACHMENT} or begin + length > end:
                return
            yield level, name, begin, begin + length
            position = begin + length + _CHECKSUM

    def _of_attachment(self, name: int, begin: int, stop: int) -> None:
        if name == _RENDERED or not self.files:
            self.files.append(_File())
        file = self.files[-1]
        if name == _TITLE:
            file.title = self._text(begin, stop, unicode=False)
        elif name == _CONTENT:
            file.start, file.end = begin, stop
        elif name == _OF_ATTACHMENT:
            self._of_properties(file, begin, stop)

    def _of_properties(self, file: _File, begin: int, stop: int) -> None:
        """The properties of an attachment: its bytes, and what says something about it."""
        for number, kind, first, last in self._properties(begin, stop):
            if number == _DATA and kind in _BY_LENGTH:
                self._object(file, first, last, kind)
            elif kind in _BY_LENGTH and number in _TOLD:
                file.properties[number] = self._text(first, last, unicode=kind == _UNICODE)

    def _object(self, file: _File, start: int, end: int, kind: int) -> None:
        """The bytes of an attachment that came as a property; an object has its kind before them."""
        if kind == _OBJECT and self.whole.startswith(_ENCLOSED, start):
            self.waiting.append((start + len(_ENCLOSED), end))
        elif not file.end:
            file.start, file.end = start + (len(_ENCLOSED) if kind == _OBJECT else 0), end

    def _of_message(self, name: int, begin: int, stop: int) -> None:
        if name == _PLAIN and stop > begin:
            self.bodies.append(("message.txt", "text/plain", begin, stop))
        elif name == _OF_MESSAGE:
            for number, kind, first, last in self._properties(begin, stop):
                if number in _BODIES and kind in _BY_LENGTH and last > first:
                    self.bodies.append((*_BODIES[number], first, last))

    def _properties(self, position: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Number, type, and where the first value begins and ends, of each property (MS-OXTNEF, 2.1.3.4)."""
        position += _LONG.size
        for _ in range(_MOST_PROPERTIES):
            if position + _PROPERTY.size > end:
                return
            kind, number = _PROPERTY.unpack_from(self.whole, position)
            position += _PROPERTY.size
            if number >= _NAMED:
                position = self._behind_name(position, end)
            count, position = self._counted(kind, position, end)
            kind &= ~_MANY
            for index in range(count):
                begin, position = self._value(kind, position, end)
                if position > end:
                    return
                if not index:
                    stop = begin + self._long(begin - _LONG.size, end) if kind in _BY_LENGTH else position
                    yield number, kind, begin, stop

    def _counted(self, kind: int, position: int, end: int) -> tuple[int, int]:
        """How many values a property has, and where the first is."""
        if kind & _MANY or kind in _BY_LENGTH:
            return min(self._long(position, end), _MOST_PROPERTIES), position + _LONG.size
        return 1, position

    def _value(self, kind: int, position: int, end: int) -> tuple[int, int]:
        """Where a value begins, and where the next one does; all are padded to four bytes."""
        if kind in _BY_LENGTH:
            return position + _LONG.size, position + _LONG.size + _padded(self._long(position, end))
        return position, position + _SIZES.get(kind, 4)

    def _behind_name(self, position: int, end: int) -> int:
        """Where the value of a named property begins: behind a GUID and a number or a text."""
        position += 16
        named = self._long(position, end) == 1
        position += _LONG.size
        return position + _LONG.size + (_padded(self._long(position, end)) if named else 0)

    def _long(self, position: int, end: int) -> int:
        """The number at `position`; if that is beyond `end`, an enormous one, so that the walk ends."""
        return int(_LONG.unpack_from(self.whole, position)[0]) if position + _LONG.size <= end else 1 << 32

    def _text(self, start: int, end: int, *, unicode: bool) -> str:
        raw = self.whole[start : min(end, start + 4096)]
        text = raw.decode("utf-16-le", "replace") if unicode else charsets.decode(raw, self.charset)
        return scrub(text.partition("\x00")[0] if unicode else text).strip()


def _padded(length: int) -> int:
    return length + -length % 4
