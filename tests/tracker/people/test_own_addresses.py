"""Which addresses are the intake's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.bootstrap import settings_of
from trac_mailintake.tracker.people.own_addresses import caught_addresses, own_addresses

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


def test_all_that_lead_to_us_or_come_from_us(trac_env: TracEnv) -> None:
    """Of every service, of the notifications, and the one of the project; in any notation and case, once each."""
    trac_env.set(
        ("mailintake", "address", "Support@Example.org"),
        ("notification", "smtp_from", "trac@example.org"),
        ("notification", "smtp_replyto", "replies@example.org; trac@example.org"),
    )
    services = settings_of(trac_env.env).services
    services.add("support", {"kind": "maildir", "path": "/mail", "address": "help@example.org, HILFE@example.de"})
    services.add("silent", {"kind": "maildir", "path": "/silent"})
    assert own_addresses(trac_env.env) == {
        *("support@example.org", "trac@example.org", "replies@example.org", "help@example.org", "hilfe@example.de"),
    }


def test_a_name_without_a_domain_is_no_address(sqlite_env: TracEnv) -> None:
    """`smtp_from = trac` matches nobody's mail."""
    sqlite_env.set(("notification", "smtp_from", "trac"), ("notification", "smtp_replyto", ""))
    assert own_addresses(sqlite_env.env) == frozenset()


def test_all_that_enabled_services_catch(trac_env: TracEnv) -> None:
    """In any notation and case. A disabled service takes no mail, so that it keeps none from others."""
    services = settings_of(trac_env.env).services
    services.add("support", {"kind": "maildir", "path": "/mail", "catchemail": "Help@example.org, hilfe@Example.de"})
    services.add("all", {"kind": "maildir", "path": "/all"})
    services.add("web", {"kind": "maildir", "path": "/web", "catchemail": "help+web@example.org", "enabled": "false"})
    assert caught_addresses(trac_env.env) == {"help@example.org", "hilfe@example.de"}
