"""fetch and dispose: an IMAP session (RFC 3501) from connection to login: IMAPClient on our own connection class."""

from __future__ import annotations

import contextlib
import imaplib
import re
from collections import deque
from typing import TYPE_CHECKING

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.times import Seconds
from trac_mailintake.mail.spool import CHUNK
from trac_mailintake.sources.errors import Cut, address, ask, excerpt, told
from trac_mailintake.sources.imap.fetch_response import PassedOver, parse
from trac_mailintake.sources.imap.whole_message import Whole
from trac_mailintake.sources.net import tls
from trac_mailintake.sources.net.quota import HELD, Meter, metered
from trac_mailintake.sources.net.transcript import Transcript

if TYPE_CHECKING:
    import io
    import socket
    import ssl
    from collections.abc import Callable, Iterator, Sequence

    from trac_mailintake.intake.settings import Server
    from trac_mailintake.sources.imap.fetch_response import Fetched

_ATOM = re.compile(r"[A-Za-z0-9@._+=-]+\Z")
_SHOWN = 20
_FAREWELL = Seconds(2.0)
"""How long to wait for the server's good-bye."""


class Wire(imaplib.IMAP4):
    """imaplib with TLS as configured, a transcript, and an error if the connection breaks within a mail.

    Answers are limited: see `Meter`.
    """

    def __init__(self, server: Server, context: ssl.SSLContext | None, transcript: Transcript) -> None:
        self._context = context
        self._transcript = transcript
        self._meter = Meter(server.timeout)
        self.passing = 0
        """Largest literal, in bytes, that may be discarded if it is too large to hold."""
        super().__init__(server.host, server.port, server.timeout)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        connected: socket.socket = super()._create_socket(timeout)  # type: ignore[misc]  # not in its stubs
        if self._context is None:
            return connected
        return self._context.wrap_socket(connected, server_hostname=self.host)

    @property
    def file(self) -> io.BufferedReader:
        """The metered input. imaplib sets it when it connects, and again when TLS starts."""
        return self._file

    @file.setter
    def file(self, made: io.BufferedReader) -> None:
        self._file = metered(made, self._meter)

    def read(self, size: int) -> bytes:
        """Read `size` bytes, or PassedOver. Raises Cut if the connection ends before, Excess if they are too many."""
        if size <= self.passing and (size > HELD or not self._meter.fits(size)):
            for _ in self.chunks(size):
                pass
            return PassedOver()
        self._meter.hold(size)
        came = super().read(size)
        if len(came) < size:
            raise Cut
        self._transcript.content(size)
        return came

    def chunks(self, size: int) -> Iterator[bytes]:
        """Yield `size` bytes in small chunks. Raises Cut if the connection ends before."""
        left = size
        while left:
            chunk = super().read(min(CHUNK, left))
            if len(chunk) < min(CHUNK, left):
                raise Cut
            left -= len(chunk)
            yield chunk
        self._transcript.content(size)

    def line(self) -> bytes:
        """A line without its end. Raises what `readline` and imaplib raise."""
        return self._get_line()  # type: ignore[no-any-return]  # not in its stubs

    def readline(self) -> bytes:
        """Read a line. Raises Cut if the connection ends before, Excess if there are too many lines."""
        line = super().readline()
        if not line.endswith(b"\n"):
            raise Cut
        self._meter.line(len(line))
        self._transcript.server(line)
        return line

    def send(self, data: object) -> None:
        """Send bytes."""
        self._meter.command()
        if isinstance(data, bytes):
            self._transcript.client(data)
        super().send(data)  # type: ignore[arg-type]  # its stubs know more than the base class promises


