"""The Dovecot that other tests rely on does what they rely on."""

from __future__ import annotations

import imaplib
import poplib
import ssl
from typing import TYPE_CHECKING

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from tests.servers.dovecot import PASSWORD, Dovecot

if TYPE_CHECKING:
    from collections.abc import Iterator

MAILS = [f"From: a@example.org\nSubject: number {number}\n\nText\n".encode() for number in range(12)]


@pytest.fixture
def imap(dovecot: Dovecot) -> Iterator[tuple[IMAPClient, str]]:
    """A session of a new user with some mail."""
    user = dovecot.add_user()
    dovecot.deliver(user, *MAILS)
    with IMAPClient(dovecot.host, dovecot.imap, ssl=False) as client:
        client.login(user, PASSWORD)
        yield client, user


def test_uids_follow_the_order_of_delivery(imap: tuple[IMAPClient, str]) -> None:
    """What was delivered first has the lowest UID, and every byte is as it was."""
    client, _ = imap
    client.select_folder("INBOX", readonly=True)
    fetched = client.fetch(client.search(), ["BODY.PEEK[]"])
    bodies = [fetched[uid][b"BODY[]"].replace(b"\r\n", b"\n") for uid in sorted(fetched)]
    assert bodies == MAILS


def test_moves_by_uid(dovecot: Dovecot, imap: tuple[IMAPClient, str]) -> None:
    """MOVE and UIDPLUS are there; folders may have any name."""
    client, user = imap
    assert client.has_capability("MOVE")
    assert client.has_capability("UIDPLUS")
    dovecot.folder(user, "Erledigt 済")
    client.select_folder("INBOX")
    client.move(client.search()[:5], "Erledigt 済")
    assert dovecot.messages(user, "Erledigt 済") == MAILS[:5]
    assert dovecot.messages(user) == MAILS[5:]


def test_shows_flags(dovecot: Dovecot, imap: tuple[IMAPClient, str]) -> None:
    """What a client flags can be seen in the mailbox."""
    client, user = imap
    client.select_folder("INBOX")
    client.add_flags(client.search()[:1], [rb"\Seen", rb"\Deleted"])
    client.logout()
    assert [stored.flags for stored in dovecot.stored(user)][:2] == ["ST", ""]


def test_clear_empties_everything(dovecot: Dovecot, imap: tuple[IMAPClient, str]) -> None:
    """A user can be used again."""
    client, user = imap
    client.logout()
    dovecot.clear(user)
    assert dovecot.messages(user) == []


def test_unknown_users_and_wrong_passwords_are_refused(dovecot: Dovecot) -> None:
    """Only users that were added can log in."""
    user = dovecot.add_user()
    for name, password in (("nobody-knows", PASSWORD), (user, "wrong")):
        with IMAPClient(dovecot.host, dovecot.imap, ssl=False) as client, pytest.raises(LoginError):
            client.login(name, password)


@pytest.mark.parametrize("way", ["imaps", "starttls", "pop3s", "stls"])
def test_certificate_is_verifiable(dovecot: Dovecot, way: str) -> None:
    """With the authority's file TLS is verified, host name and all; without it, refused."""
    _encrypted(dovecot, way, ssl.create_default_context(cafile=str(dovecot.authority)))
    with pytest.raises(ssl.SSLCertVerificationError):
        _encrypted(dovecot, way, ssl.create_default_context())


def test_an_expired_certificate_is_refused() -> None:
    """A server can be had whose certificate has expired."""
    with Dovecot(certificate_days=-1) as dovecot, pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        _encrypted(dovecot, "imaps", ssl.create_default_context(cafile=str(dovecot.authority)))


def test_pop3_lists_unique_ids(dovecot: Dovecot) -> None:
    """POP3 sees the same mails, in the same order."""
    user = dovecot.add_user()
    dovecot.deliver(user, *MAILS)
    client = poplib.POP3(dovecot.host, dovecot.pop3, timeout=10)
    client.user(user)
    client.pass_(PASSWORD)
    assert len({line.split()[1] for line in client.uidl()[1]}) == len(MAILS)
    assert b"\n".join(client.retr(3)[1]) + b"\n" == MAILS[2]
    client.quit()


def test_capabilities_can_be_taken_away(plain_dovecot: Dovecot) -> None:
    """A server that claims neither MOVE nor UIDPLUS can be had."""
    with IMAPClient(plain_dovecot.host, plain_dovecot.imap, ssl=False) as client:
        client.login(plain_dovecot.add_user(), PASSWORD)
        assert not client.has_capability("MOVE")
        assert not client.has_capability("UIDPLUS")
        assert client.has_capability("IDLE")


def _encrypted(dovecot: Dovecot, way: str, context: ssl.SSLContext) -> None:
    """Open one encrypted session and say good-bye."""
    if way == "imaps":
        imaplib.IMAP4_SSL(dovecot.host, dovecot.imaps, ssl_context=context, timeout=10).logout()
    elif way == "starttls":
        imap = imaplib.IMAP4(dovecot.host, dovecot.imap, timeout=10)
        imap.starttls(context)
        imap.logout()
    elif way == "pop3s":
        poplib.POP3_SSL(dovecot.host, dovecot.pop3s, context=context, timeout=10).quit()
    else:
        pop3 = poplib.POP3(dovecot.host, dovecot.pop3, timeout=10)
        pop3.stls(context)
        pop3.quit()
