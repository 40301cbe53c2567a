"""What a message becomes: fields, notes, whether it reopens and who is told."""

from __future__ import annotations

import pytest

from tests.builtin.handlers.handling import ANSWER, NEW, asked, handled
from tests.fakes import FakeReader
from trac_mailintake.intake.model import Forward, Hold, NewTicket, Reopen
from trac_mailintake.mail.message import Origin


def test_presets_are_set() -> None:
    """Those that are not empty."""
    change = handled(
        "create-or-comment", NEW, component="printers", owner="bob", keywords="fire, smoke", type="incident"
    )
    assert change.fields == {"component": "printers", "owner": "bob", "keywords": "fire, smoke", "type": "incident"}


def test_jiras_issuetype_is_a_type() -> None:
    """A number, which the tracker looks up; a type by name comes before it."""
    assert handled("create-or-comment", NEW, issuetype="1").fields == {"type": "1"}
    assert handled("create-or-comment", NEW, issuetype="1", type="task").fields == {"type": "task"}


@pytest.mark.parametrize(
    ("target", "note"),
    [
        (NewTicket("stranger", "", related=12, note="See #12, please."), "See #12, please."),
        (NewTicket("deleted-ticket", "", note="It is gone."), "It is gone."),
        (NewTicket("other", "", related=12), "Related to #12."),
    ],
)
def test_a_new_ticket_says_why_it_is_one(target: NewTicket, note: str) -> None:
    """After what the sender wrote; the number is a link."""
    assert handled("create-or-comment", target).text == f"It burns.\n\n{note}"


@pytest.mark.parametrize(
    ("closed", "reopen"), [("reopen", Reopen.IF_ALLOWED), ("comment", Reopen.NEVER), ("new", Reopen.NEVER)]
)
def test_closed_says_whether_a_comment_reopens(closed: str, reopen: Reopen) -> None:
    """When the workflow offers it to the sender."""
    assert handled("create-or-comment", ANSWER, closed=closed).reopen is reopen


@pytest.mark.parametrize("origin", [Origin.RESPONDER, Origin.REPORT])
def test_a_vacation_note_or_a_bounce_neither_reopens_nor_notifies(origin: Origin) -> None:
    """Otherwise two machines write to one another."""
    change = handled("create-or-comment", ANSWER, {"origin": origin}, bulk="accept")
    assert change.quiet
    assert change.reopen is Reopen.NEVER


@pytest.mark.parametrize("origin", [Origin.PERSON, Origin.LIST, Origin.BULK])
def test_other_comments_notify(origin: Origin) -> None:
    """People wait for them."""
    assert not handled("create-or-comment", ANSWER, {"origin": origin}, bulk="accept").quiet


def test_a_machines_new_ticket_notifies() -> None:
    """That is what monitoring is for."""
    assert not handled("create-or-comment", NEW, {"origin": Origin.RESPONDER}, bulk="accept").quiet


def test_the_assignee_comes_before_the_preset_owner() -> None:
    """`ccassignee`: the first user among the recipients."""
    from_cc = FakeReader(users={"support@example.org": "sue"})
    change = handled("create-or-comment", NEW, owner="bob", ccassignee="true", reader=from_cc)
    assert change.fields["owner"] in {"sue", "bob"}
    assert handled("create-or-comment", NEW, owner="bob", reader=from_cc).fields == {"owner": "bob"}


def test_without_a_ticket_a_mail_goes_to_who_looks_at_it() -> None:
    """Forwarded if there is an address, else held; the sentence names the handler."""
    held, forwarded = asked("comment", NEW), asked("comment", NEW, forward="boss@example.org")
    assert isinstance(held, Hold)
    assert isinstance(forwarded, Forward)
    assert held.rule == forwarded.rule == "no-ticket"
    assert "comment" in held.reason
