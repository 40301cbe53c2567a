"""A mailbox on a real POP3 server, as the contract of sources wants it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from tests.servers.dovecot import PASSWORD
from tests.sources.contract import plain, server, service
from trac_mailintake.hookspecs import Opening
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.sources import pop3

if TYPE_CHECKING:
    from tests.servers.dovecot import Dovecot
    from trac_mailintake.intake.ports import Source


class Pop3Place:
    """A new user's mailbox."""

    def __init__(self, dovecot: Dovecot, *, security: str = "none") -> None:
        self.dovecot = dovecot
        self.user = dovecot.add_user()
        self.trace: list[str] = []
        port = dovecot.pop3s if security == "tls" else dovecot.pop3
        self.server = server("pop3", port, self.user, security=security, ca_file=str(dovecot.authority))
        self.password = PASSWORD

    def deliver(self, *mails: bytes) -> None:
        """Append them."""
        self.dovecot.deliver(self.user, *mails)

    def source(self, afterwards: str) -> Source:
        """A new one."""
        made = service(afterwards=afterwards)
        return pop3.KIND.open(Opening(made, self.server, made.afterwards, lambda: self.password, self.trace.append))

    def there(self) -> list[bytes]:
        """What lies there."""
        return [plain(content) for content in self.dovecot.messages(self.user)]

    def moved(self) -> list[bytes]:
        """Nothing, ever."""
        return []

    def seen(self) -> list[bytes]:
        """What is marked."""
        return [each.content for each in self.dovecot.stored(self.user) if "S" in each.flags and "T" in each.flags]


def failing(place: Pop3Place, **changes: object) -> str:
    """The sentence that listing fails with."""
    place.server = dataclasses.replace(place.server, **changes)  # type: ignore[arg-type]  # the caller knows
    source = place.source("delete")
    with pytest.raises(SourceError) as failure:
        source.list()
    source.close()
    sentence = str(failure.value)
    assert place.password not in sentence
    assert "\n" not in sentence
    return sentence
