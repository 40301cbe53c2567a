"""fetch and dispose: turns network errors into one line that names the source, the cause and the next step."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.errors import Incomplete, LineBroke, SourceError
from trac_mailintake.intake.ports.source import IN_A_ROW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trac_mailintake.intake.settings import Server

NONSENSE = (ValueError, LookupError, TypeError, AttributeError, MemoryError, RecursionError, OverflowError)
"""What the protocols' libraries raise, besides their own errors, when an answer makes no sense to them."""

_LONGEST = 200
_CONTROL = re.compile(r"[\x00\r\n]")
_BYTES = re.compile(r"""\bb(["'])(.*?)\1""")
"""How imaplib and poplib write received bytes in the text of an error."""

_UNKNOWN_AUTHORITY: Final = (
    "its certificate is signed by an authority that this machine does not know; "
    "set the mail server's CA file to that authority's certificate"
)
_OTHER_NAME: Final = "its certificate is for another name than {host}; set the host to the name in the certificate"
_CERTIFICATE: Final = {
    9: "its certificate is not valid yet; check the clocks of both machines",
    10: "its certificate has expired; have a new one installed on the server",
    18: _UNKNOWN_AUTHORITY,
    19: _UNKNOWN_AUTHORITY,
    20: _UNKNOWN_AUTHORITY,
    21: _UNKNOWN_AUTHORITY,
    62: _OTHER_NAME,
    64: _OTHER_NAME,
}
"""By OpenSSL's X509_V_ERR numbers."""

_TOO_OLD = frozenset({"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "WRONG_SSL_VERSION"})
_NO_IMAP: Final = re.compile(r"unexpected (?:tagged )?response")
"""What imaplib itself says when it ends a session, and not the server."""
_CUT = frozenset({"UNEXPECTED_EOF_WHILE_READING"})


_TEMPORARY: Final = re.compile(r"\[(?:UNAVAILABLE|INUSE|LIMIT|SYS/TEMP|IN-USE|LOGIN-DELAY)\b", re.IGNORECASE)
"""RFC 5530, 3; RFC 2449, 8.1.1; RFC 3206, 4: the refusal says nothing about the message."""


class Excess(OSError):  # noqa: N818 - a fact about the server
    """The server sends more than an answer needs, or keeps us waiting: it is broken, or means harm."""


class Cut(ConnectionError):  # noqa: N818 - a fact about the line
    """The server closed the connection while something was still to come."""


@contextlib.contextmanager
def told(server: Server, label: str, *protocol: type[Exception]) -> Iterator[None]:
    """Turn exceptions of the network and of a protocol's library into SourceError.

    `protocol` are that library's own errors.
    """
    foreseen: tuple[type[Exception], ...] = (OSError, *NONSENSE, *protocol)
    try:
        yield
    except foreseen as error:
        raise SourceError(f"{label}: {_cause(server, error)}") from error


def ask(server: Server, label: str, password: Callable[[], str]) -> str:
    """Read the password. Raises SourceError if that fails, or if password or username contain a line end."""
    try:
        secret = password()
    except (OSError, LookupError, ValueError) as error:
        raise SourceError(f"{label}: the password cannot be had: {error}; correct the mail server's secret") from error
    if _CONTROL.search(server.username + secret):
        raise SourceError(f"{label}: username or password holds a line break or NUL; correct it")
    return secret


def address(server: Server) -> str:
    """The mail server for people, `imap://alice@mail.example.org:993`."""
    return f"{server.protocol}://{excerpt(server.username)}@{server.host}:{server.port}"


def excerpt(text: object, *secrets: str) -> str:
    """A server's text in a form for one log line, without secrets that it may repeat."""
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    said = _BYTES.sub(r"\2", said)
    for secret in filter(None, secrets):
        said = said.replace(secret, "***")
    said = " ".join("".join(letter if letter.isprintable() else " " for letter in said).split())
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."


def missing(label: str, locator: str, words: str, *, asked: bool = True) -> Incomplete:
    """What to raise for a message that the server does not give. `words`: what it says, or does instead."""
    why = f"{label}: message {locator} did not come: "
    why += words if asked else f"it was not asked for, since {IN_A_ROW} before it did not come ({words})"
    sentence = f"{why}; it stays there, and is asked for again later"
    return Incomplete(sentence, asked=asked, temporary=is_temporary(words), words=f"{label}: {words}")


def raising(why: Incomplete) -> Iterator[bytes]:
    """The chunks of a message that does not come. Raises `why` when they are read."""
    yield from ()
    raise why


def is_temporary(said: str) -> bool:
    """Whether a server says that a refusal passes by itself."""
    return _TEMPORARY.search(said) is not None


@contextlib.contextmanager
def asking() -> Iterator[None]:
    """Say of a failure that it came while messages were asked for."""
    try:
        yield
    except (Incomplete, LineBroke):
        raise
    except SourceError as error:
        raise LineBroke(str(error)) from error


def _cause(server: Server, error: Exception) -> str:
    if not isinstance(error, OSError) and isinstance(error.__context__, OSError):
        # imaplib wraps errors of sending.
        error = error.__context__
    if isinstance(error, ssl.SSLCertVerificationError):
        told_as = _CERTIFICATE.get(error.verify_code, f"its certificate is not accepted: {error.verify_message}")
        return told_as.format(host=server.host)
    if isinstance(error, ssl.SSLError):
        return _tls_cause(error)
    if isinstance(error, OSError):
        return _network_cause(server, error)
    protocol = server.protocol.upper()
    if type(error).__name__ == "abort" and not _NO_IMAP.search(str(error)):
        said = excerpt(error)
        return f"the server ended the session ({said.partition('=> ')[2] or said}); the next run tries again"
    return f"the server's answer is no {protocol}: {excerpt(error)}; is this the port of {protocol}?"


def _tls_cause(error: ssl.SSLError) -> str:
    if error.reason in _CUT:
        return "the server dropped the line; the next run tries again"
    if error.reason in _TOO_OLD:
        return "the server speaks no TLS of version 1.2 or later; have it updated"
    reason = (error.reason or str(error)).lower().replace("_", " ")
    return f"TLS failed ({reason}); is the port right, or should security be starttls?"


def _network_cause(server: Server, error: OSError) -> str:
    if isinstance(error, Excess):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"no answer within {server.timeout} s; the next run tries again"
    if isinstance(error, socket.gaierror):
        return "the host's name cannot be resolved; correct the host, or look at the name service"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there; correct host and port, or start the server"
    if isinstance(error, ConnectionError):
        return "the server dropped the line; the next run tries again"
    return f"{error.strerror or error}; look at the network between here and there"
