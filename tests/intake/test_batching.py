"""Which mails share a transaction, and which wait for the mail that they answer."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.builders import DELIVERY, STRANGER, message
from tests.intake.bench import Bench, letter
from trac_mailintake.intake.batching import GROUP, Group, parent_elsewhere, put_off
from trac_mailintake.intake.failures import Deferred, Waiting
from trac_mailintake.intake.model import Change, Followup, NewTicket, Outcome, Proof, Status
from trac_mailintake.intake.ports import Accepted, Prepared, Refused, Wait
from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from trac_mailintake.intake.failures import Undecided
    from trac_mailintake.mail.message import Message


def creating(mail: Message) -> Accepted:
    """A decision to make a ticket of a mail."""
    change = Change(NewTicket("new", ""), STRANGER, mail.subject, "")
    return Accepted(DELIVERY, mail, Outcome(Status.CREATED, "new", ""), (), Prepared(change, None))


def commenting(mail: Message, ticket: int) -> Accepted:
    """A decision to comment on a ticket."""
    change = Change(Followup(ticket, "subject", "", Proof.SUBJECT), STRANGER, "", "")
    return Accepted(DELIVERY, mail, Outcome(Status.COMMENTED, "subject", "", ticket), (), Prepared(change, None))


def refusing(mail: Message | None) -> Refused:
    """A decision to hold a mail."""
    return Refused(DELIVERY, mail, Outcome(Status.HELD, "so", ""), ())


def group(*decisions: Accepted | Refused) -> Group:
    """A group of these."""
    made = Group()
    for each in decisions:
        made.add(each)
    return made


ONE = message(message_id="<1@x>", sha256="1", subject="One")


@pytest.mark.parametrize(
    ("mail", "before"),
    [
        (message(message_id="<2@x>"), False),
        (message(message_id="<2@x>", in_reply_to=("<1@x>",)), True),
        (message(message_id="<2@x>", references=("<0@x>", "<1@x>")), True),
        (message(message_id="<1@x>", sha256="2"), True),
        (message(message_id=None, sha256="1"), False),
        (ValueError("It could not be read."), False),
    ],
)
def test_a_reply_or_a_copy_comes_after_what_is_in_the_group(mail: Message | Exception, *, before: bool) -> None:
    """It must find the ticket; others share the transaction."""
    assert group(creating(ONE)).comes_before(mail) is before
    assert group(refusing(ONE)).comes_before(mail) is before
    assert not group(refusing(None)).comes_before(mail)
    assert not group().comes_before(mail)


def test_mails_without_an_id_are_copies_if_all_their_bytes_are_the_same() -> None:
    """As for duplicates."""
    nameless = message(message_id=None, sha256="7")
    assert group(creating(nameless)).comes_before(message(message_id=None, sha256="7"))
    assert not group(creating(nameless)).comes_before(message(message_id=None, sha256="8"))


def test_a_group_has_an_end() -> None:
    """What is taken from a group is not in it any more, unless it is put back."""
    most = group(*[creating(ONE)] * GROUP)
    assert most.full
    taken = most.take()
    assert len(taken) == GROUP
    assert most.take() == []
    assert not most.comes_before(ONE)
    most.put_back(taken[1:])
    assert most.comes_before(ONE)
    most.add(creating(ONE))
    assert most.full
    assert most.take()[:-1] == taken[1:]


def test_what_is_said_about_one_ticket_is_recorded_bit_by_bit() -> None:
    """Each comment changes what the next one is decided by."""
    seven = group(commenting(ONE, 7))
    assert seven.changes_basis_of(commenting(message(), 7))
    assert not seven.changes_basis_of(commenting(message(), 8))
    assert not seven.changes_basis_of(creating(message()))
    assert not seven.changes_basis_of(refusing(message()))


@pytest.mark.parametrize(
    ("subject", "named"), [("Re: [#12] jam", True), ("(PROJ-3) jam", True), ("jam #x", False), ("( 3-4 )", False)]
)
def test_a_number_in_the_subject_may_be_the_ticket_of_a_mail_before(subject: str, *, named: bool) -> None:
    """That ticket has no number yet while its mail is in the group."""
    decision = creating(message(subject=subject))
    assert group(creating(ONE)).changes_basis_of(decision) is named
    assert not group().changes_basis_of(decision)


def test_generated_batches_are_decided_as_if_one_came_after_the_other() -> None:
    """No group has a mail together with one that it answers or repeats."""
    for seed in range(200):
        chance = random.Random(seed)  # noqa: S311 - which can be repeated
        current, ids, groups = Group(), [f"<{number}@x>" for number in range(8)], []
        for _ in range(30):
            answers = tuple(chance.sample(ids, chance.randint(0, 2)))
            mail = message(message_id=chance.choice(ids), references=answers, sha256=str(chance.random()))
            if current.comes_before(mail):
                groups.append(current.take())
            current.add(creating(mail))
        for decisions in [*groups, current.take()]:
            mails = [each.message for each in decisions if each.message]
            for place, mail in enumerate(mails):
                earlier = {each.message_id for each in mails[:place]}
                assert not earlier & {mail.message_id, *mail.references}


@pytest.mark.parametrize(
    ("decision", "asks"),
    [
        (creating(message(in_reply_to=("<0@x>",))), True),
        (creating(message(references=("<0@x>",))), True),
        (creating(message()), False),
        (commenting(message(in_reply_to=("<0@x>",)), 7), False),
        (refusing(message(in_reply_to=("<0@x>",))), False),
        (refusing(None), False),
    ],
)
def test_only_a_reply_that_would_become_a_ticket_asks_for_its_parent(
    decision: Accepted | Refused, *, asks: bool
) -> None:
    """All others cost no query."""
    bench = Bench()
    parent_elsewhere(bench.ledger, decision)
    assert bool(bench.ledger.calls) is asks


@pytest.mark.parametrize(
    ("due", "pushed", "seconds", "kind"),
    [
        (None, False, 0.1, Waiting),
        (None, True, 0.1, Waiting),
        (0.0, False, 0.1, Waiting),
        (0.0, True, 60.0, Deferred),
        (1.5, False, 1.5, Waiting),
        (30.0, False, 30.0, Deferred),
        (60.0, False, 60.0, Deferred),
        (3600.0, False, 60.0, Deferred),
    ],
)
def test_how_long_a_reply_waits(due: float | None, seconds: float, kind: type[Undecided], *, pushed: bool) -> None:
    """Until what it answers is tried again, but for a minute at most; no attempt is counted.

    A pipe's process cannot take that one, so its mail server is not kept waiting.
    """
    bench = Bench()
    [delivery] = bench.claimed(letter("re", "", "<0@x>"))
    decision = replace(creating(message(message_id="<re@x>")), delivery=delivery)
    done = put_off(bench.failures, decision, Wait(None if due is None else Seconds(due)), pushed=pushed)
    row = bench.store.rows["1"]
    assert type(done) is kind
    assert row.retry_at - bench.clock.now() == pytest.approx(seconds)
    assert (row.message_id, row.delivery.attempts, row.owner) == ("<re@x>", 0, None)
