"""To the mail server: encrypted as configured, with nothing of what was said in the clear, or not at all."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest

from tests.security.visit import PASSWORD
from tests.servers.certificates import issue
from tests.servers.machine import LOOPBACK
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.settings import Server
from trac_mailintake.intake.times import Seconds
from trac_mailintake.sources.connection_check import probe
from trac_mailintake.sources.net import tls

if TYPE_CHECKING:
    from tests.servers.certificates import Certificates

INJECTED = b"* CAPABILITY IMAP4rev1 AUTH=INJECTED\r\n* PREAUTH injected\r\n"


def server_at(port: int, *, protocol: str = "imap", security: str = "starttls", authority: str = "") -> Server:
    """An account on this machine."""
    return Server(1, "here", "", protocol, LOOPBACK, port, security, "ann", "", authority, Seconds(2))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """What the servers of this module show."""
    return issue(tmp_path_factory.mktemp("certificates"))


class Middle:
    """Speaks in the clear what `begin` says, then by TLS: somebody in the line who adds to what the server says."""

    def __init__(self, certificates: Certificates, begin: bytes, until: bytes, injected: bytes) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates.server, certificates.key)
        self._begin, self._until, self._injected = begin, until, injected
        self.heard: list[bytes] = []
        self._listening = socket.create_server((LOOPBACK, 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        try:
            line, _ = self._listening.accept()
            with line:
                line.sendall(self._begin)
                self._clear(line)
        except OSError:
            pass  # the client went away, which is what is to be seen
        finally:
            self._listening.close()

    def _clear(self, line: socket.socket) -> None:
        while True:
            said = self._line(line)
            self.heard.append(b"clear " + said)
            tag, _, command = said.partition(b" ")
            if (command or tag).upper().startswith(self._until):
                good = b"+OK begin\r\n" if self._until == b"STLS" else tag + b" OK begin\r\n"
                line.sendall(good + self._injected)
                break
            if not said:
                return
            line.sendall(_answer(said, b"IMAP4rev1 STARTTLS"))
        with self._context.wrap_socket(line, server_side=True) as secret:
            while said := self._line(secret):
                self.heard.append(b"secret " + said)
                secret.sendall(_answer(said, b"IMAP4rev1"))

    @staticmethod
    def _line(line: socket.socket) -> bytes:
        came = b""
        while not came.endswith(b"\n"):
            piece = line.recv(1)
            if not piece:
                return b""
            came += piece
        return came.strip()


def _answer(said: bytes, capabilities: bytes) -> bytes:
    tag, _, command = said.partition(b" ")
    if not command or tag.upper() in (b"USER", b"PASS"):
        return b"+OK 3 100\r\n" if tag.upper() != b"CAPA" else b"+OK\r\nSTLS\r\n.\r\n"
    untagged = {
        b"CAPABILITY": b"* CAPABILITY " + capabilities + b"\r\n",
        b"LIST": b'* LIST () "/" INBOX\r\n',
        b"STATUS": b"* STATUS INBOX (MESSAGES 3)\r\n",
    }
    return untagged.get(command.upper().split()[0], b"") + tag + b" OK done\r\n"


@pytest.fixture
def imap_line(certificates: Certificates) -> Middle:
    """An IMAP server behind somebody who puts words behind the answer to STARTTLS."""
    return Middle(certificates, b"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", b"STARTTLS", INJECTED)


def test_what_was_said_before_tls_is_forgotten(imap_line: Middle, certificates: Certificates) -> None:
    """RFC 3501, 6.2.1, and RFC 2595, 4: words that somebody put behind STARTTLS or STLS are none."""
    found = probe(server_at(imap_line.port, authority=str(certificates.authority)), lambda: PASSWORD)
    assert found == (("INBOX", 3),)
    assert any(line.startswith(b"secret") and b"LOGIN" in line for line in imap_line.heard)
    assert not any(line.startswith(b"clear") and PASSWORD.encode() in line for line in imap_line.heard)

    pop3 = Middle(certificates, b"+OK hi\r\n", b"STLS", b"+OK injected\r\n+OK 99 1\r\n")
    server = server_at(pop3.port, protocol="pop3", authority=str(certificates.authority))
    assert probe(server, lambda: PASSWORD) == (("INBOX", 3),)
    assert b"secret PASS " + PASSWORD.encode() in pop3.heard


@pytest.mark.parametrize(
    ("protocol", "greeting"),
    [("imap", b"* PREAUTH [CAPABILITY IMAP4rev1] in\r\n"), ("pop3", b"+OK hi\r\n")],
)
def test_who_refuses_encryption_gets_nothing(certificates: Certificates, protocol: str, greeting: bytes) -> None:
    """A refused STLS, or a PREAUTH that forbids STARTTLS: no password, and no fall-back."""
    line = Middle(certificates, greeting, b"never", b"")
    refusing = server_at(line.port, protocol=protocol, authority=str(certificates.authority))
    with pytest.raises(SourceError):
        probe(refusing, lambda: PASSWORD)
    assert not any(PASSWORD.encode() in said for said in line.heard)


def test_certificates_and_versions_are_looked_at() -> None:
    """Chain and name are verified, TLS is 1.2 or later, and nothing in a server's settings turns that off."""
    for security in ("tls", "starttls"):
        context = tls.context(server_at(993, security=security))
        assert context is not None
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert context.options & ssl.OP_NO_COMPRESSION
    for wrong in ("", "ssl", "auto", "tls-unverified"):
        with pytest.raises(SourceError):
            tls.context(server_at(993, security=wrong))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_a_server_that_speaks_only_old_tls_is_refused(certificates: Certificates, protocol: str) -> None:
    """Where this machine's OpenSSL can still speak it: else the handshake fails there, too."""
    listening = socket.create_server((LOOPBACK, 0))
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.load_cert_chain(certificates.server, certificates.key)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1

    def serve() -> None:
        came, _ = listening.accept()
        try:
            old.wrap_socket(came, server_side=True)
        except OSError:
            came.close()

    threading.Thread(target=serve, daemon=True).start()
    port = int(listening.getsockname()[1])
    server = server_at(port, protocol=protocol, security="tls", authority=str(certificates.authority))
    with pytest.raises(SourceError, match=r"version 1\.2 or later|TLS failed"):
        probe(server, lambda: PASSWORD)
    listening.close()
