"""What `server test` says."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from tests.servers.dovecot import PASSWORD
from tests.sources.contract import mail, server
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.sources.connection_check import probe

if TYPE_CHECKING:
    from tests.servers.dovecot import Dovecot


def test_counts_the_mails_of_each_folder(dovecot: Dovecot) -> None:
    """INBOX first, names as people write them."""
    user = dovecot.add_user()
    dovecot.deliver(user, mail(1), mail(2))
    dovecot.deliver(user, mail(3), folder="Größen")
    dovecot.folder(user, "Empty")
    account = server("imap", dovecot.imap, user)
    assert probe(account, lambda: PASSWORD) == (("INBOX", 2), ("Empty", 0), ("Größen", 1))
    trace: list[str] = []
    account = dataclasses.replace(account, protocol="pop3", port=dovecot.pop3)
    assert probe(account, lambda: PASSWORD, trace.append) == (("INBOX", 2),)
    assert "C: PASS ***" in trace


def test_what_is_wrong_is_told(dovecot: Dovecot) -> None:
    """A wrong password, an unknown protocol, a secret that cannot be had."""
    account = server("imap", dovecot.imap, dovecot.add_user())
    with pytest.raises(SourceError, match="login was refused"):
        probe(account, lambda: "wrong")
    with pytest.raises(SourceError, match="neither imap nor pop3"):
        probe(dataclasses.replace(account, protocol="nntp"), lambda: PASSWORD)
    with pytest.raises(SourceError, match="password cannot be had"):
        probe(account, _nowhere)


def _nowhere() -> str:
    """A secret in a file that is not there."""
    raise FileNotFoundError("no such file")
