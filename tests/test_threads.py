"""Nobody can take over a thread, and be sent the answers, by giving a mail the Message-ID of another mail.

Carol and Dave are customers, Alice answers them as a user of this Trac, Mallory has read a mail of Carol's elsewhere.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest
from trac.notification.mail import create_message_id

from tests.rig import Rig
from trac_mailintake.bootstrap import settings_of
from trac_mailintake.tracker.db.transaction import DAY
from trac_mailintake.tracker.message_ids import ticket_mails
from trac_mailintake.tracker.message_ids.known import CROWD

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import TracEnv

CAROL, DAVE, ALICE, MALLORY = (
    f"{name}@{host}.example" for name, host in (("carol", "a"), ("dave", "b"), ("alice", "corp"), ("mallory", "evil"))
)
ID: Final = "<M1@a.example>"
SECRET: Final = "The combination is 12-34-56."
RECEIVED: Final = "Received: from x by mx.example.org with ESMTP id 1"
_numbers = itertools.count(1)


def letter(
    sender: str, message_id: str = ID, *fields: str, to: str = "support@example.org", subject: str = ""
) -> bytes:
    """A mail of its own text; `fields` are whole header lines, which come first."""
    number = next(_numbers)
    message_id = message_id or f"<n{number}@corp.example>"
    head = (*fields, f"From: {sender}", f"To: {to}", f"Subject: {subject or 'A contract'}", f"Message-ID: {message_id}")
    return "\n".join((*head, "", f"Text {number}\n")).encode()


def answer(*fields: str, to: str = f"{CAROL}, support@example.org", **more: str) -> bytes:
    """What Alice answers to the mail with the id; it is not for everybody."""
    fields = fields or (f"In-Reply-To: {ID}",)
    return letter(ALICE, "", *fields, to=to, **more) + SECRET.encode()


def proved(sender: str, message_id: str = ID) -> bytes:
    """A mail that the border host vouches for."""
    domain = sender.partition("@")[2]
    return letter(
        sender, message_id, f"Authentication-Results: mx.example.org; dmarc=pass header.from={domain}", RECEIVED
    )


@dataclass
class Office:
    """A Trac with two services, and the letters that it sends."""

    rig: Rig
    sink: SmtpSink
    billing: Path

    def take(self, *mails: bytes) -> list[tuple[str, str, int | None]]:
        """Outcome, rule and ticket of each; all in one batch."""
        before = len(self.rig.journal())
        self.sink.reset()
        self.rig.drop(*mails)
        self.rig.run()
        return [(row["outcome"], row["rule"], row["ticket"]) for row in self.rig.journal()[before:]]

    def take_as_billing(self, *mails: bytes) -> list[int | None]:
        """The tickets of what comes to the other address."""
        before = len(self.rig.journal())
        for mail in mails:
            (self.billing / "new" / f"{next(_numbers)}.M1P1.host").write_bytes(mail)
        with self.rig.worker() as assembly:
            service = assembly.settings.services.get("billing")
            assembly.spine.run(service, assembly.settings.open(service))
        return [row["ticket"] for row in self.rig.journal()[before:]]

    def readers(self) -> set[str]:
        """Whom Trac sent what Alice wrote, besides herself."""
        told = [each for each in self.sink.sent if SECRET.encode() in each.content]
        return {recipient for each in told for recipient in each.recipients} - {ALICE}

    def age(self, days: float) -> None:
        """Let the newest mail have been filed later than all others."""
        with self.rig.trac.env.db_transaction as db:
            ((newest,),) = db("SELECT MAX(id) FROM mailintake_message_id")
            past = int(days * DAY)
            db("UPDATE mailintake_message_id SET recorded=recorded-%s WHERE id<%s", (past, newest))


@pytest.fixture
def office(sqlite_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink) -> Office:
    """Alice may comment on everything; rates are not what is looked at here."""
    sqlite_env.notify_through(smtp_sink)
    sqlite_env.grant("alice", "TICKET_APPEND", "TICKET_VIEW")
    sqlite_env.know("alice", ALICE)
    rates = {"rate_sender": "0", "rate_ticket": "0", "rate_service": "0"}
    rig = Rig(sqlite_env, tmp_path, authserv_ids="mx.example.org", address="support@example.org", **rates)
    billing = tmp_path / "Billing"
    for name in ("new", "cur", "tmp"):
        (billing / name).mkdir(parents=True)
    typed = {"kind": "maildir", "path": str(billing), "address": "billing@example.org", **rates}
    settings_of(sqlite_env.env).services.add("billing", typed)
    sqlite_env.reopen()
    return Office(rig, smtp_sink, billing)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("first", [CAROL, MALLORY])
def test_a_strangers_mail_with_the_same_id_takes_nothing_over(office: Office, first: str, *, together: bool) -> None:
    """Whether it comes before or after the customer's, in one batch with the answer or by and by."""
    mails = [letter(first), letter(MALLORY if first == CAROL else CAROL), answer()]
    batches = [mails] if together else [[each] for each in mails]
    found = [each for batch in batches for each in office.take(*batch)]
    hers = 1 if first == CAROL else 2
    assert found == [("created", "new", 1), ("created", "new", 2), ("commented", "message-id", hers)]
    assert office.readers() == {CAROL}
    assert office.take(letter(CAROL, "", f"In-Reply-To: {ID}")) == [("commented", "message-id", hers)]


