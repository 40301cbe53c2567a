"""Contacts are listed and forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.tracker.people.contacts import Newcomer, forget, remembered
from trac_mailintake.tracker.people.newcomers import contact, remember

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


def test_contacts_are_listed_and_forgotten(trac_env: TracEnv) -> None:
    """The oldest first; an address is the same in any case; who is forgotten is a newcomer again."""
    with trac_env.env.db_transaction as db:
        for number, name in enumerate(("Zoe", "ann"), start=1):
            who = Newcomer(f"{name}@example.net", name, "", "support", 9, notify=True)
            remember(trac_env.env, db, who, number)
    found = remembered(trac_env.env)
    assert [(each.address, each.username, each.service, each.made, each.failure) for each in found] == [
        ("Zoe@example.net", "", "support", 0, ""),
        ("ann@example.net", "", "support", 0, ""),
    ]
    assert 0 < found[0].created <= found[1].created
    assert forget(trac_env.env, "zoe@EXAMPLE.net")
    assert not forget(trac_env.env, "zoe@example.net")
    assert [each.address for each in remembered(trac_env.env)] == ["ann@example.net"]
    assert contact(trac_env.env, "Zoe@example.net") is None