class Session(IMAPClient):  # type: ignore[misc]  # IMAPClient has no types
    """IMAPClient with a fast FETCH."""

    def __init__(self, server: Server, context: ssl.SSLContext | None, transcript: Transcript) -> None:
        """Connect. Raises the exceptions that `told` translates."""
        self._told: deque[tuple[str, str]] = deque()
        self._wire = (server, context if server.security == "tls" else None, transcript)
        super().__init__(server.host, server.port, ssl=server.security == "tls", timeout=server.timeout)
        # IMAPClient formats every line for its own log, which takes longer than fetching the mail.
        self._imap.debug = 0
        if server.security == "starttls" and context is not None:
            # Not IMAPClient's, which would keep the capabilities from before the login. Raises without STARTTLS.
            self._imap.starttls(ssl_context=context)

    def _create_IMAP4(self) -> Wire:  # noqa: N802 - IMAPClient's name for it
        return Wire(*self._wire)

    def enter(self, user: str, password: str) -> None:
        """Log in by LOGIN, or by AUTHENTICATE PLAIN for characters that LOGIN cannot express. Raises LoginError.

        LOGIN must not be sent if the server announces LOGINDISABLED (RFC 3501, 6.2.3).
        """
        offered = self._imap.capabilities
        disabled = "LOGINDISABLED" in offered
        if not disabled and user.isascii() and password.isascii():
            quoted = user if _ATOM.match(user) else '"' + user.replace("\\", "\\\\").replace('"', '\\"') + '"'
            self.login(quoted, password)
        elif "AUTH=PLAIN" in offered:
            self.plain_login(user, password)
        elif disabled:
            raise LoginError("it takes no login on this line; set security to tls or starttls")
        else:
            raise LoginError("it knows no AUTH=PLAIN, so username and password must be ASCII")
        if "CAPABILITY" in self._imap.untagged_responses:
            # Sent with the login answer; if not read now, it must be requested later.
            self.capabilities()

    def raw_fetch(self, messages: str, items: str, *, uid: bool = True) -> Sequence[Fetched]:
        """FETCH messages with imaplib alone, which is six times as fast as with IMAPClient.

        Raises IMAPClientError.
        """
        kind, came = self._imap.uid("FETCH", messages, items) if uid else self._imap.fetch(messages, items)
        if kind != "OK":
            raise IMAPClientError(f"FETCH: {excerpt(came[0])}")
        return list(parse(came))

    def listed(self, window: str, items: str) -> tuple[Sequence[Fetched], Exception | None]:
        """FETCH by sequence numbers. Returns what came, and the refusal if that is not all. Raises as `raw_fetch`."""
        try:
            return self.raw_fetch(window, items, uid=False), None
        except imaplib.IMAP4.abort:
            raise
        except IMAPClientError as error:
            return list(parse(self._imap.untagged_responses.pop("FETCH", ()))), error

    # Commands whose answers are read later (RFC 9051, 5.5). imaplib's own methods wait for each answer, and would take
    # answers to other commands, so they must not be called while any is outstanding.

    def ask(self, *command: str | bytes) -> str:
        """Send a UID command. Returns its tag."""
        return str(self._imap._command("UID", *command), "ascii")  # noqa: SLF001 - see above

    def fetched(self, tag: str, *, passing: int = 0) -> tuple[Sequence[Fetched], Exception | None]:
        """The responses to a FETCH, and why these are not all: a refusal (IMAPClientError), or how the session ended.

        A literal of up to `passing` bytes may be discarded.
        """
        failure: Exception | None = None
        self._imap.passing = passing
        try:
            self._answer("FETCH", tag)
        except (imaplib.IMAP4.error, OSError) as error:
            failure = error
        finally:
            self._imap.passing = 0
        return list(parse(self._imap.untagged_responses.pop("FETCH", ()))), failure

    def whole(self, uid: int) -> Whole:
        """Request a whole message. No other command may be outstanding, and the answer must be read to its end."""
        return Whole(self._imap, self.ask("FETCH", str(uid), "(UID BODY.PEEK[])"), uid)

    def tell(self, *command: str | bytes) -> None:
        """Send a UID command whose answer is read by `hear`."""
        self._told.append((str(command[0]), self.ask(*command)))

    def hear(self) -> str:
        """Read the answers to all `tell` commands. Returns the first refusal, or ""."""
        refusal = ""
        while self._told:
            try:
                self._answer(*self._told[0])
            except imaplib.IMAP4.abort:
                raise
            except IMAPClientError as error:
                refusal = refusal or excerpt(error)
            self._told.popleft()
        return refusal

    @property
    def doubtful(self) -> bool:
        """Whether a `tell` command has no confirmed success."""
        return bool(self._told)

    def _answer(self, word: str, tag: str) -> None:
        kind, came = self._imap._command_complete("UID", tag.encode("ascii"))  # noqa: SLF001 - see above
        if kind != "OK":
            raise IMAPClientError(f"{word}: {excerpt(came[0])}")

    def quoted(self, folder: str) -> bytes:
        """A folder's name, quoted for a command."""
        name: bytes = self._normalise_folder(folder)
        return name

    def leave(self) -> None:
        """End the session, whatever its state; never raises."""
        with contextlib.suppress(Exception):
            self.socket().settimeout(_FAREWELL)
            self.logout()
        self.drop()

    def drop(self) -> None:
        """Close the connection without LOGOUT; never raises."""
        with contextlib.suppress(Exception):
            self.shutdown()


def connect(server: Server, password: Callable[[], str], trace: Callable[[str], None] | None) -> Session:
    """A session after the login. Raises SourceError, and what `password` raises."""
    label = address(server)
    secret = ask(server, label, password)
    transcript = Transcript(trace)
    transcript.hide(server.username, secret)
    with told(server, label, imaplib.IMAP4.error):
        try:
            session = Session(server, tls.context(server), transcript)
        except imaplib.IMAP4.abort as error:
            if server.security == "starttls" and "TLS" in str(error):
                raise SourceError(f"{label}: the server offers no STARTTLS; set security to tls, or none") from error
            raise
        try:
            session.enter(server.username, secret)
        except LoginError as error:
            session.drop()
            said = excerpt(error, secret)
            raise SourceError(f"{label}: the login was refused ({said}); correct username and password") from error
        except BaseException:
            session.drop()
            raise
    return session


def folders(
    server: Server, password: Callable[[], str], trace: Callable[[str], None] | None = None
) -> tuple[tuple[str, int], ...]:
    """The folders, each with its number of messages. Raises SourceError, and what `password` raises."""
    session = connect(server, password, trace)
    try:
        with told(server, address(server), imaplib.IMAP4.error):
            return tuple((name, int(session.folder_status(name, "MESSAGES")[b"MESSAGES"])) for name in names(session))
    finally:
        session.leave()


def names(session: Session) -> list[str]:
    """The folders that can be selected, INBOX first."""
    listed = session.list_folders()
    found = [
        str(name) for flags, _, name in listed if not {b"\\noselect", b"\\nonexistent"} & {f.lower() for f in flags}
    ]
    return sorted(found, key=lambda name: (name.upper() != "INBOX", name))


def choice(session: Session) -> str:
    """A hint for a missing folder: the names that exist."""
    there = names(session)
    more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
    return f"choose one of: {', '.join(there[:_SHOWN])}{more}"


def number_of(said: object) -> int:
    """A 32-bit number, as all numbers of IMAP (RFC 3501, 9). Raises ValueError."""
    if not isinstance(said, int) or not 0 <= said < 2**32:
        raise ValueError(f"a number of more than 32 bits: {excerpt(said)}")
    return said
