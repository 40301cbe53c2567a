"""parse: the MIME structure of a message on disk (RFC 2046, 5.1), found by looking for boundaries only.

The standard parser holds the whole message in memory, several times over, and dies of recursion at a thousand levels.
This scanner keeps a stack of open multiparts and a window of the file, and skips attachments at the speed of a search.
An enclosed message is one leaf: what is inside is not ours to take apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail.defects import (
    DEEP_NESTING,
    MANY_FIELDS,
    MANY_PARTS,
    NO_BOUNDARY,
    NO_END_BOUNDARY,
    WRONG_BOUNDARY,
)
from trac_mailintake.mail.message import Defect
from trac_mailintake.mail.mime import boundaries, header_block, parameters
from trac_mailintake.mail.mime.window import Tape

if TYPE_CHECKING:
    from trac_mailintake.mail.limits import Limits
    from trac_mailintake.mail.mime.header_block import LineEnds
    from trac_mailintake.mail.spool import Slice
    from trac_mailintake.mail.wording import Reason

_LINE: Final = 1024
"""Bytes within which a boundary line must end: RFC 2046 allows 70, real ones have a few hundred."""

_PATIENCE: Final = 100
"""Lines that only begin like a delimiter, after which the search is for whole lines."""


@dataclass(slots=True, eq=False)
class Entity:
    """A node of the MIME tree, filled in while the scanner walks. Positions are offsets within the message, in bytes.

    `head` is where its header block begins, `body` to `end` are its content; a multipart has `children`.
    `opaque` marks what was not looked into because of a limit.
    """

    path: str
    parent: Entity | None
    fields: tuple[tuple[str, bytes], ...]
    content_type: str
    parameters: dict[str, str]
    head: int
    body: int
    end: int = -1
    opaque: bool = False
    children: list[Entity] = field(default_factory=list)
    _values: dict[str, bytes] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Find the first field of each name."""
        for name, value in self.fields:
            self._values.setdefault(name.lower(), value)

    @property
    def multipart(self) -> bool:
        """Whether this may contain others."""
        return self.content_type.startswith("multipart/")

    def header(self, name: str) -> bytes:
        """The raw value of the first header field `name` (lower case), empty when there is none."""
        return self._values.get(name, b"")


@dataclass(frozen=True, slots=True)
class Scan:
    """The result of a scan: the entities in the order of the message (the first is the root), and the defects."""

    entities: tuple[Entity, ...]
    defects: tuple[Defect, ...]
    tape: Tape
    ends: LineEnds


def scan(raw: Slice, limits: Limits) -> Scan:
    """Find the MIME structure of the message `raw`. Raises OSError when it cannot be read."""
    walk = _Walk(Tape(raw), limits)
    walk.run()
    return Scan(tuple(walk.entities), tuple(walk.defects.values()), walk.tape, walk.ends)


