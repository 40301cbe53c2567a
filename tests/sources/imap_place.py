"""A folder on a real IMAP server, as the contract of sources wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imapclient import IMAPClient

from tests.servers.dovecot import PASSWORD
from tests.sources.contract import (
    TARGET,
    plain,
    server,
    service,
)
from trac_mailintake.hookspecs import Opening
from trac_mailintake.sources import imap

if TYPE_CHECKING:
    from tests.servers.dovecot import Dovecot
    from trac_mailintake.intake.ports import Source


class ImapPlace:
    """A new user's INBOX."""

    def __init__(self, dovecot: Dovecot, *, security: str = "none", folder: str = "INBOX") -> None:
        self.dovecot = dovecot
        self.user = dovecot.add_user()
        self.folder = folder
        self.trace: list[str] = []
        port = dovecot.imaps if security == "tls" else dovecot.imap
        self.server = server("imap", port, self.user, security=security, ca_file=str(dovecot.authority))
        self.password = PASSWORD

    def deliver(self, *mails: bytes) -> None:
        """Append them."""
        self.dovecot.deliver(self.user, *mails, folder=self.folder)

    def source(self, afterwards: str) -> Source:
        """A new one."""
        made = service(folder=self.folder, afterwards=afterwards)
        return imap.KIND.open(Opening(made, self.server, made.afterwards, lambda: self.password, self.trace.append))

    def there(self) -> list[bytes]:
        """What lies there; without UIDPLUS, what is not marked as deleted."""
        stored = self.dovecot.stored(self.user, self.folder)
        return [plain(each.content) for each in stored if "T" not in each.flags]

    def moved(self) -> list[bytes]:
        """What was moved."""
        return [plain(content) for content in self.dovecot.messages(self.user, TARGET)]

    def seen(self) -> list[bytes]:
        """What is marked."""
        return [each.content for each in self.dovecot.stored(self.user, self.folder) if "S" in each.flags]

    def client(self) -> IMAPClient:
        """Another client of the same user."""
        other = IMAPClient(self.dovecot.host, self.dovecot.imap, ssl=False, timeout=10)
        other.login(self.user, PASSWORD)
        return other
