"""What people who are known by their mails alone are told of a ticket, whatever happens to it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import pytest
from trac.notification.api import NotificationSystem
from trac.ticket.model import Component, Milestone, Ticket
from trac.ticket.notification import TicketChangeEvent
from trac.util.datefmt import datetime_now, utc

from tests.rig import Rig, mail
from tests.servers.forms import Form
from trac_mailintake.tracker.outgoing.notify import renotify
from trac_mailintake.tracker.people.reply_address import load_keys, reply_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.servers.smtp_sink import Sent, SmtpSink
    from tests.servers.tracenv import Page, Tracd, TracEnv

ANN: Final = "ann@customer.example"
"""A stranger whose mail became the ticket."""
CARL: Final = "carl@partner.example"
"""A stranger whose mail became a comment, which Trac's default setting takes for a wish to be told everything."""
JOE: Final = "joe@example.org"
"""A user, who commented by mail."""
OWNER: Final = "owen@example.org"
"""A user, who owns the ticket and was told of it by Trac's own rules."""
TEAM: Final = "team@example.org"
"""An address that two users share."""
STAFF: Final = "staff@example.org"
"""An address that the administrator always writes to."""
OUTSIDERS: Final = {ANN, CARL}
USERS: Final = {JOE, OWNER, STAFF}
ADDRESS: Final = "support@example.org"
_SUBSCRIBERS: Final = {
    "owner": "TicketOwnerSubscriber",
    "reporter": "TicketReporterSubscriber",
    "updater": "TicketUpdaterSubscriber",
    "previous_updater": "TicketPreviousUpdatersSubscriber",
    "cc": "CarbonCopySubscriber",
}


class Office:
    """A Trac that is served, where strangers write by mail and staff works in the web."""

    def __init__(self, rig: Rig, tracd: Tracd, sink: SmtpSink) -> None:
        self.rig = rig
        self.sink = sink
        self.staff = tracd.visitor("boss")
        self.number = 0
        self.unsubscribed: set[str] = set()
        """Outsiders who are told nothing: where a user acts for them, Trac does not know who commented."""

    @property
    def path(self) -> str:
        """Of the ticket's page."""
        return f"/ticket/{self.number}"

    def begin(self) -> None:
        """A ticket of Ann's, with comments by Carl and Joe, all by mail; what was told of them is forgotten."""
        self.rig.drop(mail("Smoke", sender=ANN, body="It smokes.\n"))
        self.rig.run()
        [ticket] = self.rig.trac.tickets()[-1:]
        self.number = ticket.id
        if ticket["reporter"] == "helpdesk":
            self.unsubscribed.add(CARL)
        self.by_mail(CARL, "Here, too.\n")
        self.by_mail(JOE, "Which printer?\n")
        self.web(field_owner="owen", field_milestone="milestone1", action="leave")
        self.sink.reset()

    def by_mail(self, sender: str, body: str, *fields: str) -> None:
        """Somebody answers to the ticket's signed address."""
        to = reply_address(load_keys(self.rig.trac.env), ADDRESS, "+", self.number)
        self.rig.drop(mail("Re: Smoke", f"Cc: {to}", *fields, sender=sender, body=body))
        self.rig.run()
        assert self.rig.outcomes[-1][0] == "commented", self.rig.outcomes[-1]

    def web(self, **typed: str) -> Page:
        """Somebody submits the ticket's form."""
        return self.submit(self.path, "propertyform", **{"submit": "Submit changes", **typed})

    def submit(self, path: str, form: str, to: str = "", **typed: str) -> Page:
        """Somebody submits a form of a page. It is done when Trac leads elsewhere."""
        answer = Form(self.staff.get(path).text, form).send(self.staff, to or path.partition("?")[0], **typed)
        assert answer.status == 303, answer.text
        return answer

    def batch(self, **typed: str) -> None:
        """Somebody changes several tickets at once."""
        fields = {"selected_tickets": str(self.number), "action": "leave", "batchmod_value_comment": "", **typed}
        assert self.staff.post("/batchmodify", fields).status == 303

    def upload(self) -> None:
        """Somebody attaches a file, with a description."""
        values = {"__FORM_TOKEN": self.staff.cookies["trac_form_token"], "description": "What it costs us"}
        values |= {"action": "new", "realm": "ticket", "id": str(self.number)}
        parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}' for name, value in values.items()]
        parts += ['Content-Disposition: form-data; name="attachment"; filename="margins.txt"\r\n\r\n4 of 5']
        body = "".join(f"--limit\r\n{part}\r\n" for part in parts) + "--limit--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=limit"}
        path = f"/attachment/ticket/{self.number}/"
        assert self.staff.ask("POST", path, headers=headers, body=body).status == 303

    def last_change(self) -> int:
        """When the ticket was last commented on, as Trac's pages say it."""
        rows = self.rig.trac.query("SELECT MAX(time) FROM ticket_change WHERE ticket=%s", self.number)
        return int(str(rows[0][0]))

    def told(self) -> dict[str, list[Sent]]:
        """Who got which mails. Trac sends before it answers, and so does a run before it ends."""
        found: dict[str, list[Sent]] = {}
        for each in self.sink.sent:
            for recipient in each.recipients:
                found.setdefault(recipient, []).append(each)
        return found


