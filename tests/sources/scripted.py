"""A server that says what a test wants: the strange, the old and the hostile ones that nobody can install."""

from __future__ import annotations

import socketserver
import threading
from typing import TYPE_CHECKING, Self

from tests.servers.machine import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = bytes | None
"""What is answered to a line; None closes the connection."""


class ScriptedServer:
    """Greets, then answers each line by calling `answer` with it (without its line end). `heard` is what came."""

    def __init__(self, greeting: bytes, answer: Callable[[bytes], Answer]) -> None:
        self.heard: list[bytes] = []
        script = self

        class Conversation(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(greeting)
                for line in self.rfile:
                    script.heard.append(line.rstrip(b"\r\n"))
                    said = answer(script.heard[-1])
                    if said is None:
                        return
                    self.wfile.write(said)

        self._server = socketserver.ThreadingTCPServer((LOOPBACK, 0), Conversation)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> Self:
        """Start."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()


def imap(capabilities: bytes, answers: dict[bytes, bytes]) -> ScriptedServer:
    """An IMAP server: `answers` are untagged lines by command (`FETCH` for `UID FETCH`); all commands succeed."""

    def answer(line: bytes) -> Answer:
        tag, _, rest = line.partition(b" ")
        words = rest.upper().removeprefix(b"UID ").split()
        untagged = answers.get(words[0], b"") if words else b""
        if words[:1] == [b"CAPABILITY"]:
            untagged = b"* CAPABILITY " + capabilities + b"\r\n"
        return untagged + tag + b" OK done\r\n"

    return ScriptedServer(b"* OK ready\r\n", answer)
