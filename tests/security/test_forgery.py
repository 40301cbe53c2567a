"""Signed reply addresses and ids: what was not sent for this very ticket of this very Trac opens nothing."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.rig import Rig, id_of, mail
from tests.servers.tracenv import TracEnv
from trac_mailintake.mail.message import Address
from trac_mailintake.tracker.people.reply_address import Keys, load_keys, reply_address, signed_ticket

if TYPE_CHECKING:
    from pathlib import Path

OURS = "support@example.org"
KEYS = Keys((b"k" * 32,))
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def read(local: str) -> int | None:
    """The ticket that a recipient of our domain is taken for."""
    return signed_ticket(KEYS, "+", [Address("", f"{local}@example.org")])


def test_only_the_whole_signature_of_the_ticket_opens_it() -> None:
    """No other ticket's, none that is cut or lengthened, none with a letter changed; letters' case does not count."""
    for ticket in (1, 12, 4711):
        signature = KEYS.sign(ticket)
        assert read(f"support+{ticket}.{signature}") == ticket
        assert read(f"support+{ticket}.{signature.upper()}") == ticket
        for other in (ticket + 1, ticket * 10, int(f"1{ticket}"), 0):
            assert read(f"support+{other}.{signature}") is None
        for length in range(len(signature)):
            assert read(f"support+{ticket}.{signature[:length]}") is None
        for more in ("a", signature, "="):
            assert read(f"support+{ticket}.{signature}{more}") is None
        for place, letter in enumerate(signature):
            wrong = ALPHABET[(ALPHABET.index(letter) + 1) % len(ALPHABET)]
            assert read(f"support+{ticket}.{signature[:place]}{wrong}{signature[place + 1 :]}") is None
        assert read(f"support+{ticket}.{Keys((b'x' * 32,)).sign(ticket)}") is None


def test_guesses_and_oddities_open_nothing() -> None:
    """Empty, negative, huge, of other digits, in quotes; and ten thousand guesses."""
    signature = KEYS.sign(12)
    for number in ("", "-12", " 12", "012.", "12.0", "1e1", "０12", "١٢", "9" * 30, "12 OR 1=1", "12\x00"):
        assert read(f"support+{number}.{signature}") is None
    chance = random.Random(1)  # noqa: S311 - guesses of an attacker need no secrecy
    for _ in range(10_000):
        guess = "".join(chance.choice(ALPHABET) for _ in range(16))
        assert read(f"support+12.{guess}") is None


def test_a_signature_of_another_trac_opens_nothing(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """Two environments of one host have keys of their own, though the address is the same."""
    other = TracEnv.create(tmp_path / "other")
    try:
        theirs = reply_address(load_keys(other.env), OURS, "+", 1)
    finally:
        other.close()
    rig = Rig(sqlite_env, tmp_path)
    rig.drop(mail("First"))
    rig.run()
    rig.drop(mail("Second", f"Cc: {theirs}", sender="mallory@evil.example"))
    rig.run()
    assert rig.outcomes == [("created", "new"), ("created", "new")]


PRIVATE = '''
from trac.core import Component, implements
from trac.perm import IPermissionPolicy

class Private(Component):
    """Tickets with the keyword `private` are seen by `boss` alone; whoever may append may do so everywhere."""
    implements(IPermissionPolicy)

    def check_permission(self, action, username, resource, perm):
        if action == "TICKET_VIEW" and resource and resource.realm == "ticket" and resource.id and username != "boss":
            from trac.ticket.model import Ticket
            if "private" in (Ticket(self.env, resource.id)["keywords"] or ""):
                return False
'''


@pytest.fixture
def rig(sqlite_env: TracEnv, tmp_path: Path) -> Rig:
    """A ticket of mail that an administrator made private; `ann` and `bob` may append to tickets."""
    (sqlite_env.path / "plugins" / "private.py").write_text(PRIVATE, encoding="utf-8")
    policies = "Private, " + sqlite_env.env.config.get("trac", "permission_policies")
    sqlite_env.set(("components", "private.*", "enabled"), ("trac", "permission_policies", policies))
    rig = Rig(sqlite_env, tmp_path)
    sqlite_env.command("permission", "remove", "anonymous", "TICKET_APPEND")
    for name in ("ann", "bob"):
        sqlite_env.grant(name, "TICKET_APPEND")
        sqlite_env.know(name, f"{name}@example.com", name.title())
    sqlite_env.reopen()
    return rig


def test_nobody_writes_into_a_ticket_that_they_may_not_see(rig: Rig) -> None:
    """Neither its number nor the Message-ID of a mail in it leads there: a mail is a new ticket, a commit is held."""
    first = mail("Salaries", sender="boss@example.com")
    rig.drop(first)
    rig.run()
    (ticket,) = rig.trac.tickets()
    rig.drop(mail(f"Re: #{ticket.id} an open one"))
    rig.run()
    assert rig.outcomes[-1] == ("commented", "subject")
    ticket["keywords"] = "private"
    ticket.save_changes("boss", "")
    before = rig.trac.query("SELECT COUNT(*) FROM ticket_change")
    rig.drop(mail(f"#{ticket.id} guessed", sender="bob@example.com"))
    rig.drop(mail("Re: x", f"In-Reply-To: {id_of(first)}", sender="bob@example.com"))
    rig.drop(mail("Re: x", f"References: {id_of(first)} {id_of(first)}", sender="mallory@evil.example"))
    rig.run()
    assert [rule for _, rule in rig.outcomes[-3:]] == ["stranger"] * 3
    rig.set(handler="commit-log")
    rig.drop(mail(f"fixes #{ticket.id}", sender="bob@example.com"))
    rig.run()
    assert rig.outcomes[-1] == ("held", "permission")
    assert rig.trac.query("SELECT COUNT(*) FROM ticket_change") == before


def test_a_deleted_tickets_address_and_ids_open_no_other_ticket(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """Also when a new ticket gets nothing of it: the mail becomes a ticket of its own, with a note."""
    rig = Rig(sqlite_env, tmp_path)
    first, second = mail("First"), mail("Second")
    rig.drop(first, second)
    rig.run()
    address = reply_address(load_keys(sqlite_env.env), OURS, "+", 1)
    sqlite_env.tickets()[0].delete()
    rig.drop(mail("Re: a", f"In-Reply-To: {id_of(first)}"), mail("Re: b", f"Cc: {address}"))
    rig.run()
    assert [rule for _, rule in rig.outcomes[-2:]] == ["deleted-ticket"] * 2
    assert sqlite_env.query("SELECT COUNT(*) FROM ticket_change WHERE ticket=2") == [(0,)]