@pytest.fixture(scope="module", params=["", "helpdesk"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _sqlite_template: TracEnv
) -> Iterator[Rig]:
    """Strangers report as themselves, or a user does for them; whatever Trac can subscribe people to is on."""
    folder = tmp_path_factory.mktemp("outsiders")
    with closing(_sqlite_template.copied(folder / "env")) as trac:
        trac.set(
            ("mailintake", "address", ADDRESS),
            ("notification", "smtp_always_cc", STAFF),
            ("components", "tracopt.ticket.deleter.*", "enabled"),
            *(("notification-subscriber", f"always_notify_{name}", each) for name, each in _SUBSCRIBERS.items()),
        )
        for name, address in (
            ("joe", JOE),
            ("owen", OWNER),
            ("helpdesk", "helpdesk@example.org"),
            ("al", TEAM),
            ("alma", TEAM),
        ):
            trac.know(name, address)
        trac.grant("boss", "TRAC_ADMIN")
        trac.grant("helpdesk", "TICKET_CREATE", "TICKET_APPEND")
        trac.grant("joe", "TICKET_APPEND")
        yield Rig(trac, folder, reporterusername=request.param)


@pytest.fixture(scope="module")
def served(place: Rig, _one_smtp_sink: SmtpSink) -> Iterator[Tracd]:
    """Its pages, from which the same mail server is used."""
    place.trac.notify_through(_one_smtp_sink)
    with place.trac.serve("boss") as tracd:
        yield tracd


@pytest.fixture
def office(place: Rig, served: Tracd, smtp_sink: SmtpSink) -> Office:
    """With a new ticket."""
    office = Office(place, served, smtp_sink)
    office.begin()
    return office


@dataclass(frozen=True, slots=True)
class Case:
    """What happens, whether outsiders are told of it, whether Trac tells anybody, and words that the mail has."""

    does: Callable[[Office], object]
    outsiders: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset(USERS)
    words: str = ""


def edits_a_comment(office: Office) -> None:
    """Joe's, by its editor."""
    office.submit(f"{office.path}?cnum_edit=2", "trac-comment-editor", edited_comment="Which?", edit_comment="1")


def deletes_a_comment(office: Office) -> None:
    """The last one."""
    typed = {"id": str(office.number), "action": "delete-comment", "cnum": "3", "cdate": str(office.last_change())}
    assert office.staff.post(office.path, typed).status == 303


def deletes_the_ticket(office: Office) -> None:
    """With all that is in it."""
    assert office.staff.post(office.path, {"id": str(office.number), "action": "delete"}).status == 303


def deletes_an_attachment(office: Office) -> None:
    """That somebody had added."""
    office.upload()
    office.sink.reset()
    assert office.staff.post(f"/attachment/ticket/{office.number}/margins.txt", {"action": "delete"}).status == 303


def closes_the_milestone(office: Office, comment: str = "") -> None:
    """Its open tickets go to the next one."""
    name = f"m{office.number}"
    milestone(office, name)
    typed = {"completed": "on", "retarget": "on", "target": "milestone4", "comment": comment, "save": "1"}
    office.submit(f"/milestone/{name}?action=edit", "edit", **typed)
    assert Ticket(office.rig.trac.env, office.number)["milestone"] == "milestone4"


def deletes_the_milestone(office: Office) -> None:
    """Likewise."""
    name = f"m{office.number}"
    milestone(office, name)
    office.submit(f"/milestone/{name}?action=delete", "delete-confirm", target="milestone4")
    assert Ticket(office.rig.trac.env, office.number)["milestone"] == "milestone4"


def milestone(office: Office, name: str) -> None:
    """One of its own for the ticket."""
    made = Milestone(office.rig.trac.env)
    made.name = name
    made.insert()
    office.web(field_milestone=name)
    office.sink.reset()


def renames_the_component(office: Office) -> None:
    """In the administrator's panel."""
    name = f"c{office.number}"
    made = Component(office.rig.trac.env)
    made.name = name
    made.insert()
    office.web(field_component=name)
    office.sink.reset()
    office.submit(f"/admin/ticket/components/{quote(name)}", "edit", name=f"{name}b", save="1")
    assert Ticket(office.rig.trac.env, office.number)["component"] == f"{name}b"


BOTH: Final = frozenset(OUTSIDERS)
NOBODY: Final = frozenset[str]()
CASES: Final = {
    "a field": Case(lambda office: office.web(field_keywords="vip, annoying")),
    "many fields": Case(
        lambda office: office.web(field_summary="Nags", field_priority="trivial", field_description="He nags.")
    ),
    "the owner": Case(lambda office: office.web(action="reassign", action_reassign_reassign_owner="joe")),
    "closed": Case(lambda office: office.web(action="resolve", action_resolve_resolve_resolution="wontfix")),
    "cc": Case(lambda office: office.web(field_cc=f"{ANN}, eve@elsewhere.example"), users=frozenset(USERS)),
    "blanks": Case(lambda office: office.web(field_keywords="vip", comment=" \r\n\t\u00a0\u200b\r\n")),
    "a comment": Case(lambda office: office.web(comment="Try again."), BOTH, words="Try again."),
    "a comment and a field": Case(
        lambda office: office.web(comment="Try now.", field_keywords="x"), BOTH, words="Try now."
    ),
    "closed with a comment": Case(
        lambda office: office.web(comment="Mended.", action="resolve", action_resolve_resolve_resolution="fixed"),
        BOTH,
        words="Mended.",
    ),
    "an image as the comment": Case(lambda office: office.web(comment="[[Image(a.png)]]"), BOTH, words="Image(a.png)"),
    "a file": Case(lambda office: office.upload()),
    "no file any more": Case(deletes_an_attachment),
    "a comment edited": Case(edits_a_comment, users=NOBODY),
    "a comment deleted": Case(deletes_a_comment, users=NOBODY),
    "the ticket deleted": Case(deletes_the_ticket, users=NOBODY),
    "several tickets": Case(lambda office: office.batch(batchmod_value_keywords="vip")),
    "several tickets, blanks": Case(
        lambda office: office.batch(batchmod_value_keywords="x", batchmod_value_comment=" ")
    ),
    "several tickets with a comment": Case(
        lambda office: office.batch(batchmod_value_comment="Sorry."), BOTH, words="Sorry."
    ),
    "the milestone closed": Case(closes_the_milestone),
    "the milestone closed with a comment": Case(lambda office: closes_the_milestone(office, "Too late for 1.0")),
    "the milestone deleted": Case(deletes_the_milestone),
    "the component renamed": Case(renames_the_component, users=NOBODY),
    "an answer of a user by mail": Case(
        lambda office: office.by_mail(JOE, "Is it plugged in?\n"), BOTH, words="Is it plugged in?"
    ),
    "a stranger's answer by mail": Case(
        lambda office: office.by_mail(CARL, "It is green.\n"), frozenset({ANN}), words="It is green."
    ),
    "the reporter's answer by mail": Case(
        lambda office: office.by_mail(ANN, "Never mind.\n"), frozenset({CARL}), words="Never mind."
    ),
}  # fmt: skip  # a table reads better


@pytest.mark.parametrize("name", CASES)
def test_outsiders_are_told_what_somebody_says_and_nothing_else(office: Office, name: str) -> None:
    """Whichever of Trac's own subscribers would write to them; users are told as ever."""
    case = CASES[name]
    case.does(office)
    told, wanted = office.told(), case.outsiders - office.unsubscribed
    assert told.keys() & OUTSIDERS == wanted
    assert told.keys() & USERS == case.users
    for outsider in wanted:
        [sent] = told[outsider]
        assert case.words in sent.message.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # it has one


def test_cc_who_never_wrote_gets_tracs_notifications(office: Office) -> None:
    """Somebody put that address there: it may be the staff's list. Who wrote is an outsider there, too."""
    office.web(field_cc=f"{ANN}, list@example.org")
    assert "list@example.org" in office.told()
    assert ANN not in office.told()


def test_an_address_is_the_same_in_capitals(office: Office) -> None:
    """If an outsider writes their address in two ways, Trac has a subscription for each."""
    office.by_mail("Carl@Partner.EXAMPLE", "Still.\n")
    office.web(field_cc="ANN@customer.example")
    office.sink.reset()
    office.web(field_keywords="vip")
    assert {each.casefold() for each in office.told()} & OUTSIDERS == set()
    assert office.told().keys() >= USERS


def test_always_notified_addresses_are_no_outsiders(office: Office) -> None:
    """`smtp_always_cc` names the address: it may be that of a manager, who wrote by mail once."""
    office.by_mail(STAFF, "I am watching this.\n")
    office.sink.reset()
    office.web(field_keywords="vip")
    assert office.told().keys() >= USERS


def test_an_address_that_users_share_is_no_outsiders(office: Office) -> None:
    """Which of them writes by mail is not known, yet users they are: somebody put their address in cc."""
    office.by_mail(TEAM, "We look into it.\n")
    office.web(field_cc=TEAM)
    office.sink.reset()
    office.web(field_keywords="vip")
    assert office.told().keys() & (OUTSIDERS | {TEAM}) == {TEAM}


def test_a_notification_that_is_made_up_for_says_nothing_when_the_comment_is_gone(office: Office) -> None:
    """The outgoing server was down; meanwhile somebody thought better of the comment, which is a change like any."""
    env = office.rig.trac.env
    ticket, when = Ticket(env, office.number), datetime_now(utc)
    number = ticket.save_changes("joe", "You fools.", when)
    ticket.modify_comment(when, "boss", "", datetime_now(utc))
    assert renotify(env, office.number, number, when, "joe")
    assert office.told().keys() & (OUTSIDERS | USERS) == USERS


@pytest.mark.sqlite
def test_the_number_of_a_deleted_ticket_tells_its_sender_nothing(
    sqlite_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink
) -> None:
    """SQLite gives the highest number again. Where a user acts for strangers, both have the same reporter."""
    sqlite_env.know("helpdesk", "helpdesk@example.org")
    sqlite_env.grant("helpdesk", "TICKET_CREATE")
    sqlite_env.notify_through(smtp_sink)
    rig = Rig(sqlite_env, tmp_path, reporterusername="helpdesk")
    rig.drop(mail("Smoke", sender=ANN))
    rig.run()
    Ticket(sqlite_env.env, 1).delete()
    rig.drop(mail("Fire", sender=CARL))
    rig.run()
    smtp_sink.reset()
    [ticket], when = sqlite_env.tickets(), datetime_now(utc)
    assert ticket.id == 1
    ticket.save_changes("joe", "It is for Carl.", when)
    NotificationSystem(sqlite_env.env).notify(TicketChangeEvent("changed", ticket, when, "joe", "It is for Carl."))
    assert [each.recipients for each in smtp_sink.sent] == [(CARL,)]
