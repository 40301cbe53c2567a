"""fetch: the index at the end of a sealed batch, which says which of its bytes were fetched by which claim.

Once a mail is decided or deferred, its row has its slice. If the worker dies before that, only the index has it. It is
written before the flush that makes the batch durable, so a batch that has one is whole. It is the file's last line:

    mailintake-index OWNER-N.mails [[DELIVERY, FENCE, OFFSET, LENGTH, SHA256], ...]

No mail can imitate it, since the name of a batch contains a random number. Batches of earlier versions have none.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Final, NamedTuple

from trac_mailintake.mail.spool import Slice

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAD: Final = "mailintake-index"
_LONGEST: Final = 256 * 1024
"""Octets of the longest index: of about 2,000 mails. A batch has at most 100."""


class Entry(NamedTuple):
    """A mail of a batch: the claim by which it was fetched, its slice, and its SHA-256 (hex)."""

    delivery: int
    fence: int
    offset: int
    length: int
    sha256: str


def index(name: str, entries: Sequence[Entry]) -> bytes:
    """The end of the batch called `name`."""
    return f"\n{_HEAD} {name} {json.dumps(entries)}\n".encode("ascii")


def read(path: str) -> list[Entry]:
    """The mails of a batch whose bytes are as they were fetched; [] if it was not sealed whole, or is not there.

    Raises OSError.
    """
    try:
        with open(path, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LONGEST))
            *_, last, rest = b"", *file.read().split(b"\n")
    except FileNotFoundError:
        return []
    head = f"{_HEAD} {os.path.basename(path)} ".encode()
    if rest or not last.startswith(head):
        return []
    return [each for each in _entries(last[len(head) :]) if _whole(path, each)]


def _entries(said: bytes) -> list[Entry]:
    """What an index says; nothing if a power cut left holes in it, or the disk other bytes."""
    try:
        return [Entry(*values) for values in json.loads(said)]
    except (ValueError, TypeError):
        return []


def _whole(path: str, entry: Entry) -> bool:
    digest = hashlib.sha256()
    for chunk in Slice(path, entry.offset, entry.length).chunks():
        digest.update(chunk)
    return digest.hexdigest() == entry.sha256
