"""Which ticket a message belongs to: docs/behaviour.md#threading, clause by clause."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.builders import ANN, MEMBER, STRANGER, context, message
from tests.fakes import FakeReader
from trac_mailintake.builtin import follow_up
from trac_mailintake.intake.model import Followup, Hold, NewTicket, Proof, Reject, Sender
from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.mail.message import Address, Origin

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Objection, Target

SIGNED = Address("", "support+12.abcdef@example.org")


@pytest.fixture
def reader() -> FakeReader:
    """Tickets 12, 13 and 14, in all of which Ann is involved."""
    tracker = FakeReader(key="PROJ")
    for number in (12, 13, 14):
        tracker.add(number, ANN.spec)
    return tracker


def route(reader: FakeReader, sender: Sender = STRANGER, closed: str = "reopen", **mail: Any) -> Target | None:  # noqa: ANN401 - fields of Message
    """Where a mail goes."""
    return follow_up.mailintake_route(message(**mail), context(reader, sender, closed=closed))


def number(target: Target | None) -> int | None:
    """The ticket that is commented on, None for a new one."""
    return target.ticket if isinstance(target, Followup) else None


# rule 1


@pytest.mark.parametrize("header", ["to", "cc", "bcc", "delivered_to"])
def test_a_signed_reply_address_is_proof(header: str) -> None:
    """In any recipient header; no matter who sends."""
    tracker = FakeReader(signed={mailbox_key(SIGNED.spec): 12})
    tracker.add(12)
    recipients: dict[str, Any] = {header: (SIGNED,)}
    target = route(tracker, **recipients)
    assert isinstance(target, Followup)
    assert (target.ticket, target.rule, target.proof) == (12, "reply-address", Proof.SIGNATURE)


def test_the_signed_address_comes_before_ids_and_subject(reader: FakeReader) -> None:
    """It is the only proof."""
    reader.signed[mailbox_key(SIGNED.spec)] = 12
    reader.know("<a@x>", 13)
    assert number(route(reader, to=(SIGNED,), in_reply_to=("<a@x>",), subject="#14")) == 12


# rule 2


def test_a_known_id_leads_to_its_ticket(reader: FakeReader) -> None:
    """Whether it was sent or filed; the journal says which rule matched."""
    reader.know("<a@x>", 12, outgoing=True)
    target = route(reader, in_reply_to=("<a@x>",))
    assert isinstance(target, Followup)
    assert (target.ticket, target.rule, target.proof) == (12, "message-id", Proof.MESSAGE_ID)
    assert "<a@x>" in target.reason


def test_in_reply_to_comes_before_references(reader: FakeReader) -> None:
    """It names the very mail that is answered."""
    reader.know("<a@x>", 12)
    reader.know("<b@x>", 13)
    assert number(route(reader, in_reply_to=("<a@x>",), references=("<a@x>", "<b@x>"))) == 12


def test_the_newest_reference_decides(reader: FakeReader) -> None:
    """The last of References is the newest."""
    reader.know("<a@x>", 12)
    reader.know("<b@x>", 13)
    assert number(route(reader, in_reply_to=("<unknown@x>",), references=("<a@x>", "<b@x>", "<c@x>"))) == 13


def test_ids_come_before_the_subject(reader: FakeReader) -> None:
    """A subject is typed, an id is not."""
    reader.know("<a@x>", 12)
    assert number(route(reader, references=("<a@x>",), subject="Re: #13")) == 12


def test_the_computed_root_id_is_the_fall_back(reader: FakeReader) -> None:
    """For what Trac sent before the plugin was there; a known id comes before it."""
    reader.roots["<root@x>"] = 14
    target = route(reader, references=("<root@x>", "<unknown@x>"))
    assert isinstance(target, Followup)
    assert (target.ticket, target.rule, target.proof) == (14, "root-id", Proof.MESSAGE_ID)
    reader.know("<a@x>", 12)
    assert number(route(reader, references=("<a@x>", "<root@x>"))) == 12


def test_unknown_ids_lead_nowhere(reader: FakeReader) -> None:
    """They may be of mails among people."""
    assert route(reader, in_reply_to=("<unknown@x>",)) is None


def test_a_bounce_leads_to_the_ticket_of_the_mail_that_it_returns(reader: FakeReader) -> None:
    """It rarely has References; where bounces are accepted, this is where they belong."""
    reader.know("<00012.ab@trac>", 12, outgoing=True)
    target = route(reader, origin=Origin.REPORT, text="Message-ID: <00012.ab@trac>\n")
    assert number(target) == 12
    assert route(reader, text="Message-ID: <00012.ab@trac>\n") is None


# rule 3


@pytest.mark.parametrize(
    "subject",
    [
        "#12",
        "Re: #12 burns",
        "burns (see #12)",
        "burns, #12.",
        "[#12] burns",
        "AW: [ #12 ]burns",
        "[Moon] #12: The printer burns",
        "Re: [moon] #12: The printer burns",
        "[EXT] Re: [Moon] #12: The printer burns",
        "[EXT] #12 burns",
        "(PROJ-12) burns",
        "Re: [JIRA] Created: (proj-12) burns",
        "Überhitzung:#12",
    ],
)
def test_a_subject_names_a_ticket(reader: FakeReader, subject: str) -> None:
    """As people write it, as Trac writes it, as JIRA wrote it."""
    target = route(reader, subject=subject)
    assert isinstance(target, Followup)
    assert (target.ticket, target.rule, target.proof) == (12, "subject", Proof.SUBJECT)


@pytest.mark.parametrize(
    "subject",
    [
        "12",
        "C#12",
        "issue#12",
        "#12th floor",
        "#12-34 ordered",
        "#12.5 mm",
        "&#12;",
        "#0",
        "#1234567890123",
        "http://other.example/ticket#12",
        "see https://other.example/x?#12 please",
        "www.other.example/#12",
        "[other #12] burns",
        "[other tracker - Bug #12] burns",
        "[Moon #12] burns",
        "[other] #12: burns",
        "(OTHER-12) burns",
        "(PROJ-x) burns",
        "PROJECT-12",
        "",
    ],
)
def test_other_numbers_do_not_count(reader: FakeReader, subject: str) -> None:
    """Within words, in URLs, of a foreign tracker."""
    assert route(reader, subject=subject) is None


def test_the_leftmost_that_exists_wins(reader: FakeReader) -> None:
    """A number of nothing is passed over."""
    assert number(route(reader, subject="#99 and #13, not #12")) == 13
    assert number(route(reader, subject="(PROJ-14) #12")) == 14
    assert number(route(reader, subject="[other] #12: was #13 here")) == 13


def test_without_a_key_no_key_counts(reader: FakeReader) -> None:
    """`(PROJ-12)` is for those who come from JIRA."""
    reader.key = ""
    assert route(reader, subject="(PROJ-12) (-12)") is None


def test_a_project_may_be_called_anything(reader: FakeReader) -> None:
    """Its name is no pattern."""
    reader.name = "My [old] project (C++)"
    assert number(route(reader, subject="Re: [My [old] project (C++)] #12: burns")) == 12


@pytest.mark.parametrize(
    "hostile", ["[" * 50_000, "#1" * 25_000, "(a-" * 20_000, "http://" * 9_000, "[ #" * 20_000, " " * 50_000]
)
def test_a_hostile_subject_takes_no_time(reader: FakeReader, hostile: str) -> None:
    """Whatever it repeats."""
    begun = time.process_time()
    route(reader, subject=hostile)
    assert time.process_time() - begun < 1


# who may follow a lead that is no proof

LEADS: Final[list[dict[str, Any]]] = [{"in_reply_to": ("<a@x>",)}, {"references": ("<root@x>",)}, {"subject": "#12"}]


def led(*involved: str, closed: bool = False) -> FakeReader:
    """Ticket 12, to which all of LEADS lead."""
    tracker = FakeReader(roots={"<root@x>": 12})
    tracker.add(12, *involved, closed=closed)
    tracker.know("<a@x>", 12)
    return tracker


@pytest.mark.parametrize("lead", LEADS)
def test_an_involved_sender_comments(lead: dict[str, Any]) -> None:
    """By address, without case: mail programs change it."""
    shouting = Sender("anonymous", "Ann", "Ann@EXAMPLE.org", mapped=False, reason="")
    assert number(route(led(ANN.spec), shouting, **lead)) == 12


@pytest.mark.parametrize("lead", LEADS)
def test_an_involved_user_comments(lead: dict[str, Any]) -> None:
    """By username, as reporters and owners are mostly written."""
    assert number(route(led("ann"), MEMBER, **lead)) == 12


@pytest.mark.parametrize("lead", LEADS)
def test_a_user_who_may_append_comments(lead: dict[str, Any]) -> None:
    """The user must also be allowed to see that ticket: otherwise guessed numbers would lead into hidden tickets."""
    tracker = led()
    tracker.rights.add(("ann", "TICKET_APPEND", 12))
    assert number(route(tracker, MEMBER, **lead)) != 12
    tracker.rights.add(("ann", "TICKET_VIEW", 12))
    assert number(route(tracker, MEMBER, **lead)) == 12


@pytest.mark.parametrize("lead", LEADS)
def test_a_stranger_gets_a_new_ticket_that_links_to_the_other(lead: dict[str, Any]) -> None:
    """Ids and numbers can be known to anybody."""
    target = route(led("bob"), **lead)
    assert isinstance(target, NewTicket)
    assert (target.rule, target.related) == ("stranger", 12)
    assert "#12" in target.note


@pytest.mark.parametrize("lead", LEADS)
def test_what_anonymous_may_makes_nobody_involved(lead: dict[str, Any]) -> None:
    """Neither a permission of anonymous nor a ticket reported by anonymous counts: anonymous is everybody."""
    tracker = led("anonymous")
    tracker.rights.add(("anonymous", "TICKET_APPEND", 12))
    assert isinstance(route(tracker, **lead), NewTicket)


def test_who_acts_for_strangers_is_all_of_them() -> None:
    """A stranger who acts as `reporterusername` is not the reporter of all other strangers' tickets."""
    tracker = led("helpdesk")
    tracker.rights.add(("helpdesk", "TICKET_APPEND", 12))
    acting = Sender("helpdesk", "helpdesk", ANN.spec, mapped=False, reason="")
    assert isinstance(route(tracker, acting, subject="#12"), NewTicket)