@pytest.mark.parametrize("strangers", [2, 3, CROWD + 5])
def test_as_many_mails_of_strangers_as_they_like_take_nothing_over(office: Office, strangers: int) -> None:
    """From one of them or from many, around the customer's."""
    before, after = ([letter(f"m{number % 7}@evil.example") for number in range(count)] for count in (2, strangers))
    office.take(*before, letter(CAROL), *after)
    assert office.take(answer()) == [("commented", "message-id", 3)]
    assert office.readers() == {CAROL}


def test_an_answer_to_nobody_who_wrote_so_leads_nowhere(office: Office) -> None:
    """Then the next reference is tried, and the subject; else it is a ticket of its own, whose journal says why."""
    office.take(letter(CAROL), letter(MALLORY), letter(DAVE, "<d@b.example>"))
    elsewhere = "someone@else.example, support@example.org"
    assert office.take(answer(to=elsewhere)) == [("created", "new", 4)]
    assert office.readers() == set()
    ((reason,),) = office.rig.trac.query("SELECT reason FROM mailintake_delivery WHERE ticket=4")
    assert "several tickets" in str(reason)
    assert ID in str(reason)
    references = f"References: <d@b.example> {ID}"
    assert office.take(answer(references, to=elsewhere)) == [("commented", "message-id", 3)]
    assert office.readers() == {DAVE}
    assert office.take(answer(to=elsewhere, subject="Re: [#1] A contract")) == [("commented", "subject", 1)]
    ((reason,),) = office.rig.trac.query("SELECT reason FROM mailintake_delivery WHERE rule='subject'")
    assert "several tickets" in str(reason)


@pytest.mark.parametrize("field", ["To", "Cc", "Bcc"])
def test_the_customer_may_stand_in_any_field(office: Office, field: str) -> None:
    """In any case of letters, with a name, among others."""
    office.take(letter(CAROL), letter(MALLORY))
    mail = answer(
        f"In-Reply-To: {ID}", f'{field}: x@else.example, "Carol (a)" <{CAROL.upper()}>', to="support@example.org"
    )
    assert office.take(mail) == [("commented", "message-id", 1)]


def test_who_is_named_beside_the_customer_gets_no_thread(office: Office) -> None:
    """Mallory's mail also names Carol as a recipient, and the answer goes to all: then it leads to neither ticket."""
    office.take(letter(CAROL), letter(MALLORY, to=f"support@example.org, {CAROL}"))
    found = office.take(answer(to=f"{CAROL}, {MALLORY}, support@example.org"))
    assert found == [("created", "new", 3)]
    assert office.take(answer(to=f"{MALLORY}, support@example.org")) == [("commented", "message-id", 2)]


def test_our_own_address_is_no_person(office: Office) -> None:
    """It is in every answer: a mail that says to be from it has no claim by that."""
    office.take(letter(CAROL), letter("support@example.org"))
    assert office.take(answer()) == [("commented", "message-id", 1)]
    assert office.take(answer(to="support@example.org"))[0][1] == "new"


# proved


@pytest.mark.parametrize("forged_first", [True, False])
def test_a_proved_mail_comes_before_a_forged_one(office: Office, *, forged_first: bool) -> None:
    """Mallory writes Carol's address into From: nothing vouches for that."""
    mails = [letter(CAROL), proved(CAROL)]
    office.take(*(mails if forged_first else mails[::-1]))
    office.take(letter(CAROL), letter(CAROL))
    assert office.take(answer()) == [("commented", "message-id", 2 if forged_first else 1)]


