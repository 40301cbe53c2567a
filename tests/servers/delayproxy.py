"""A TCP proxy that makes a line long, or breaks it at a chosen moment."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Self, TypeVar

from tests.servers.machine import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Coroutine

_T = TypeVar("_T")

_ANSWER = re.compile(rb"^(?:\+OK|-ERR|[A-Za-z]+[0-9]+ (?:OK|NO|BAD)\b)[^\n]*\n", re.MULTILINE)
"""What ends a command: RFC 3501, 7.1 (tagged), RFC 1939, 3."""

_Passed = tuple[bytes, "Break | None"]
"""What goes on of a chunk, and how the line breaks behind it."""
_Passes = Callable[[bytes], _Passed]

_NONSENSE = b"\xff\x00 this is no answer to anything\r\n"
_CHUNK = 65536


class Break(Enum):
    """How a line breaks."""

    CUT = "cut"
    """Both sides see the connection closed."""
    SILENT = "silent"
    """The connection stays open and nothing more comes from the server."""
    NONSENSE = "nonsense"
    """Nonsense comes in place of the answer, then the connection is closed."""


@dataclass(frozen=True, slots=True)
class Fault:
    """When each connection breaks, counted in what the server says since the connection was opened.

    After `answers` completed ones (what the server says next is lost: it did what it was asked, and nobody heard), or
    after `octets`. The greeting of POP3 counts as an answer, that of IMAP does not. Answers cannot be told within TLS.
    Or before the server hears the client say `unheard`, such as QUIT.
    """

    how: Break
    answers: int | None = None
    octets: int | None = None
    unheard: bytes | None = None


class _Watch:
    """Tells when the fault of one connection is due."""

    def __init__(self, fault: Fault | None) -> None:
        self.fault = fault
        self._octets = 0
        self._answers = 0
        self._line = b""

    def passes(self, chunk: bytes) -> int | None:
        """How many bytes of the chunk still pass; None while all do."""
        if self.fault is None or self.fault.unheard is not None:
            return None
        if self.fault.octets is not None:
            self._octets += len(chunk)
            return max(0, self.fault.octets - self._octets + len(chunk)) if self._octets > self.fault.octets else None
        return self._passes_by_answers(chunk, self.fault.answers or 0)

    def heard(self, chunk: bytes) -> int | None:
        """How many bytes of what the client says the server still hears; None while it hears all."""
        if self.fault is None or self.fault.unheard is None:
            return None
        place = chunk.find(self.fault.unheard)
        return None if place < 0 else place

    def _passes_by_answers(self, chunk: bytes, answers: int) -> int | None:
        if self._answers == answers:
            return 0
        # An answer may come in pieces: the line that was begun is looked at again.
        text = self._line + chunk
        for match in _ANSWER.finditer(text):
            self._answers += 1
            if self._answers == answers and match.end() < len(text):
                return max(0, match.end() - len(self._line))
        self._line = text[text.rfind(b"\n") + 1 :]
        return None


@dataclass(slots=True)
class Traffic:
    """What went over the line. `turns` counts how often a client spoke after its server had: round trips."""

    connections: int = 0
    turns: int = 0
    octets: int = 0
    broken: int = 0
    _waiting: set[int] = field(default_factory=set)

    def client(self, connection: int) -> None:
        """The client spoke."""
        if connection not in self._waiting:
            self._waiting.add(connection)
            self.turns += 1

    def server(self, connection: int, octets: int) -> None:
        """The server spoke."""
        self._waiting.discard(connection)
        self.octets += octets


class DelayProxy:
    """A proxy on `host` and `port` to `target`, a loopback port. All three attributes may be changed at any time.

    `round_trip` is in seconds, half of it each way; the bandwidth is not limited. A `fault` holds for the connections
    that are opened from then on. `traffic` is counted since the start, or since `reset`.
    """

    host = LOOPBACK

    def __init__(self, target: int, *, round_trip: float = 0.0, fault: Fault | None = None) -> None:
        self.target = target
        self.round_trip = round_trip
        self.fault = fault
        self.traffic = Traffic()

    def __enter__(self) -> Self:
        """Start."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="delayproxy", daemon=True)
        self._thread.start()
        self._server = self._await(asyncio.start_server(self._serve, self.host, 0))
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, with all connections."""
        self._await(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def reset(self, fault: Fault | None = None) -> None:
        """Count from nought; the connections opened from now on break as `fault` says."""
        self.fault = fault
        self.traffic = Traffic()

    def _await(self, coroutine: Coroutine[object, object, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(15)

    async def _end(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self.host, self.target)
        except OSError:
            writer.close()
            return
        traffic, watch = self.traffic, _Watch(self.fault)
        traffic.connections += 1
        connection = traffic.connections

        def up(chunk: bytes) -> _Passed:
            traffic.client(connection)
            octets = watch.heard(chunk)
            if octets is None or watch.fault is None:
                return chunk, None
            traffic.broken += 1
            return chunk[:octets], watch.fault.how

        def down(chunk: bytes) -> _Passed:
            traffic.server(connection, len(chunk))
            octets = watch.passes(chunk)
            if octets is None or watch.fault is None:
                return chunk, None
            traffic.broken += 1
            return chunk[:octets], watch.fault.how

        pumps = {
            asyncio.create_task(self._pump(reader, far_writer, up)),
            asyncio.create_task(self._pump(far_reader, writer, down)),
        }
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            writer.close()
            far_writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: _Passes) -> None:
        """Carry one direction until it ends: each chunk half a round trip after it came."""
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        reading = asyncio.create_task(self._read(reader, queue, passes))
        try:
            while True:
                due, chunk = await queue.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                if not chunk:
                    return
                writer.write(chunk)
                await writer.drain()
        except ConnectionError:
            return
        finally:
            reading.cancel()

    async def _read(
        self, reader: asyncio.StreamReader, queue: asyncio.Queue[tuple[float, bytes]], passes: _Passes
    ) -> None:
        """Queue what comes with the time when it is due; an empty chunk ends the line."""
        broken = None
        while broken is None:
            chunk = await _chunk(reader)
            passed, broken = passes(chunk) if chunk else (b"", Break.CUT)
            if broken is Break.NONSENSE:
                passed += _NONSENSE
            if passed:
                queue.put_nowait((self._loop.time() + self.round_trip / 2, passed))
        if broken is Break.SILENT:
            while await _chunk(reader):
                pass
            return
        queue.put_nowait((self._loop.time() + self.round_trip / 2, b""))


async def _chunk(reader: asyncio.StreamReader) -> bytes:
    """The next bytes; none when the connection ended in any way."""
    try:
        return await reader.read(_CHUNK)
    except ConnectionError:
        return b""
