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
    wanted = {"kind": "imap", "server": "far", "afterwards": "delete", "rate_service": "0"}
    settings.services.add("support", wanted)
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


@pytest.mark.parametrize(("octets", "status"), [(10_000, 3), (18_000, 0), (26_000, 0), (38_000, 0)])
def test_what_a_broken_line_kept_back_is_made_up_for(
    sqlite_env: TracEnv, dovecot: Dovecot, octets: int, status: int
) -> None:
    """Under the listing by the next run, else by the same, ahead of a batch or not: each mail is filed once."""
    with DelayProxy(dovecot.imap) as proxy:
        user = far(sqlite_env, proxy, dovecot)
        proxy.reset(Fault(Break.CUT, octets=octets))
        broken = sqlite_env.command("mailintake", "run")
        assert (broken.status, "dropped the line" in broken.out) == (status, status == 3)
        proxy.reset()
        again = sqlite_env.command("mailintake", "run", "--force")
        assert again.status == 0, again
    assert sorted(ticket["summary"] for ticket in sqlite_env.tickets()) == sorted(f"number {n}" for n in range(MAILS))
    assert dovecot.messages(user) == []
    assert sqlite_env.query("SELECT COUNT(*) FROM mailintake_delivery WHERE consumed=0") == [(0,)]
