"""fetch and dispose: the protocol dialogue for `--trace`, with secrets masked and messages abbreviated."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SECRET = re.compile(
    rb"((?:\S+ )?(?:LOGIN|AUTHENTICATE [A-Z0-9-]+|PASS|APOP|AUTH [A-Z0-9-]+))(?: |\r?\n|\Z)", re.IGNORECASE
)
_EXCHANGE = re.compile(rb"(?:\S+ )?AUTH", re.IGNORECASE)
_MASK = "***"


class Transcript:
    """Records what is sent and received; does nothing without `trace`."""

    def __init__(self, trace: Callable[[str], None] | None) -> None:
        """`trace` takes a line, `C: ...` or `S: ...`."""
        self._trace = trace
        self._secrets: tuple[str, ...] = ()
        self._exchange = False

    def hide(self, user: str, password: str) -> None:
        """Mask a password wherever it appears, also in the encodings of RFC 4616 and RFC 4648."""
        plain = f"\0{user}\0{password}".encode()
        forms = (password, base64.b64encode(password.encode()).decode(), base64.b64encode(plain).decode())
        self._secrets = tuple(filter(None, forms))

    def client(self, sent: bytes) -> None:
        """Record what is sent."""
        if self._trace is None or not sent.strip():
            return
        if self._exchange:
            self._trace(f"C: {_MASK}")
            return
        secret = _SECRET.match(sent)
        if secret is None:
            self._say("C", sent)
            return
        self._exchange = _EXCHANGE.match(sent) is not None
        self._say("C", secret.group(1), f" {_MASK}")

    def server(self, line: bytes) -> None:
        """Record a received line."""
        if self._trace is not None:
            self._exchange = self._exchange and line.startswith((b"+", b"*"))
            self._say("S", line)

    def content(self, size: int) -> None:
        """Record only the number of received bytes of a message."""
        if self._trace is not None:
            self._trace(f"S: ({size} bytes)")

    def _say(self, who: str, line: bytes, more: str = "") -> None:
        if self._trace is None:
            return
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        for secret in self._secrets:
            text = text.replace(secret, _MASK)
        text = "".join(letter if letter.isprintable() else "?" for letter in text)
        self._trace(f"{who}: {text}{more}")
