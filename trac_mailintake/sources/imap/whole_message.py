"""fetch: streams one message as one literal, so that memory stays constant.

imaplib reads a literal completely before it returns it, so this reads the answer to one FETCH without imaplib.
"""

from __future__ import annotations

import imaplib
import re
from typing import TYPE_CHECKING, Final, Protocol

from trac_mailintake.sources.errors import excerpt
from trac_mailintake.sources.imap.fetch_response import ends, is_body, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

_LITERAL: Final = re.compile(rb"\{(\d+)\}\Z")


class Line(Protocol):
    """The connection that the answer is read from."""

    tagged_commands: dict[bytes, object]

    def line(self) -> bytes:
        """Read a line, without its end."""

    def read(self, size: int) -> bytes:
        """Read `size` bytes into memory."""

    def chunks(self, size: int) -> Iterator[bytes]:
        """Read `size` bytes, a few at a time."""


class Whole:
    """The unread answer to `UID FETCH n (UID BODY.PEEK[])`.

    Until `finished` the connection cannot be used for anything else. Then `fault` says why the answer is not valid, or
    is "". Network errors are raised unchanged.
    """

    def __init__(self, wire: Line, tag: str, uid: int) -> None:
        self._wire = wire
        self._tag = tag.encode("ascii")
        self._uid = uid
        self._head = b""
        self._length = 0
        self._held: bytes | None = None
        self._torn = False
        self.fault = ""
        self.finished = False
        # imaplib would wait for it.
        del wire.tagged_commands[self._tag]

    def begin(self) -> int | None:
        """Read up to the message. Returns its announced size in bytes; None if there is no message."""
        while not self.finished:
            if self._response():
                return self._length
        return None

    def chunks(self) -> Iterator[bytes]:
        """Yield the message, after `begin`, and read the answer to its end. It is complete only if `fault` is empty."""
        yield from self._body()
        while not self.finished and not self._torn:
            if self._response():
                for _ in self._body():
                    pass
                self.fault = "the server gave it twice"

    def _body(self) -> Iterator[bytes]:
        if self._held is not None:
            yield self._held
            return
        yield from self._wire.chunks(self._length)
        text = self._wire.line()
        # Another literal of this response may follow, but no other message.
        self._torn = is_body(text) or not ends(text + b")" if _LITERAL.search(text) else text)
        if self._torn:
            self.fault = f"it has not the {self._length} bytes that the server said"
        elif next(parse([(self._head, b""), self._rest(text)])).uid != self._uid:
            self.fault = "the server gave another one"

    def _response(self) -> bool:
        """Read a response, up to the literal of the body. Returns whether there is one."""
        text = self._wire.line()
        if text.startswith(self._tag + b" "):
            self._end(text.removeprefix(self._tag).strip())
            return False
        if text[:5].upper() == b"* BYE" or not text.startswith(b"* "):
            raise imaplib.IMAP4.abort(excerpt(text))
        literal = _LITERAL.search(text)
        if literal and is_body(text):
            self._head, self._length, self._held = text, int(literal.group(1)), None
            return True
        fetched = next(parse([self._rest(text)]))
        if fetched.uid != self._uid or fetched.body is None or fetched.offset is not None:
            return False
        self._held, self._length = fetched.body, len(fetched.body)
        return True

    def _rest(self, text: bytes) -> bytes:
        """Read a response to its end, dropping its other literals."""
        said = text
        while literal := _LITERAL.search(text):
            self._wire.read(int(literal.group(1)))
            text = self._wire.line()
            said += text
        return said

    def _end(self, said: bytes) -> None:
        self.finished = True
        if said[:2].upper() != b"OK":
            self.fault = f"the server says {excerpt(said)}"
