"""The post between two ends of a loop: what an SMTP server took is delivered into Dovecot's mailboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers.dovecot import PASSWORD
from trac_mailintake.bootstrap import settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.dovecot import Dovecot
    from tests.servers.smtp_sink import Sent, SmtpSink
    from tests.servers.tracenv import TracEnv

    Reader = Callable[[Sent], list[bytes]]
    """Somebody who reads a mail, and what they send for it."""

ROUNDS = 8
"""After so many the loop has not ended by itself."""


class Post:
    """Addresses and who reads their mail: a mailbox of Dovecot's, or a program that answers."""

    def __init__(self, dovecot: Dovecot, sink: SmtpSink) -> None:
        self.dovecot = dovecot
        self.sink = sink
        self.mailboxes: dict[str, str] = {}
        self.programs: dict[str, Reader] = {}
        self.carried: list[Sent] = []
        """All that was sent since the beginning."""

    def put(self, address: str, content: bytes, sender: str = "") -> None:
        """Deliver a mail as a mail server does: with Return-Path, Delivered-To and Received; `+…` is ignored."""
        local, _, host = address.partition("@")
        user = self.mailboxes.get(f"{local.partition('+')[0]}@{host}")
        if user is None:
            return  # a person, who reads it and says nothing
        trace = (
            f"Return-Path: <{sender}>\r\nDelivered-To: {address}\r\nReceived: from a by mx.example.net with SMTP\r\n"
        )
        self.dovecot.deliver(user, trace.encode() + content)

    def carry(self) -> int:
        """Deliver all that was sent since the last time: how many mails that was."""
        taken = list(self.sink.sent)
        self.sink.sent.clear()
        self.carried += taken
        for sent in taken:
            for address in sent.recipients:
                for answer in self.programs[address](sent) if address in self.programs else ():
                    self.put(_destination(sent), answer, address)
                if address not in self.programs:
                    self.put(address, sent.content, sent.sender)
        return len(taken)


def _destination(sent: Sent) -> str:
    """Where an answer goes that heeds Reply-To, else From."""
    addresses = (sent.message["Reply-To"] or sent.message["From"]).addresses
    return str(addresses[0].addr_spec)


def office(trac: TracEnv, post: Post, address: str, **settings: str) -> str:
    """An environment that takes the mail of `address` from a mailbox of its own, and notifies whom it concerns."""
    user = post.dovecot.add_user()
    post.mailboxes[address] = user
    trac.notify_through(post.sink)
    trac.set(
        ("mailintake", "address", address),
        ("notification", "smtp_from", address),
        ("notification", "smtp_replyto", address),
        ("notification", "smtp_always_cc", settings.pop("cc", "")),
        ("notification-subscriber", "always_notify_reporter", "TicketReporterSubscriber"),
        ("project", "name", f"Project of {address}"),
        ("project", "url", f"http://{address.partition('@')[2]}/"),
        ("trac", "base_url", f"http://{address.partition('@')[2]}"),
    )
    trac.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
    trac.reopen()
    made = settings_of(trac.env)
    host = post.dovecot.host
    made.servers.add(
        "main",
        {"host": host, "port": str(post.dovecot.imap), "security": "none", "username": user, "password": PASSWORD},
    )
    typed = {"kind": "imap", "server": "main", "address": address, "afterwards": "delete", **settings}
    made.services.add("support", typed)
    return user


def run_until_quiet(post: Post, *environments: TracEnv) -> int:
    """Rounds of everybody, until nobody sends anything: how many. Fails after ROUNDS."""
    for number in range(ROUNDS):
        for trac in environments:
            done = trac.command("mailintake", "run", "--force")
            assert done.status in (0, 1), done.out + done.err
        if not post.carry():
            return number
    message = f"{len(post.carried)} mails were sent, and more are to come"
    raise AssertionError(message)
