"""A name that already means somebody is never given to a newcomer, wherever it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trac.attachment import Attachment
from trac.ticket.model import Component, Ticket

from trac_mailintake.tracker.people.names_in_use import occurs, reserved

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.tracenv import TracEnv

BOSS = "boss.man"
"""The dot is any character to a pattern that is not escaped, as is the underscore of `LIKE`."""


def _ticket(**fields: str) -> Callable[[TracEnv], None]:
    def made(trac: TracEnv) -> None:
        ticket = Ticket(trac.env)
        ticket.populate({"summary": "Pump", "reporter": "Ann Lee <ann@example.net>", **fields})
        ticket.insert()

    return made


def _changed(before: dict[str, str], after: dict[str, str], author: str = "ann") -> Callable[[TracEnv], None]:
    def made(trac: TracEnv) -> None:
        _ticket(**before)(trac)
        ticket = Ticket(trac.env, 1)
        ticket.populate(after)
        ticket.save_changes(author, "Look.")

    return made


def _component(trac: TracEnv) -> None:
    component = Component(trac.env)
    component.name, component.owner = "Pumps", BOSS
    component.insert()


def _attached(trac: TracEnv) -> None:
    _ticket()(trac)
    attachment = Attachment(trac.env, "ticket", 1)
    attachment.author = BOSS
    attachment.insert("a.txt", _Empty(), 0)


class _Empty:
    def read(self, _: int) -> bytes:
        return b""


WHERE: dict[str, Callable[[TracEnv], None]] = {
    "reporter": _ticket(reporter=BOSS),
    "owner": _ticket(owner="Boss.Man"),
    "cc": _ticket(cc=BOSS),
    "cc, first": _ticket(cc=f"{BOSS}, ann"),
    "cc, last": _ticket(cc=f"ann;{BOSS}"),
    "cc, in the middle": _ticket(cc=f"ann {BOSS.upper()}\r\njoe"),
    "custom field": _ticket(reviewers=f"ann, {BOSS}"),
    "author of a comment": _changed({}, {}, author=BOSS),
    "cc that was removed": _changed({"cc": f"ann, {BOSS}"}, {"cc": "ann"}),
    "owner who was replaced": _changed({"owner": BOSS}, {"owner": "ann"}),
    "component": _component,
    "attachment": _attached,
}


@pytest.mark.parametrize("where", WHERE)
def test_a_name_is_found_wherever_it_means_a_person(trac_env: TracEnv, where: str) -> None:
    """Whoever got an account with it would get what Trac sends to it, and be shown as its author."""
    trac_env.set(("ticket-custom", "reviewers", "text"))
    assert not occurs(trac_env.env, BOSS)
    WHERE[where](trac_env)
    assert occurs(trac_env.env, BOSS)


def test_a_part_of_a_name_is_another_name(trac_env: TracEnv) -> None:
    """So are a person's display name, and words of a text."""
    _changed({"cc": "boss_man bossXman xboss.man boss.man2", "description": BOSS}, {"summary": BOSS})(trac_env)
    assert not occurs(trac_env.env, BOSS)
    assert not occurs(trac_env.env, "boss%man")
    assert not occurs(trac_env.env, "ann lee")
    assert occurs(trac_env.env, "boss_man")


def test_sessions_permissions_and_settings_reserve_names(sqlite_env: TracEnv) -> None:
    """Also those of people who never logged in."""
    sqlite_env.know("joe", "")
    sqlite_env.grant("Eve", "TICKET_VIEW")
    sqlite_env.set(
        ("ticket", "default_owner", "olga"), ("notification", "smtp_always_cc", "zoe@example.org, carl;dora")
    )
    assert {"joe", "eve", "olga", "carl", "dora"} <= reserved(sqlite_env.env)
    with sqlite_env.env.db_transaction as db:
        db("INSERT INTO session (sid, authenticated, last_visit) VALUES ('Guest', 0, 0)")
        db("INSERT INTO revision (repos, rev, time, author) VALUES (1, '1', 0, 'kim')")
    assert occurs(sqlite_env.env, "guest")
    assert occurs(sqlite_env.env, "kim")


@pytest.mark.parametrize("option", ["authz_policy", "svn"])
def test_files_of_permissions_reserve_names(sqlite_env: TracEnv, option: str) -> None:
    """Whoever got the name would get what the file gives to it, in whatever section."""
    file = sqlite_env.path / "conf" / "authz.conf"
    file.write_text("[groups]\nstaff = Boss, @others\n[ticket:*]\nolga=TICKET_ADMIN\n@staff = *\n!kim = r\n", "utf-8")
    assert not {"boss", "olga"} & reserved(sqlite_env.env)
    sqlite_env.set((option, "authz_file", "authz.conf"))
    assert {"boss", "olga", "staff", "others", "kim"} <= reserved(sqlite_env.env)
    file.unlink()
    assert "boss" not in reserved(sqlite_env.env)
