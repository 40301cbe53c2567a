"""fetch and dispose: a POP3 session (RFC 1939, 2449, 2595) from connection to login: poplib on our own connection."""

from __future__ import annotations

import contextlib
import poplib
import re
from typing import TYPE_CHECKING, Any

from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.times import Seconds
from trac_mailintake.mail.spool import CHUNK
from trac_mailintake.sources.errors import Cut, Excess, address, ask, excerpt, told
from trac_mailintake.sources.net import tls
from trac_mailintake.sources.net.quota import MESSAGES, Meter, metered
from trac_mailintake.sources.net.transcript import Transcript

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Iterator, Sequence

    from trac_mailintake.intake.settings import Server

_LONGEST_ANSWER = 8192
_PIECE = 64 * 1024
_FAREWELL = Seconds(2.0)
"""How long to wait for the server's good-bye."""
_BUSY = re.compile(rb"\[(?:IN-USE|LOGIN-DELAY|SYS/TEMP)", re.IGNORECASE)
"""RFC 2449, 8.1.1, and RFC 3206: the refusal is not about the password."""


class Session(poplib.POP3):
    """poplib with TLS as configured, a transcript, pipelining, and streaming of messages with lines of any length.

    Answers are limited: see `Meter`.
    """

    def __init__(self, server: Server, context: ssl.SSLContext | None, transcript: Transcript) -> None:
        """Connect. Raises the exceptions that `told` translates."""
        self._context = context if server.security == "tls" else None
        self._transcript = transcript
        self._meter = Meter(server.timeout)
        self.in_utf8 = False
        """Whether the server gives mail as it is, with UTF-8 in its header (RFC 6856)."""
        super().__init__(server.host, server.port, server.timeout)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        connected: socket.socket = super()._create_socket(timeout)  # type: ignore[misc]  # not in its stubs
        if self._context is None:
            return connected
        return self._context.wrap_socket(connected, server_hostname=self.host)

    @property
    def file(self) -> Any:  # noqa: ANN401 - poplib's stubs say BinaryIO, and it is None in the end
        """The metered input. poplib sets it when it connects, and again when TLS starts."""
        return self._file

    @file.setter
    def file(self, made: Any) -> None:  # noqa: ANN401 - likewise
        self._file = None if made is None else metered(made, self._meter)

    def _putline(self, line: bytes) -> None:
        self._meter.command()
        self._transcript.client(line)
        super()._putline(line)  # type: ignore[misc]  # not in its stubs

    def _getline(self) -> tuple[bytes, int]:
        """A line without its end, and its length. Raises Cut, error_proto, Excess."""
        line = self.file.readline(_LONGEST_ANSWER)
        if not line.endswith(b"\n"):
            if len(line) < _LONGEST_ANSWER:
                raise Cut
            raise poplib.error_proto("a line too long for an answer")
        self._meter.line(len(line), MESSAGES)
        self._transcript.server(line)
        return line.rstrip(b"\r\n"), len(line)

    def offers(self, capability: str) -> bool:
        """Whether the server announces the capability (RFC 2449)."""
        try:
            return capability in self.capa()
        except poplib.error_proto:
            return False

    def gives_heads(self) -> bool:
        """Whether to ask for TOP: not if the server tells its capabilities without it (RFC 2449, 6.1)."""
        try:
            return "TOP" in self.capa()
        except poplib.error_proto:
            return True

    def ask_for_utf8(self) -> None:
        """Have mail given as it is, if the server offers that (RFC 6856, 2.1: only before the login).

        Otherwise a server may give a substitute for mail with UTF-8 in its header, as Courier does.
        """
        if self.offers("UTF8"):
            with contextlib.suppress(poplib.error_proto):
                self.utf8()
                self.in_utf8 = True

    def send(self, commands: Sequence[str]) -> None:
        """Send commands at once; more than one only if the server offers PIPELINING."""
        for command in commands:
            self._meter.command()
            self._transcript.client(command.encode())
        self.sock.sendall("".join(f"{command}\r\n" for command in commands).encode())

    def answer(self) -> tuple[bool, str]:
        """Whether a command was accepted, and the server's text. Raises Cut, and error_proto for an invalid answer."""
        line, _ = self._getline()
        if not line.startswith((b"+OK", b"-ERR")):
            raise poplib.error_proto(line)
        return line.startswith(b"+OK"), excerpt(line)

    def content(self, longest: int) -> Iterator[bytes]:
        """The bytes of the message after an answer (RFC 1939, 3), in chunks. Raises Cut, Excess above `longest` bytes.

        Only CRLF ends a line of the protocol: a bare line feed within a mail must not let it end early.
        """
        pieces: list[bytes] = []
        held, total, at_start, last = 0, 0, True, b""
        while (piece := self.file.readline(_PIECE)) != b".\r\n" or not at_start:
            if not piece:
                raise Cut
            ends = (last + piece[-2:])[-2:] == b"\r\n"
            last = piece[-1:]
            pieces.append(piece[1:] if at_start and piece.startswith(b".") else piece)
            held += len(pieces[-1])
            at_start = ends
            if held >= CHUNK:
                yield b"".join(pieces)
                pieces, total, held = [], total + held, 0
                if total > longest:
                    raise Excess("a mail does not end; look at the server")
        self._transcript.content(total + held)
        if pieces:
            yield b"".join(pieces)

    def leave(self) -> None:
        """End the session in any state, which makes deletions final; never raises."""
        with contextlib.suppress(Exception):
            self.sock.settimeout(_FAREWELL)
            self.quit()
        self.drop()

    def drop(self) -> None:
        """Close the connection without QUIT: marked messages are not deleted (RFC 1939, 6). Never raises."""
        with contextlib.suppress(Exception):
            self.close()


def connect(server: Server, password: Callable[[], str], trace: Callable[[str], None] | None) -> Session:
    """A session after the login. Raises SourceError, and what `password` raises."""
    label = address(server)
    secret = ask(server, label, password)
    context = tls.context(server)
    transcript = Transcript(trace)
    transcript.hide(server.username, secret)
    with told(server, label, poplib.error_proto):
        session = Session(server, context, transcript)
        try:
            if server.security == "starttls":
                _encrypt(session, label, context)
            _enter(session, label, server.username, secret)
        except BaseException:
            session.drop()
            raise
    return session


def _encrypt(session: Session, label: str, context: ssl.SSLContext | None) -> None:
    try:
        session.stls(context)
    except poplib.error_proto as error:
        raise SourceError(f"{label}: the server offers no STLS; set security to tls, or none") from error


def _enter(session: Session, label: str, user: str, secret: str) -> None:
    session.ask_for_utf8()
    try:
        session.user(user)
        session.pass_(secret)
    except poplib.error_proto as error:
        said = excerpt(error, secret)
        if is_busy(error):
            raise SourceError(f"{label}: the mailbox is not available ({said}); the next run tries again") from error
        raise SourceError(f"{label}: the login was refused ({said}); correct username and password") from error


def is_busy(error: Exception) -> bool:
    """Whether a refusal says that it is only for now."""
    return _BUSY.search(str(error).encode()) is not None


def folders(
    server: Server, password: Callable[[], str], trace: Callable[[str], None] | None = None
) -> tuple[tuple[str, int], ...]:
    """The one mailbox, with its number of messages. Raises SourceError, and what `password` raises."""
    session = connect(server, password, trace)
    try:
        with told(server, address(server), poplib.error_proto):
            count, _ = session.stat()
            return (("INBOX", count),)
    finally:
        session.leave()
