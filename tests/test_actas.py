"""`actas`: strangers have the rights of a user, and stay who they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trac.perm import PermissionSystem

from tests.rig import Rig, id_of, mail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv


@pytest.fixture
def rig(sqlite_env: TracEnv, tmp_path: Path) -> Rig:
    """A service of a Trac where strangers may do nothing, but a user called mailbot may."""
    rig = Rig(sqlite_env, tmp_path)
    for action in ("TICKET_CREATE", "TICKET_APPEND"):
        PermissionSystem(sqlite_env.env).revoke_permission("anonymous", action)
        sqlite_env.grant("mailbot", action)
    rig.set(actas="mailbot")
    return rig


def test_strangers_file_mail_under_their_own_names(rig: Rig) -> None:
    """Tickets, comments and attachments are theirs; without `actas` the mail is held."""
    first = mail("A question")
    rig.drop(first, mail("Re: A question", f"In-Reply-To: {id_of(first)}", body="More.\n"))
    rig.run()
    assert [state for state, _ in rig.outcomes] == ["created", "commented"]
    (ticket,) = rig.trac.tickets()
    assert ticket["reporter"] == "Ann <ann@example.com>"
    assert [each[1] for each in ticket.get_changelog() if each[2] == "comment"] == ["Ann <ann@example.com>"]
    assert "Sent by mail" not in ticket["description"]
    rig.set(actas="")
    rig.drop(mail("Another"))
    rig.run()
    assert rig.outcomes[-1] == ("held", "permission")


def test_strangers_are_not_the_user(rig: Rig) -> None:
    """A number in the subject leads nobody there who is not involved, although mailbot may append to each ticket."""
    rig.drop(mail("A question"), mail("Re: #1", sender="eve@example.com"))
    rig.run()
    assert [state for state, _ in rig.outcomes] == ["created", "created"]
    assert [ticket["reporter"] for ticket in rig.trac.tickets()] == ["Ann <ann@example.com>", "Ann <eve@example.com>"]


@pytest.mark.parametrize("parameter", ["actas", "reporterusername"])
def test_strangers_make_trac_write_to_nobody_else(rig: Rig, parameter: str) -> None:
    """They add themselves to cc, although the user whose rights they have may add anybody."""
    rig.trac.grant("mailbot", "TICKET_EDIT_CC", "TICKET_CHGPROP")
    rig.set(actas="", reporterusername="")
    rig.set(ccwatcher="true", **{parameter: "mailbot"})
    rig.trac.reopen()
    first = mail("A question", "Cc: victim@example.net")
    rig.drop(first, mail("Re: A question", f"In-Reply-To: {id_of(first)}", "Cc: victim@example.net, ann@example.com"))
    rig.run()
    assert [state for state, _ in rig.outcomes] == ["created", "commented"]
    assert "victim" not in rig.trac.tickets()[0]["cc"]


def test_a_jira_user_is_the_author(rig: Rig) -> None:
    """`reporterusername` keeps what JIRA means by it."""
    rig.set(actas="", reporterusername="mailbot")
    rig.drop(mail("A question"))
    rig.run()
    (ticket,) = rig.trac.tickets()
    assert ticket["reporter"] == "mailbot"
    assert "ann@example.com" in ticket["description"]


@pytest.mark.parametrize(
    ("before", "typed"),
    [
        ({}, ("actas=boss",)),
        ({"actas": "mailbot"}, ("reporterusername=mailbot",)),
        ({"actas": "", "reporterusername": "mailbot"}, ("actas=mailbot",)),
        ({}, ("actas=group",)),
        ({}, ("actas=anonymous",)),
        ({}, ("actas=nobody",)),
    ],
)
def test_what_would_give_too_much_is_refused_when_it_is_saved(
    rig: Rig, before: dict[str, str], typed: tuple[str, ...]
) -> None:
    """A user with TRAC_ADMIN, also by a group; both parameters; a name that is no user."""
    rig.trac.grant("boss", "TRAC_ADMIN")
    rig.trac.grant("owners", "TRAC_ADMIN")
    rig.trac.grant("group", "owners")
    rig.set(**before)
    refused = rig.trac.command("mailintake", "service", "set", "support", *typed)
    assert refused.status == 2
    assert "not allowed" in refused.err
