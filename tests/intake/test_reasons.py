"""Reasons: what follows from a rule, how sentences are made, and that all decisions of the product carry theirs."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import ANN, DELIVERY, MEMBER, STRANGER, message, service
from tests.fakes import FakeReader
from tests.intake.rules_page import BEHAVIOUR, filled
from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Change, Followup, Hold, NewTicket, Outcome, Proof, Status, Step
from trac_mailintake.intake.reasons import because, rule
from trac_mailintake.intake.sender_notice import notice
from trac_mailintake.intake.settings import Values
from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.mail.message import Address, Origin
from trac_mailintake.mail.wording import Reason, Wording
from trac_mailintake.plugins.hooks import Rules
from trac_mailintake.tracker.outgoing.translations import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac_mailintake.intake.model import Objection, Target
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Message

TEXTS = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(["{}", "{0}", "{why}", "%s", "{{", "}"])


def test_the_page_lists_every_rule() -> None:
    """`python -m tests.intake.rules_page` writes the tables."""
    page = BEHAVIOUR.read_text("utf-8")
    assert filled(page) == page


@given(why=TEXTS, number=st.integers())
def test_what_a_mail_says_is_only_ever_repeated(why: str, number: int) -> None:
    """Braces in an argument, or in the argument of a clause, are no template."""
    inner = Wording("inner", "{why}!")(why=why)
    reason = Wording("outer", "{number}: {inner} {why}")(number=number, inner=inner, why=why)
    assert reason.sentence == f"{number}: {why}! {why}"
    assert pickle.loads(pickle.dumps(reason)) == reason  # noqa: S301 - our own bytes


def test_a_plugin_has_rules_of_its_own() -> None:
    """They notify no sender, alarm no administrator, and leave no mail to other services."""
    foreign = rule("acme-invoice")
    assert (foreign.told, foreign.alarming, foreign.leaves) == (False, False, False)
    assert Hold("acme-invoice", "Any {text}.").because is None


def test_a_value_is_what_its_rule_and_its_reason_say() -> None:
    """Whether a plugin wrote them, or a rule of ours."""
    reason = reasons.BLOCK(sender="a@example.org", entry="example.org")
    hold = because(Hold, reason)
    assert hold == Hold("block", "a@example.org is on the block list (example.org).")
    assert hold.because is reason
    assert hash(hold) == hash(Hold(hold.rule, hold.reason))
    assert Step.objected("screen", hold).sentence == "Hold: a@example.org is on the block list (example.org)."
    assert Step.objected("screen", Hold("acme", "So {there}.")).sentence == "Hold: So {there}."


def test_who_is_told_of_held_mail_can_be_told_why() -> None:
    """In each language, and of no other rule: a notice says nothing of our rules."""
    told = {slug for slug, each in reasons.RULES.items() if each.told}
    assert {name: set(language.why) for name, language in LANGUAGES.items()} == dict.fromkeys(LANGUAGES, told)


@pytest.mark.parametrize("slug", [*reasons.RULES, "acme"])
def test_the_sender_of_held_mail_is_told_as_the_rule_says(slug: str) -> None:
    """With `notify_sender=refused`; with less only of a rejection, whatever the rule."""
    held, rejected = (Outcome(status, slug, "It is so.") for status in (Status.HELD, Status.REJECTED))
    for policy, of_held, of_rejected in (
        ("refused", rule(slug).told, True),
        ("rejected", False, True),
        ("never", False, False),
    ):
        of = service(notify_sender=policy)
        assert (bool(notice(message(), of, held)), bool(notice(message(), of, rejected))) == (
            of_held,
            of_rejected,
        )


def test_a_mail_server_tells_the_senders_of_what_it_hands_over() -> None:
    """Of a rejection, which it was told by 77; whatever the kind of source is called."""
    pushed = replace(service(notify_sender="refused"), pushed=True)
    assert notice(message(), pushed, Outcome(Status.REJECTED, "block", "")) is None
    assert getattr(notice(message(), pushed, Outcome(Status.HELD, "allow", "")), "address", "") == ANN.spec
    assert notice(message(), replace(pushed, kind="pipe", pushed=False), Outcome(Status.REJECTED, "x", "")) is not None


# what the product decides ---------------------------------------------------------------------------------------------


def reader() -> FakeReader:
    """Open, closed and deleted tickets, and all the ways that lead there."""
    known = FakeReader(signed={"t1@example.org": 1}, roots={"<root@example.org>": 1}, own=set())
    known.add(1, mailbox_key(ANN.spec))
    known.add(2, mailbox_key(ANN.spec), closed=True)
    known.add(3)
    for number in (1, 2, 3, 4):
        known.know(f"<{number}@example.org>", number, outgoing=number == 1)
    known.rights = {(MEMBER.username, action, 3) for action in ("TICKET_VIEW", "TICKET_APPEND")}
    return known


def mails() -> Iterator[Message]:
    """Of all origins, for all tickets, with and without what the rules look for."""
    for origin in Origin:
        yield message(origin=origin, origin_reason="It says so.")
    for number in range(1, 5):
        yield message(in_reply_to=(f"<{number}@example.org>",))
        yield message(subject=f"[#{number}] again")
        yield message(text=f"Fixes #{number}", subject="commit")
    yield message(in_reply_to=("<root@example.org>",))
    yield message(to=(Address("", "t1@example.org"),))
    yield message(subject="", size=10**9)
    yield message(authors=(), author=None)
    yield message(fields=(("X-Spam-Flag", "YES"), ("Received", "by mx.example.org")))


SERVICES = (
    service(),
    service(allow="example.com", max_size="1M", oversize="hold", bulk="hold", lists="bulk", require_subject="true"),
    service(block=ANN.spec, stranger="reject", bulk="ignore", closed="new"),
    service("boss@example.org", stranger="hold", max_size="1M", oversize="forward", require_subject="true"),
    service(catchemail="other@example.org", bulk="delete", authserv_ids="mx.example.org"),
)


def decisions(rules: Rules) -> Iterator[Objection | Target]:
    """What the built-in rules and handlers make of all these mails in all these services."""
    for of in SERVICES:
        for handler in rules.handlers:
            for mail in mails():
                defaults = {each.name: each.default for each in rules.parameters(handler)}
                values = Values({**defaults, **of.parameters.values})
                yield from _decided(rules, replace(of, handler=handler, parameters=values), mail)


def _decided(rules: Rules, of: Service, mail: Message) -> Iterator[Objection | Target]:
    for sender in (MEMBER, STRANGER, replace(STRANGER, address="")):
        yield from rules.screen(mail, DELIVERY, of, sender)
        target = rules.route(mail, DELIVERY, of, sender)
        yield target
        answer = rules.handle(mail, target, of, sender)
        yield answer.target if isinstance(answer, Change) else answer


def flat(reason: Reason) -> Iterator[object]:
    """All that a reason is made of, clauses taken apart."""
    for each in reason.arguments.values():
        yield from flat(each) if isinstance(each, Reason) else (each,)


def test_every_decision_of_the_product_carries_slug_and_arguments() -> None:
    """From which its sentence can be made again, and which can be stored: nothing in them but text and numbers."""
    rules = Rules(reader(), group="none")
    slugs = set()
    for each in decisions(rules):
        assert each.because is not None, each
        assert (each.because.slug, each.because.sentence) == (each.rule, each.reason)
        assert {type(value) for value in flat(each.because)} <= {str, int}, each
        slugs.add(each.rule)
    assert len(slugs) >= 22, sorted(slugs)


def test_a_plugins_decision_stays_what_it_wrote() -> None:
    """Also where a sentence of ours takes it up."""
    rules = Rules(reader(), group="none")
    target = Followup(1, "acme", "A {case}.", Proof.SUBJECT)
    made = rules.handle(message(), target, replace(service(), handler="create"), MEMBER)
    assert isinstance(made, Change)
    assert isinstance(made.target, NewTicket)
    assert made.target.reason == "A {case}. The handler create always makes a new ticket."