def test_a_sender_without_an_address_is_not_involved() -> None:
    """Several From fields are nobody, even where a ticket has an empty cc."""
    nobody = Sender("anonymous", "anonymous", "", mapped=False, reason="")
    assert isinstance(route(led(""), nobody, subject="#12"), NewTicket)


@pytest.mark.parametrize(("policy", "verdict"), [("hold", Hold), ("reject", Reject)])
@pytest.mark.parametrize("lead", LEADS)
def test_strangers_can_be_held_or_rejected(policy: str, verdict: type[Objection], lead: dict[str, Any]) -> None:
    """The objection says to which ticket the mail pointed."""
    objection = follow_up.mailintake_screen(message(**lead), context(led(), stranger=policy))
    assert isinstance(objection, verdict)
    assert objection.rule == "stranger"
    assert "ticket 12" in objection.reason


@pytest.mark.parametrize("policy", ["hold", "reject"])
def test_who_is_no_stranger_is_not_objected_to(policy: str) -> None:
    """Nor is somebody who points to no ticket, or to one that is gone."""
    there = context(led(ANN.spec), stranger=policy)
    assert follow_up.mailintake_screen(message(subject="#12"), there) is None
    assert follow_up.mailintake_screen(message(), context(led(), stranger=policy)) is None
    gone = FakeReader()
    gone.know("<a@x>", 12)
    assert follow_up.mailintake_screen(message(in_reply_to=("<a@x>",)), context(gone, stranger=policy)) is None