def test_a_forger_proves_only_their_own_address(office: Office) -> None:
    """The answer is neither from Mallory nor to Mallory, so a proved mail of Mallory's does not count."""
    office.take(letter(CAROL), proved(MALLORY))
    assert office.take(answer()) == [("commented", "message-id", 1)]
    assert office.readers() == {CAROL}


def test_a_mail_of_which_the_header_was_cut_has_no_claim(office: Office) -> None:
    """It has no author, whatever its From says."""
    office.take(letter(CAROL), letter(f"{CAROL} ({'x' * 20_000})"), letter(f"{CAROL}, {ALICE}"))
    assert office.take(answer()) == [("commented", "message-id", 1)]


# one author


def test_a_mail_to_two_of_our_addresses(office: Office) -> None:
    """Each service has a ticket of it; the answer goes to that of the service that it came to."""
    mail = letter(CAROL, to="support@example.org, billing@example.org")
    office.take(mail)
    assert office.take_as_billing(mail) == [2]
    office.take(letter(MALLORY))
    office.take_as_billing(letter(MALLORY))
    to = f"{CAROL}, support@example.org, billing@example.org"
    reply = answer(to=to)
    assert office.take(reply) == [("commented", "message-id", 1)]
    assert office.take_as_billing(reply) == [2]
    assert office.readers() == {CAROL}


def test_a_mail_and_its_copy_by_way_of_a_list(office: Office) -> None:
    """The list adds a footer, and it is filed again: answers go to the first, if the second came within a day."""
    mail = letter(CAROL)
    office.take(mail, b"List-Id: <all.example.org>\n" + mail + b"-- \nThe list\n")
    office.take(letter(MALLORY))
    assert office.take(answer()) == [("commented", "message-id", 1)]
    office.age(2)
    assert office.take(answer()) == [("commented", "message-id", 1)]


@pytest.mark.parametrize(("days", "found"), [(0.9, ("commented", 1)), (1.1, ("created", 3))])
def test_copies_come_within_a_day(office: Office, days: float, found: tuple[str, int]) -> None:
    """Later it is another mail."""
    office.take(letter(CAROL), letter(CAROL))
    office.age(days)
    outcome, _, ticket = office.take(answer())[0]
    assert (outcome, ticket) == found


@pytest.mark.parametrize("mails", [3, CROWD + 5])
def test_a_machine_with_one_id_for_all_its_mails(office: Office, mails: int) -> None:
    """Which of them is answered, the id does not say; the number in the subject does."""
    machine = "sensor@plant.example"
    office.take(*(letter(machine, subject=f"Alarm {number}") for number in range(mails)))
    to = f"{machine}, support@example.org"
    assert office.take(answer(to=to)) == [("created", "new", mails + 1)]
    assert office.take(answer(to=to, subject="Re: #2 Alarm")) == [("commented", "subject", 2)]
    comments = office.rig.trac.query("SELECT DISTINCT ticket FROM ticket_change WHERE field='comment'")
    assert comments == [(2,)]


def test_forged_filings_lead_nowhere_and_never_to_the_forger(office: Office) -> None:
    """Mallory's own mails do not count; the ones that Mallory forges make the id lead nowhere, never to Mallory."""
    office.take(letter(CAROL), letter(CAROL), letter(MALLORY), letter(MALLORY))
    assert office.take(answer()) == [("commented", "message-id", 1)]
    office.take(letter(CAROL))
    assert office.take(answer())[0][1] == "new"
    assert MALLORY not in office.readers()


@pytest.mark.parametrize("forged", [1, 2, 3])
def test_a_forger_cannot_redirect_a_reply_to_their_own_mail(office: Office, forged: int) -> None:
    """Carol answered Mallory. Forged mails can make her id lead nowhere; then Mallory's id does not count either."""
    office.take(letter(MALLORY, "<m@evil.example>"))
    office.take(letter(CAROL, ID, "In-Reply-To: <m@evil.example>"), *(letter(CAROL) for _ in range(forged)))
    found = office.take(answer(f"In-Reply-To: {ID}", f"References: <m@evil.example> {ID}"))
    assert found == [("commented", "message-id", 2) if forged == 1 else ("created", "new", forged + 3)]
    assert MALLORY not in office.readers()
    # What else the people concerned wrote, or Trac sent, is behind the forged ones as ever.
    office.take(letter(CAROL, "<own@a.example>"))
    own = office.rig.trac.tickets()[-1].id
    ticket_mails.remember(office.rig.trac.env, "<ours@example.org>", 1)
    for next_one, ticket in (("<own@a.example>", own), ("<ours@example.org>", 1)):
        mail = answer(f"References: {next_one} <m@evil.example> {ID}")
        assert office.take(mail) == [("commented", "message-id", 2 if forged == 1 else ticket)]


