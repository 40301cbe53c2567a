"""What trac-admin says of contacts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trac_mailintake.components.cli.contacts import ContactActions
from trac_mailintake.tracker.people.contacts import Newcomer
from trac_mailintake.tracker.people.newcomers import remember

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


def test_contacts_are_listed_and_forgotten(sqlite_env: TracEnv) -> None:
    """For people and for programs, with what became of their accounts; whom nobody knows is said."""
    words = ("mailintake", "contact")
    assert sqlite_env.command(*words, "list").out == "Nobody is remembered yet.\n"
    with sqlite_env.env.db_transaction as db:
        for number, (name, username) in enumerate((("ann", ""), ("bob", "bob"), ("zoe", "zoe")), start=1):
            remember(
                sqlite_env.env, db, Newcomer(f"{name}@example.net", "N", username, "support", 9, notify=True), number
            )
        db("UPDATE mailintake_contact SET made=1 WHERE username='bob'")
        db("UPDATE mailintake_contact SET failure='no store' WHERE username='zoe'")
    lines = sqlite_env.command(*words, "list").out.splitlines()
    assert [line.split("  ")[-1].strip() for line in lines if "@" in line] == ["none", "made", "owed: no store"]
    listed = json.loads(sqlite_env.command(*words, "list", "--json").out)
    assert [each["address"] for each in listed] == ["ann@example.net", "bob@example.net", "zoe@example.net"]
    assert ContactActions(sqlite_env.env).complete([""]) == [each["address"] for each in listed]
    assert sqlite_env.command(*words, "remove", "ANN@example.net").out == "ANN@example.net is forgotten.\n"
    gone = sqlite_env.command(*words, "remove", "ann@example.net")
    assert (gone.status, "nobody of that address" in gone.err) == (2, True)
