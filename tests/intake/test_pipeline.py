"""The pipeline on fakes of its ports: what is recorded together, what is decided again, and which failures count."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import DELIVERY, STRANGER, message, service
from tests.fakes import FakeReader
from trac_mailintake.intake.errors import Misconfiguration, NoLongerMine, Stale, TemporaryFailure
from trac_mailintake.intake.model import (
    Change,
    Discard,
    Followup,
    Forward,
    Hold,
    Ignore,
    NewTicket,
    Proof,
    Reject,
    Status,
    gravest,
)
from trac_mailintake.intake.pipeline import ATTEMPTS, DEATHS, Deferred, Intake
from trac_mailintake.intake.ports import Accepted, Parser, Prepared, Recorded, Runtime, Seen, Wait
from trac_mailintake.mail.spool import Slice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trac_mailintake.intake.model import Delivery, Objection, Outcome, Sender, Target
    from trac_mailintake.intake.pipeline import Result
    from trac_mailintake.intake.ports import Decision
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.message import Message


class FakeRules:
    """Rules that object, or route, as the subject says; a subject that is in `raising` raises once for each entry."""

    def __init__(self) -> None:
        """Nobody objects."""
        self.objections: dict[str, list[Objection]] = {}
        self.targets: dict[str, Target] = {}
        self.raising: dict[str, list[Exception]] = {}

    def screen(self, message: Message, delivery: Delivery, service: Service, sender: Sender) -> Sequence[Objection]:
        """What was said for the subject."""
        if self.raising.get(message.subject):
            raise self.raising[message.subject].pop(0)
        return self.objections.get(message.subject, [])

    def route(self, message: Message, delivery: Delivery, service: Service, sender: Sender) -> Target:
        """What was said for the subject, else a new ticket."""
        return self.targets.get(message.subject, NewTicket("new", "It names none."))

    def handle(self, message: Message, target: Target, service: Service, sender: Sender) -> Change:
        """The plainest change."""
        return Change(target, sender, message.subject, message.text)

    def recorded(self, message: Message, outcome: Outcome, service: Service, sender: Sender) -> None:
        """Nobody wants to know."""


class FakeTracker:
    """Agrees to everything."""

    reader = FakeReader()

    def sender(self, message: Message, service: Service) -> Sender:
        """A stranger."""
        return STRANGER

    def prepare(self, change: Change, message: Message, service: Service, *, explain: bool = False) -> Prepared:
        """Agree."""
        return Prepared(change, native=None)


@dataclass
class FakeRecorder:
    """Remembers what it was told. `failing` are raised by `record`, one a call, for calls with so many decisions."""

    groups: list[list[str]] = field(default_factory=list)
    deferred: list[tuple[str, bool]] = field(default_factory=list)
    announced: int = 0
    known: dict[str, Seen] = field(default_factory=dict)
    failing: list[Exception | None] = field(default_factory=list)
    waits: bool = False
    deaf: int = 0
    """How often `defer` finds the database gone."""
    lost: bool = False

    def seen(self, service: Service, message: Message) -> Seen | None:
        """By Message-ID alone."""
        return self.known.get(message.message_id or "")

    def record(self, decisions: Sequence[Decision]) -> list[Recorded]:
        """Fail as planned, else remember."""
        error = self.failing.pop(0) if self.failing else None
        if error is not None:
            raise error
        self.groups.append([decision.outcome.status.value for decision in decisions])
        for decision in decisions:
            if isinstance(decision, Accepted):
                self.known[decision.message.message_id or ""] = Seen(decision.delivery.id, decision.delivery.id)
        return [Recorded(decision.delivery, decision.outcome) for decision in decisions]

    def announce(self, recorded: Sequence[Recorded], service: Service) -> None:
        """Count."""
        self.announced += len(recorded)

    def defer(self, claimed: Delivery, reason: str, *, seconds: float, counted: bool, message_id: str | None) -> None:
        """Remember why, and whether it counted."""
        if self.deaf:
            self.deaf -= 1
            self.lost = True
            raise TemporaryFailure("The database is gone.")
        self.deferred.append((reason, counted))

    def parent_elsewhere(self, claimed: Delivery, message_ids: Sequence[str]) -> Wait | None:
        """As planned; and while a mail could not be deferred."""
        return Wait(None) if self.waits or self.lost else None

    def renew(self, deliveries: Sequence[Delivery]) -> None:
        """Nothing runs out here."""


class Bench:
    """An intake on fakes. Mails are given as values; their slice's offset finds them again."""

    def __init__(self) -> None:
        """Nothing fails."""
        self.rules = FakeRules()
        self.recorder = FakeRecorder()
        self.mails: list[Message] = []
        parse: Callable[[Slice], Message] = lambda raw: self.mails[raw.offset]  # noqa: E731 - as short as it gets
        self.intake = Intake(FakeTracker(), self.recorder, self.recorder, self.rules, Runtime(Parser(parse)))  # type: ignore[arg-type]  # only what is used

    def mail(self, subject: str, message_id: str = "", **changed: Any) -> Delivery:  # noqa: ANN401 - fields of Message
        """A delivery of a mail of its own."""
        number = len(self.mails)
        self.mails.append(message(subject=subject, message_id=message_id or f"<{number}@example.org>", **changed))
        return replace(DELIVERY, id=number + 1, raw=Slice("", number, 0))

    def take(self, *deliveries: Delivery, **typed: str) -> list[Result]:
        """Take them as one batch."""
        return self.intake.take(service(**typed), deliveries)