class _Walk:
    """One walk over one message: the stack of open multiparts and what was found so far."""

    def __init__(self, tape: Tape, limits: Limits) -> None:
        self.tape = tape
        self.limits = limits
        self.ends = header_block.line_ends(tape, limits)
        self.entities: list[Entity] = []
        self.heads = 0
        self.defects: dict[str, Defect] = {}
        self.open: list[tuple[bytes, Entity]] = []
        self.leaf: Entity | None = None
        self.needle = b""
        self.misses = 0
        self.lines: re.Pattern[bytes] | None = None

    def run(self) -> None:
        """Walk from boundary to boundary, to the end of the message."""
        position = self._enter(header_block.preamble(self.tape, self.ends), None)
        self.tape.mark_body(position)
        while self.open:
            found = self._search(max(position - 1, self.tape.base))
            if found < 0:
                break
            position = self._boundary(found)
        self.tape.drain()
        self._finish(self.tape.end)

    def _search(self, position: int) -> int:
        """The position of the newline before the next possible delimiter; -1 if there is none.

        Searching for the bytes alone is fastest, unless they occur everywhere without being a delimiter.
        """
        if self.misses < _PATIENCE:
            return self.tape.find(self.needle, position)
        if self.lines is None:
            delimiters = sorted({re.escape(delimiter) for delimiter, _ in self.open}, key=len, reverse=True)
            newline = self.ends.newline
            line = newline + b"(?:" + b"|".join(delimiters) + b")(?:--)?[ \t\r]*(?:" + newline + rb"|\Z)"
            self.lines = re.compile(line)
        match = self.tape.search(self.lines, position, _LINE)
        return self.tape.base + match.start() if match else -1

    def _defect(self, defect: Defect) -> None:
        self.defects.setdefault(defect.slug, defect)

    def _boundary(self, found: int) -> int:
        """Examine the line after the newline at `found`. Returns where to continue the search."""
        self.tape.ensure(found, _LINE)
        window, start = self.tape.window, found - self.tape.base + 1
        stop = window.find(self.ends.newline, start, start + _LINE)
        line = window[start : stop if stop >= 0 else start + _LINE].rstrip(b" \t\r\n")
        behind = self.tape.base + (stop + 1 if stop >= 0 else min(start + _LINE, len(window)))
        for index in range(len(self.open) - 1, -1, -1):
            delimiter = self.open[index][0]
            if line.startswith(delimiter) and line[len(delimiter) :] in {b"", b"--"}:
                return self._step(index, found, behind, closing=len(line) > len(delimiter))
        self.misses += 1
        return found + 2

    def _step(self, index: int, found: int, behind: int, *, closing: bool) -> int:
        """Handle a delimiter of the open multipart at `index`: end the present part, and begin the next."""
        index_of_found = found - self.tape.base
        before = self.tape.window[max(index_of_found - 1, 0) : index_of_found]
        end = found - (before == b"\r" and self.ends is header_block.LF)
        self._finish(end, index + 1)
        multipart = self.open[index][1]
        if closing:
            multipart.end = end
            return behind
        excess = self._excess()
        if excess:
            self._remainder(multipart, found + 1, excess)
            return behind
        return self._enter(behind, multipart)

    def _excess(self) -> Reason | None:
        """Why no further part is read: there are too many parts, or fields in them. None if there is room."""
        if len(self.entities) >= self.limits.parts:
            return MANY_PARTS(limit=self.limits.parts)
        if self.heads > self.limits.heads:
            return MANY_FIELDS(limit=self.limits.heads)
        return None

    def _remainder(self, multipart: Entity, start: int, excess: Reason) -> None:
        """Keep what follows the last part allowed as one leaf, unread."""
        self._defect(Defect.of(excess))
        for _, unfinished in self.open:
            unfinished.end = start
        self._finish(start)
        rest = Entity(_path(multipart), multipart, (), "application/octet-stream", {}, start, start, opaque=True)
        multipart.children.append(rest)
        self.entities.append(rest)
        self.leaf = rest

    def _enter(self, start: int, parent: Entity | None) -> int:
        """Read the header block at `start` and begin its entity. Returns where to continue the search."""
        head = header_block.read(self.tape, start, self.limits, self.ends)
        for defect in head.defects:
            self._defect(defect)
        doubt = None if parent else header_block.doubt(self.tape, start, head, self.ends)
        if doubt:
            self._defect(Defect.of(doubt))
        entity = _entity(head, start, parent)
        if parent:
            parent.children.append(entity)
            self.heads += sum(len(name) + len(value) for name, value in head.fields)
        self.entities.append(entity)
        self.leaf = entity
        if entity.multipart:
            self._push(entity)
        return head.body

    def _push(self, entity: Entity) -> None:
        """Open the multipart, unless it is too deep or has no boundary."""
        if len(self.open) >= self.limits.depth:
            self._defect(Defect.of(DEEP_NESTING(limit=self.limits.depth)))
            entity.opaque = True
            return
        outer = {delimiter for delimiter, _ in self.open}
        boundary = entity.parameters.get("boundary", "")
        delimiter, declared = boundaries.delimiter(self.tape, entity.body, boundary, outer)
        if not declared:
            self._defect(Defect.of(WRONG_BOUNDARY()))
        if delimiter:
            self.leaf = None
            self.open.append((delimiter, entity))
            self._aim()
        else:
            self._defect(Defect.of(NO_BOUNDARY()))

    def _aim(self) -> None:
        """Set the search to the common prefix of all open delimiters: the longer, the fewer false hits."""
        self.misses, self.lines = 0, None
        first = min(delimiter for delimiter, _ in self.open)
        last = max(delimiter for delimiter, _ in self.open)
        alike = next((index for index, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), None)
        self.needle = self.ends.newline + (first[:alike] if alike is not None else first)

    def _finish(self, end: int, keep: int = 0) -> None:
        """End the current leaf and all open multiparts from the index `keep` on at `end`."""
        if self.leaf and self.leaf.end < 0:
            self.leaf.end = max(end, self.leaf.body)
        self.leaf = None
        for _, multipart in self.open[keep:]:
            if multipart.end < 0:
                self._defect(Defect.of(NO_END_BOUNDARY()))
                multipart.end = max(end, multipart.body)
        if len(self.open) > keep:
            del self.open[keep:]
            if self.open:
                self._aim()


def _entity(head: header_block.Block, start: int, parent: Entity | None) -> Entity:
    """The entity with the header block `head`; parts of a digest are messages by default (RFC 2046, 5.1.5)."""
    default = "message/rfc822" if parent and parent.content_type == "multipart/digest" else "text/plain"
    raw = next((value for name, value in head.fields if name.lower() == "content-type"), b"")
    content_type, values = parameters.content_type(raw, default)
    return Entity(_path(parent) if parent else "1", parent, head.fields, content_type, values, start, head.body)


def _path(parent: Entity) -> str:
    return f"{parent.path}.{len(parent.children) + 1}"