def test_strangers_who_get_a_ticket_are_not_objected_to() -> None:
    """The default."""
    assert follow_up.mailintake_screen(message(subject="#12"), context(led())) is None


# closed and deleted tickets


@pytest.mark.parametrize("closed", ["reopen", "comment"])
def test_a_reply_to_a_closed_ticket_is_a_comment(closed: str) -> None:
    """Whether it reopens, the handler says."""
    assert number(route(led(ANN.spec, closed=True), closed=closed, subject="#12")) == 12


def test_a_reply_to_a_closed_ticket_can_be_a_new_one() -> None:
    """It links to the old one; an open ticket is not concerned."""
    target = route(led(ANN.spec, closed=True), closed="new", subject="#12")
    assert isinstance(target, NewTicket)
    assert (target.rule, target.related) == ("closed-ticket", 12)
    assert "#12" in target.note
    assert number(route(led(ANN.spec), closed="new", subject="#12")) == 12


def test_a_vacation_note_to_a_closed_ticket_makes_no_new_one() -> None:
    """That would be another way to reopen it."""
    target = route(led(ANN.spec, closed=True), closed="new", subject="#12", origin=Origin.RESPONDER)
    assert number(target) == 12


@pytest.mark.parametrize("lead", [{"in_reply_to": ("<a@x>",)}, {"to": (SIGNED,)}])
def test_a_reply_to_a_deleted_ticket_is_a_new_one_with_a_note(lead: dict[str, Any]) -> None:
    """For anybody: there is nothing left to comment on; a number in the subject does not make up for it."""
    tracker = FakeReader(signed={mailbox_key(SIGNED.spec): 12})
    tracker.know("<a@x>", 12)
    tracker.add(13, ANN.spec)
    target = route(tracker, subject="#13", **lead)
    assert isinstance(target, NewTicket)
    assert (target.rule, target.related) == ("deleted-ticket", None)
    assert "ticket 12" in target.note


def test_a_mail_that_points_nowhere_is_left_to_others() -> None:
    """A rule that knows nothing says nothing."""
    assert route(FakeReader()) is None
