"""parse: files that old software wrote into the text (`begin 644 name` … `end`), as attachments.

They are searched in the raw bytes of a leaf, before its text is decoded and cut at its limit: a large file must not
push the text after it out of the ticket.
"""

from __future__ import annotations

import mmap
import re
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail.message import Part
from trac_mailintake.mail.mime import filenames
from trac_mailintake.mail.text import body_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trac_mailintake.mail.mime.scanner import Entity
    from trac_mailintake.mail.spool import Slice

_BEGIN: Final = re.compile(rb"^begin [0-7]{3,4} ([^\r\n]{1,200})\r?\n(?=[ -`]{1,86}[ \t]*\r?\n)", re.MULTILINE)
_LINES: Final = re.compile(rb"(?:[ -`]{1,86}[ \t]*\r?\n)*+(?:[ \t]*\r?\n)*+end[ \t]*(?:\r?\n|\Z)")
_IDENTITY: Final = {"7bit", "8bit", "binary"}
_MARK: Final = b"begin "
_MOST: Final = 1000
"""Files in one mail."""


def taken_out(raw: Slice, reader: body_text.Reader, leaves: Sequence[Entity]) -> tuple[Part, ...]:
    """The files in the plain texts among `leaves`; `reader` will skip them there. Raises OSError."""
    found: list[Part] = []
    for leaf in leaves:
        if (
            leaf.content_type == "text/html"
            or body_text.encoding_of(leaf) not in _IDENTITY
            or not reader.has(leaf, _MARK)
        ):
            continue
        body = raw.part(leaf.body, leaf.end)
        files = list(_files(body))[: _MOST - len(found)]
        found.extend(_part(leaf, body, *file) for file in files)
        reader.leave_out(leaf, tuple((start, end) for _, start, end in files))
    return tuple(found)


def _files(body: Slice) -> Iterator[tuple[str, int, int]]:
    """The name, the beginning and the end of each file in `body`; memory does not grow with it."""
    with open(body.path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        position, end = body.offset, body.offset + body.length
        while begin := _BEGIN.search(whole, position, end):
            lines = _LINES.match(whole, begin.end(), end)
            position = lines.end() if lines else begin.end()
            if lines:
                yield begin[1].decode("utf-8", "replace"), begin.start() - body.offset, position - body.offset


def _part(leaf: Entity, body: Slice, name: str, start: int, end: int) -> Part:
    return Part(
        path=leaf.path,
        content_type="application/octet-stream",
        filename=filenames.safe(name) or filenames.from_type("application/octet-stream"),
        inline=False,
        content_id="",
        encoding="x-uuencode",
        charset="",
        body=body.part(start, end),
    )
