"""A mail server far away: what a run costs in round trips, and what a line that breaks leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components.mails import mail
from tests.servers.delayproxy import Break, DelayProxy, Fault
from tests.servers.dovecot import PASSWORD
from trac_mailintake.bootstrap import settings_of

if TYPE_CHECKING:
    from tests.servers.dovecot import Dovecot
    from tests.servers.tracenv import TracEnv

MAILS = 120


def far(trac: TracEnv, proxy: DelayProxy, dovecot: Dovecot) -> str:
    """A service on an account at the other end of the proxy, where mails lie; its user."""
    trac.grant("anonymous", "TICKET_CREATE")
    user = dovecot.add_user()
    dovecot.deliver(
        user, *(mail(number, subject=f"number {number}", sender=f"n{number}@example.net") for number in range(MAILS))
    )
    settings = settings_of(trac.env)
    server = {"protocol": "imap", "host": proxy.host, "port": str(proxy.port), "security": "none"}
    settings.servers.add("far", {**server, "username": user, "password": PASSWORD, "timeout": "5"})
    settings.services.add("support", {"kind": "imap", "server": "far", "afterwards": "delete"})
    return user


def later(number: int) -> bytes:
    """A mail of somebody else."""
    return mail(1000 + number, subject=f"later {number}", sender=f"a{number}@example.net")


def test_a_run_waits_for_the_line_only_where_it_cannot_do_otherwise(sqlite_env: TracEnv, dovecot: Dovecot) -> None:
    """To log in, for the listing, for the first mails and for the end; not for each batch, nor for its disposal."""
    with DelayProxy(dovecot.imap, round_trip=0.05) as proxy:
        user = far(sqlite_env, proxy, dovecot)
        assert sqlite_env.command("mailintake", "run").out == f"support: {MAILS} created\n"
        few = proxy.traffic.turns
        dovecot.deliver(user, *(later(number) for number in range(5 * MAILS)))
        proxy.reset()
        assert sqlite_env.command("mailintake", "run", "--force").out == f"support: {5 * MAILS} created\n"
        # Ten batches and two disposals more: what is sent meanwhile is a turn of the line, but nobody waits for it.
        assert proxy.traffic.turns <= few + 14
    assert dovecot.messages(user) == []


@pytest.mark.parametrize("octets", [10_000, 18_000, 26_000, 38_000])
def test_a_run_whose_line_breaks_is_made_up_for_by_the_next(sqlite_env: TracEnv, dovecot: Dovecot, octets: int) -> None:
    """Wherever it breaks, under the listing, a batch or what comes ahead of it: each mail is filed once."""
    with DelayProxy(dovecot.imap) as proxy:
        user = far(sqlite_env, proxy, dovecot)
        proxy.reset(Fault(Break.CUT, octets=octets))
        broken = sqlite_env.command("mailintake", "run")
        assert broken.status == 3, broken
        assert "dropped the line" in broken.out
        proxy.reset()
        again = sqlite_env.command("mailintake", "run", "--force")
        assert again.status == 0, again
    assert sorted(ticket["summary"] for ticket in sqlite_env.tickets()) == sorted(f"number {n}" for n in range(MAILS))
    assert dovecot.messages(user) == []
    assert sqlite_env.query("SELECT COUNT(*) FROM mailintake_delivery WHERE consumed=0") == [(0,)]