def test_ids_differ_by_case(office: Office) -> None:
    """RFC 5322, 3.6.4: what is written otherwise is another id, which contests nothing and is led nowhere by it."""
    office.take(letter(CAROL), letter(MALLORY, ID.lower()), letter(MALLORY, ID.upper()))
    assert office.take(answer()) == [("commented", "message-id", 1)]
    assert office.readers() == {CAROL}


# what we sent


@pytest.mark.parametrize("before", [True, False])
def test_an_id_of_ours_is_ours(office: Office, *, before: bool) -> None:
    """Mallory has a mail filed with the id of a letter before we send that, or sends one with it afterwards."""
    ours = "<ours.1@example.org>"
    if before:
        assert office.take(letter(MALLORY, ours)) == [("created", "new", 1)]
    office.take(letter(CAROL))
    hers = 2 if before else 1
    ticket_mails.remember(office.rig.trac.env, ours, hers)
    assert office.take(letter(MALLORY, ours)) == [("ignored", "loop", None)]
    assert office.take(answer(f"In-Reply-To: {ours}")) == [("commented", "message-id", hers)]
    assert office.readers() == {CAROL}


def test_an_id_that_trac_would_compute_is_ours(office: Office) -> None:
    """What was sent before the install is recorded nowhere; anybody can compute its id, and have it filed."""
    office.rig.trac.set(("notification", "message_id_hash", "md5"))
    office.take(letter(CAROL))
    env = office.rig.trac.env
    root = create_message_id(env, f"{1:08d}", "x@example.org", None, office.rig.trac.tickets()[0]["reporter"])
    with env.db_transaction as db:
        db("DELETE FROM mailintake_message_id WHERE outgoing=1")
    for _ in range(2):
        assert office.take(letter(MALLORY, root))[0][1] == "new"
        assert office.take(answer(f"In-Reply-To: {root}")) == [("commented", "root-id", 1)]
        assert office.readers() == {CAROL}


# generated


def test_no_sequence_of_mails_brings_an_answer_to_a_stranger(office: Office) -> None:
    """Two hundred mails with few ids, by whom and in what order chance says; after each some, Alice answers Carol."""
    chance = random.Random(11)  # noqa: S311 - the same mails each time
    answered = hers = 0
    for sequence in range(20):
        ids = [f"<s{sequence}.{number}@a.example>" for number in range(2)]
        filed: dict[str, list[tuple[str, int | None]]] = {each: [] for each in ids}
        for _ in range(chance.randint(1, 4)):
            made = []
            for _ in range(chance.randint(1, 4)):
                who, one = chance.choice((CAROL, DAVE, MALLORY, MALLORY, ALICE)), chance.choice(ids)
                more = [f"References: {chance.choice(ids)}"] if chance.random() < 0.3 else []
                cc = [f"Cc: {chance.choice((CAROL, MALLORY, DAVE))}"] if chance.random() < 0.3 else []
                made.append((who, one, letter(who, one, *more, *cc)))
            for (who, one, _), (_, _, ticket) in zip(made, office.take(*(mail for *_, mail in made)), strict=True):
                filed[one].append((who, ticket))
            one = chance.choice(ids)
            outcome, rule, ticket = office.take(answer(f"In-Reply-To: {one}", f"References: {one}"))[0]
            tickets = {each for _, each in filed[one]}
            authors = {who for who, each in filed[one] if each == ticket}
            if rule == "message-id" and len(tickets) > 1:
                assert authors & {CAROL, ALICE}, (one, filed, ticket)
                answered += 1
            own = {each for who, each in filed[one] if who in (CAROL, ALICE)}
            if len(own) == 1:
                assert (outcome, {ticket}) == ("commented", own), (one, filed, ticket)
                assert MALLORY not in office.readers()
                hers += 1
    assert min(answered, hers) > 10