@pytest.fixture
def bench() -> Bench:
    """A fresh one."""
    return Bench()


def test_a_batch_is_recorded_together(bench: Bench) -> None:
    """One transaction for mails that have nothing to do with one another, in their order."""
    bench.rules.objections["b"] = [Reject("no", "No.")]
    results = bench.take(bench.mail("a"), bench.mail("b"), bench.mail("c"))
    assert bench.recorder.groups == [["created", "rejected", "created"]]
    assert [each.delivery.id for each in results] == [1, 2, 3]
    assert bench.recorder.announced == 3


def test_a_reply_is_decided_after_its_parent_is_recorded(bench: Bench) -> None:
    """Within a batch: so that it finds the ticket."""
    bench.take(bench.mail("a", "<p@x>"), bench.mail("b"), bench.mail("re", references=("<p@x>",)))
    assert bench.recorder.groups == [["created", "created"], ["created"]]


def test_a_copy_in_the_same_batch_is_a_duplicate(bench: Bench) -> None:
    """The first is recorded before the second is looked for."""
    bench.take(bench.mail("a", "<p@x>"), bench.mail("a", "<p@x>"))
    assert bench.recorder.groups == [["created"], ["duplicate"]]


def test_two_comments_on_one_ticket_are_not_recorded_together(bench: Bench) -> None:
    """The second depends on what the first changes in the ticket."""
    bench.rules.targets["a"] = bench.rules.targets["b"] = Followup(7, "subject", "It says so.", Proof.SUBJECT)
    bench.take(bench.mail("a"), bench.mail("b"))
    assert bench.recorder.groups == [["commented"], ["commented"]]


def test_what_fails_together_is_done_again_one_by_one(bench: Bench) -> None:
    """Only the one at fault is deferred."""
    bench.recorder.failing = [ValueError("one of them"), None, ValueError("this one"), None]
    results = bench.take(bench.mail("a"), bench.mail("b"), bench.mail("c"))
    assert bench.recorder.groups == [["created"], ["created"]]
    assert [isinstance(each, Deferred) for each in results] == [False, True, False]
    assert bench.recorder.deferred == [("ValueError: this one", True)]


def test_what_was_overtaken_is_decided_anew(bench: Bench) -> None:
    """If the ticket changed meanwhile, the mail is decided again, and no attempt is counted."""
    bench.recorder.failing = [Stale("changed"), Stale("changed again"), None]
    (result,) = bench.take(bench.mail("a"))
    assert isinstance(result, Recorded)
    assert bench.recorder.deferred == []


def test_another_workers_row_is_left_alone(bench: Bench) -> None:
    """Nothing is written, deferred or disposed of for it."""
    bench.recorder.failing = [NoLongerMine("x"), NoLongerMine("x")]
    assert bench.take(bench.mail("a")) == []
    assert bench.recorder.deferred == []


