r"""fetch: the record before each mail of a batch: from which mailbox it is, and which of the bytes are its.

A batch is records and mails in turn, so that the archive can be read without the database. A record has its final size
before the first byte of its mail is written. Its fixed part (big-endian) is

    octets   what
        16   "\nmailintake-mail"
        16   SHA-256 of the batch's name, its beginning
     2 + 2   version; zero
         4   octets of the whole record
     8 + 8   row of the delivery, and the fencing number of the claim by which it was fetched
     8 + 8   when it was fetched, and when it arrived (microseconds since 1970, UTC; 0: unknown)
         8   its size as listed (-1: unknown)
         8   octets of the mail (all bits set until the batch is sealed)
        32   SHA-256 of the mail (zeros until then)
         4   CRC-32 of the record, with zeros here

Service, kind of mailbox, key and label of the mailbox, locator and fingerprint follow in UTF-8, each after its length
(4 octets). What is known only at the end of a mail is written back before the flush that makes the batch durable.

No mail can imitate a record: the name of a batch contains a random number, which its sender does not know. So even a
damaged batch can be searched for its next record. Batches of version 0.1 have mails only.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, Final, Self

from trac_mailintake.intake.times import Microseconds
from trac_mailintake.mail.spool import CHUNK, Slice
from trac_mailintake.tracker.db.transaction import SECOND, key, now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trac_mailintake.intake.model import Delivery

_MAGIC: Final = b"\nmailintake-mail"
_VERSION: Final = 1
_FIXED: Final = struct.Struct(">16s16sHHIQQqqqQ32sI")
_LATE: Final = struct.Struct(">Q32sI")
LATE: Final = _FIXED.size - _LATE.size
"""Where in a record the part begins that is written back."""
_LENGTH: Final = struct.Struct(">I")
_CHECK: Final = struct.Struct(">I")
_OPEN: Final = 2**64 - 1
_LONGEST: Final = 1024 * 1024
"""Octets of the longest record that is believed: a path has 4,096 at most."""
_WORDS: Final = 6


@dataclass(frozen=True, slots=True)
class Record:
    """What the archive says of a mail.

    `delivery` and `fence` are those of the claim by which it was fetched. `account` is the key of its mailbox. `size`
    is as listed; None: unknown. `length`: None until its batch is sealed.
    """

    delivery: int
    fence: int
    fetched: Microseconds
    arrived: Microseconds
    size: int | None
    service: str
    kind: str
    account: str
    label: str
    locator: str
    fingerprint: str
    length: int | None = None
    sha256: str = ""

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """The record of a delivery that is being fetched."""
        account, listed = delivery.account, delivery.listed
        return cls(
            delivery.id,
            delivery.fence,
            now(),
            Microseconds(int(listed.arrived.timestamp() * SECOND) if listed.arrived else 0),
            listed.size,
            delivery.service,
            account.kind,
            key(account.kind, account.label),
            account.label,
            listed.locator,
            listed.fingerprint,
        )

    def ended(self, length: int, sha256: str) -> Self:
        """This record, once the mail is whole."""
        return replace(self, length=length, sha256=sha256)

    def written(self, batch: str) -> bytes:
        """The octets of this record in the batch of that name."""
        words = (self.service, self.kind, self.account, self.label, self.locator, self.fingerprint)
        encoded = [word.encode("utf-8", "surrogatepass") for word in words]
        said = b"".join(_LENGTH.pack(len(word)) + word for word in encoded)
        fixed = (
            *(_MAGIC, _key(batch), _VERSION, 0, _FIXED.size + len(said)),
            *(self.delivery, self.fence, self.fetched, self.arrived, -1 if self.size is None else self.size),
            *(_OPEN if self.length is None else self.length, bytes.fromhex(self.sha256)),
        )
        check = zlib.crc32(said, zlib.crc32(_FIXED.pack(*fixed, 0)))
        return _FIXED.pack(*fixed, check) + said


def late(written: bytes, length: int, sha256: str) -> bytes:
    """What is written back at LATE into a record, once its mail is whole; `written` is the record as it began."""
    end = _LATE.pack(length, bytes.fromhex(sha256), 0)
    check = zlib.crc32(end, zlib.crc32(written[:LATE]))
    return end[: -_CHECK.size] + _CHECK.pack(zlib.crc32(written[_FIXED.size :], check))


@dataclass(frozen=True, slots=True)
class Archived:
    """A mail of a batch: its record, and where its bytes are."""

    path: str
    record: Record
    offset: int

    @property
    def raw(self) -> Slice:
        """Its bytes; none if the batch was not sealed."""
        return Slice(self.path, self.offset, self.record.length or 0)

    def damage(self) -> str:
        """What is wrong with its bytes; "" if they are as they were fetched."""
        if self.record.length is None:
            return "not sealed"
        return damage(self.raw, self.record.sha256)


@dataclass(frozen=True, slots=True)
class Gap:
    """Octets of a batch, from `offset` to `end`, that are neither a record nor a mail of one."""

    path: str
    offset: int
    end: int


def damage(raw: Slice, sha256: str) -> str:
    """What is wrong with archived bytes; "" if they have this SHA-256 (hex)."""
    digest = hashlib.sha256()
    try:
        for chunk in raw.chunks():
            digest.update(chunk)
    except OSError as error:
        return error.strerror or str(error)
    return "" if digest.hexdigest() == sha256 else "other bytes than were fetched"


def walk(path: str) -> Iterator[Archived | Gap]:
    """The mails of a batch by their records, and what is not one. Raises OSError.

    A batch without any record is one gap. Of a batch that is damaged, or was not sealed, the rest is searched for the
    next record.
    """
    with open(path, "rb") as file:
        end = file.seek(0, os.SEEK_END)
        begin = _MAGIC + _key(os.path.basename(path))
        at = 0
        while at < end:
            found = _read(file, path, at, begin)
            if found is None:
                after, at = at, _next(file, at + 1, end, begin)
                yield Gap(path, after, at)
                continue
            yield found
            after = found.offset + (found.record.length or 0)
            sealed = found.record.length is not None
            if sealed and _is_at(file, after, end, begin):
                at = after
                continue
            at = _next(file, found.offset, end, begin)
            if sealed and after < at:
                yield Gap(path, after, at)


def read(path: str) -> list[Archived]:
    """The mails of a batch whose bytes are as they were fetched, and sealed; [] if it is not there. Raises OSError."""
    try:
        return [each for each in walk(path) if isinstance(each, Archived) and not each.damage()]
    except FileNotFoundError:
        return []


def _key(batch: str) -> bytes:
    return hashlib.sha256(batch.encode("utf-8", "surrogateescape")).digest()[:16]


def _is_at(file: BinaryIO, offset: int, end: int, begin: bytes) -> bool:
    """Whether a record begins at this place, or the file ends there."""
    file.seek(offset)
    return offset == end or file.read(len(begin)) == begin


def _next(file: BinaryIO, offset: int, end: int, begin: bytes) -> int:
    """Where the next record begins, or else the end of the file."""
    file.seek(offset)
    kept = b""
    while chunk := file.read(CHUNK):
        kept += chunk
        place = kept.find(begin)
        if place >= 0:
            return offset + place
        rest = kept[-len(begin) + 1 :]
        offset += len(kept) - len(rest)
        kept = rest
    return end


def _read(file: BinaryIO, path: str, offset: int, begin: bytes) -> Archived | None:
    """The record at this place; None if there is none, or a damaged one."""
    file.seek(offset)
    head = file.read(_FIXED.size)
    if len(head) < _FIXED.size or not head.startswith(begin):
        return None
    _, _, version, _, size, *numbers, length, sha256, check = _FIXED.unpack(head)
    if version != _VERSION or not _FIXED.size <= size <= _LONGEST:
        return None
    said = file.read(size - _FIXED.size)
    if zlib.crc32(said, zlib.crc32(head[:-4] + bytes(4))) != check:
        return None
    delivery, fence, fetched, arrived, listed = numbers
    service, kind, account, label, locator, fingerprint = _words(said)
    record = Record(
        *(delivery, fence, fetched, arrived, None if listed < 0 else listed),
        *(service, kind, account, label, locator, fingerprint),
    )
    if length != _OPEN:
        record = record.ended(length, sha256.hex())
    return Archived(path, record, offset + size)


def _words(said: bytes) -> Sequence[str]:
    words = []
    at = 0
    for _ in range(_WORDS):
        (length,) = _LENGTH.unpack_from(said, at)
        at += _LENGTH.size
        words.append(said[at : at + length].decode("utf-8", "surrogatepass"))
        at += length
    return words
