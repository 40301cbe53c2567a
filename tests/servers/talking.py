"""A server of lines that says what a test wants."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from typing import TYPE_CHECKING, Self

from tests.servers.machine import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class TalkingServer:
    """Greets, and answers each line (without its end) with all that `answer` yields for it; None closes the connection.

    It talks for as long as somebody takes it. `heard` is what came.
    """

    def __init__(
        self, greeting: Iterable[bytes], answer: Callable[[bytes], Iterable[bytes | memoryview] | None]
    ) -> None:
        self.heard: list[bytes] = []
        server = self

        class Conversation(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    self._say(greeting)
                    for line in self.rfile:
                        server.heard.append(line.rstrip(b"\r\n"))
                        said = answer(server.heard[-1])
                        if said is None:
                            return
                        self._say(said)

            def _say(self, pieces: Iterable[bytes | memoryview]) -> None:
                for piece in pieces:
                    self.wfile.write(piece)

        self._server = socketserver.ThreadingTCPServer((LOOPBACK, 0), Conversation)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> Self:
        """Start."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop. Conversations end with their visitors."""
        self._server.shutdown()
        self._server.server_close()