FAILURES: Mapping[str, tuple[Exception, bool, bool, bool]] = {
    "temporary": (TemporaryFailure("gone"), False, True, False),
    "misconfiguration": (Misconfiguration("plugin"), False, False, True),
    "its own": (ValueError("bad"), True, False, False),
    "recursion": (RecursionError("deep"), True, False, False),
}


@pytest.mark.parametrize(("error", "counted", "down", "fault"), FAILURES.values(), ids=FAILURES.keys())
def test_only_failures_of_the_messages_own_count(
    bench: Bench, error: Exception, *, counted: bool, down: bool, fault: bool
) -> None:
    """Other failures pass by themselves, or an administrator fixes them; the rest of the batch goes on."""
    bench.rules.raising["a"] = [error]
    first, second = bench.take(bench.mail("a"), bench.mail("b"))
    assert isinstance(first, Deferred)
    assert (first.down, first.fault is not None) == (down, fault)
    assert [each for _, each in bench.recorder.deferred] == [counted]
    assert isinstance(second, Recorded)


@pytest.mark.parametrize(("forward", "rule"), [("", "failed"), ("boss@example.org", "forward-pending")])
def test_the_fifth_failure_gives_it_to_an_administrator(bench: Bench, forward: str, rule: str) -> None:
    """Held, with the reason; on its way to the forward address where there is one."""
    bench.rules.raising["a"] = [ValueError("bad")]
    (result,) = bench.take(replace(bench.mail("a"), attempts=ATTEMPTS - 1), forward=forward)
    assert isinstance(result, Recorded)
    assert (result.outcome.status, result.outcome.rule) == (Status.HELD, rule)
    assert "bad" in result.outcome.reason


def test_what_killed_three_processes_is_held_unread(bench: Bench) -> None:
    """It is not even parsed."""
    delivery = replace(bench.mail("a"), deaths=DEATHS, raw=Slice("", 99, 0))
    (result,) = bench.take(delivery)
    assert isinstance(result, Recorded)
    assert (result.outcome.status, result.outcome.rule) == (Status.HELD, "crashes")


def test_a_reply_without_a_parent_waits_for_other_workers(bench: Bench) -> None:
    """They may be filing what it answers."""
    bench.recorder.waits = True
    reply, plain = bench.take(bench.mail("a"), bench.mail("re", in_reply_to=("<unknown@x>",)))
    assert isinstance(plain, Recorded)
    assert isinstance(reply, Deferred)
    assert reply.soon
    assert [counted for _, counted in bench.recorder.deferred] == [False]


def test_a_reply_waits_when_nobody_could_note_that_its_parent_does(bench: Bench) -> None:
    """The database was gone for a moment, and is back before the reply is decided."""
    bench.rules.raising["a"] = [TemporaryFailure("The database is gone.")]
    bench.recorder.deaf = 1
    results = bench.take(bench.mail("a", "<p@x>"), bench.mail("b"), bench.mail("re", in_reply_to=("<p@x>",)))
    assert {each.delivery.id: type(each) for each in results} == {1: Deferred, 2: Recorded, 3: Deferred}
    assert bench.recorder.groups == [["created"]]


def test_of_several_objections_the_safest_counts(bench: Bench) -> None:
    """Hold, forward, reject, ignore, discard; whatever order they come in."""
    ladder: list[Objection] = [Discard("d", ""), Ignore("i", ""), Reject("r", ""), Forward("f", ""), Hold("h", "")]
    for count in range(1, len(ladder) + 1):
        assert gravest(ladder[:count]) == ladder[count - 1]
        assert gravest(ladder[:count][::-1]) == ladder[count - 1]
    assert gravest([Hold("h", ""), Ignore("not-for-us", "", decisive=True)]) == Ignore("not-for-us", "", decisive=True)
    assert gravest([]) is None


def test_every_step_is_in_the_trail(bench: Bench) -> None:
    """In the order of the way, objections with their gravity."""
    bench.rules.objections["a"] = [Hold("h", "Because.")]
    decision = bench.intake.decide(service(), DELIVERY, message(subject="a"))
    assert [(step.stage, step.rule) for step in decision.steps] == [("screen", "sender"), ("screen", "h")]
    assert decision.steps[-1].sentence == "Hold: Because."
    filed = bench.intake.decide(service(), DELIVERY, message(subject="b"))
    assert [(step.stage, step.rule) for step in filed.steps] == [("screen", "sender"), ("route", "new")]
