"""fetch and dispose: turns network errors into one line that names the source, the cause and the next step."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.errors import SourceError

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
_CUT = frozenset({"UNEXPECTED_EOF_WHILE_READING"})


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
