"""The way of a mail, on fakes of all ports: what a round does, and what is left of it when it is killed anywhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.builders import DELIVERY, message, service
from tests.intake.bench import Bench, groups, letter
from trac_mailintake.intake.batching import GROUP
from trac_mailintake.intake.errors import Misconfiguration, NoLongerMine, SourceError, Stale, TemporaryFailure
from trac_mailintake.intake.failures import ATTEMPTS, DEATHS, Cause, Deferred
from trac_mailintake.intake.model import Followup, Forward, Hold, Ignore, Proof, Reject, Status
from trac_mailintake.intake.ports import Accepted, Duplicate, Recorded, Refused
from trac_mailintake.intake.stages.claim import RENEWAL, Bounds
from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

# take


def test_what_did_not_fit_in_a_transaction_waits_for_the_mails_after_it() -> None:
    """It is recorded with them: nobody waits for the database while there is something to decide."""
    bench = Bench()
    bench.ledger.most = GROUP - 5
    results = bench.take(*(letter(f"m{number}") for number in range(2 * GROUP)))
    assert [len(each) for each in groups(bench)] == [GROUP - 5, GROUP - 5, 10]
    assert [each.delivery.listed.locator for each in results] == [str(each + 1) for each in range(2 * GROUP)]


# decide


def test_every_step_is_in_the_trail() -> None:
    """In the order of the way, objections with their gravity."""
    bench = Bench()
    bench.rules.objections["a"] = [Hold("h", "Because.")]
    decision = bench.spine.decide(service(), DELIVERY, message(subject="a"))
    assert [(step.stage, step.rule) for step in decision.steps] == [("screen", "sender"), ("screen", "h")]
    assert decision.steps[-1].sentence == "Hold: Because."
    filed = bench.spine.decide(service(), DELIVERY, message(subject="b"))
    assert [(step.stage, step.rule) for step in filed.steps] == [
        ("screen", "sender"),
        ("route", "new"),
        ("handle", "prepared"),
    ]


def test_what_is_decided_is_one_of_three() -> None:
    """A duplicate, a refusal by a screen, by the handler or by Trac, or a change."""
    bench = Bench()
    bench.rules.objections["screened"] = [Reject("no", "No.")]
    bench.rules.refusals["handled"] = Hold("permission", "You may not.")
    decided = {
        subject: bench.spine.decide(service(), DELIVERY, message(subject=subject))
        for subject in ("new", "screened", "handled")
    }
    bench.tracker.refusal = Reject("workflow", "There is no action.")
    decided["prepared"] = bench.spine.decide(service(), DELIVERY, message(subject="new"))
    bench.store.tickets.append(["<one@example.org>"])
    decided["again"] = bench.spine.decide(service(), DELIVERY, message())
    assert {subject: (type(each), each.outcome.status, each.outcome.rule) for subject, each in decided.items()} == {
        "new": (Accepted, Status.CREATED, "new"),
        "screened": (Refused, Status.REJECTED, "no"),
        "handled": (Refused, Status.HELD, "permission"),
        "prepared": (Refused, Status.REJECTED, "workflow"),
        "again": (Duplicate, Status.DUPLICATE, "duplicate"),
    }
    assert decided["again"].outcome.ticket == 1


# take


def test_a_batch_is_recorded_together() -> None:
    """One transaction for mails that have nothing to do with one another, in their order."""
    bench = Bench()
    bench.rules.objections["b"] = [Reject("no", "No.")]
    results = bench.take(letter("a"), letter("b"), letter("c"))
    assert groups(bench) == [["created", "rejected", "created"]]
    assert [each.delivery.id for each in results] == [1, 2, 3]
    assert bench.ledger.announced == 3


def test_a_reply_is_decided_after_its_parent_is_recorded() -> None:
    """Within a batch: so that it finds the ticket."""
    bench = Bench()
    bench.take(letter("a", "<p@x>"), letter("b"), letter("re", "", "<p@x>"))
    assert groups(bench) == [["created", "created"], ["commented"]]
    assert bench.store.tickets == [["<p@x>", "<re@x>"], ["<b@x>"]]


def test_a_copy_in_the_same_batch_is_a_duplicate() -> None:
    """The first is recorded before the second is looked for."""
    bench = Bench()
    bench.take(letter("a", "<p@x>"), letter("a", "<p@x>"))
    assert groups(bench) == [["created"], ["duplicate"]]


def test_two_comments_on_one_ticket_are_not_recorded_together() -> None:
    """The second depends on what the first changes in the ticket, and is decided again."""
    bench = Bench()
    bench.store.tickets.append(["<old@x>"])
    bench.rules.targets["a"] = bench.rules.targets["b"] = Followup(1, "subject", "It says so.", Proof.SUBJECT)
    bench.take(letter("a"), letter("b"))
    assert groups(bench) == [["commented"], ["commented"]]


FAILURES: Mapping[str, tuple[Exception, bool, Cause]] = {
    "temporary": (TemporaryFailure("gone"), False, Cause.DOWN),
    "misconfiguration": (Misconfiguration("plugin"), False, Cause.FAULT),
    "its own": (ValueError("bad"), True, Cause.MESSAGE),
    "recursion": (RecursionError("deep"), True, Cause.MESSAGE),
}


@pytest.mark.parametrize(("error", "counted", "cause"), FAILURES.values(), ids=FAILURES.keys())
def test_only_failures_of_the_messages_own_count(error: Exception, *, counted: bool, cause: Cause) -> None:
    """Other failures pass by themselves, or an administrator fixes them; the rest of the batch goes on."""
    bench = Bench()
    bench.rules.raising["a"] = [error]
    first, second = bench.take(letter("a"), letter("b"))
    assert isinstance(first, Deferred)
    assert (first.cause, first.fault is not None) == (cause, cause is Cause.FAULT)
    assert bench.store.rows["1"].delivery.attempts == int(counted)
    assert isinstance(second, Recorded)


@pytest.mark.parametrize(("forward", "rule"), [("", "failed"), ("boss@example.org", "forward-pending")])
def test_the_fifth_failure_gives_it_to_an_administrator(forward: str, rule: str) -> None:
    """Held, with the reason; on its way to the forward address where there is one."""
    bench = Bench()
    bench.rules.raising["a"] = [ValueError("bad")]
    [delivery] = bench.claimed(letter("a"))
    (result,) = bench.spine.take(service(forward), [replace(delivery, attempts=ATTEMPTS - 1)])
    assert isinstance(result, Recorded)
    assert (result.outcome.status, result.outcome.rule) == (Status.HELD, rule)
    assert "bad" in result.outcome.reason


def test_what_killed_three_processes_is_held_unread() -> None:
    """It is not even parsed."""
    bench = Bench()
    [delivery] = bench.claimed(b"no letter at all")
    (result,) = bench.spine.take(service(), [replace(delivery, deaths=DEATHS)])
    assert isinstance(result, Recorded)
    assert (result.outcome.status, result.outcome.rule) == (Status.HELD, "crashes")


def test_a_mail_that_cannot_be_parsed_is_tried_again() -> None:
    """As for any failure of its own."""
    bench = Bench()
    bench.take(b"no letter at all")
    assert "JSONDecodeError" in str(bench.failed["1"])
    assert bench.store.rows["1"].delivery.attempts == 1


# a round


def test_a_round_files_what_is_in_the_mailbox_and_disposes_of_it() -> None:
    """All of it, in more than one batch; ignored mail stays."""
    bench = Bench(*(letter(f"m{number}") for number in range(250)), letter("not ours"))
    bench.rules.objections["not ours"] = [Ignore("catchemail", "It is not.")]
    seen: list[tuple[int, int]] = []
    report = bench.spine.run(service(), bench.source, progress=lambda done, of: seen.append((done, of)))
    assert (report.error, report.down, report.listed, report.decided) == ("", "", 251, True)
    assert report.counts == {Status.CREATED: 250, Status.IGNORED: 1}
    assert list(bench.source.mails) == ["251"]
    assert seen == sorted(seen)
    assert seen[-1] == (251, 251)
    assert max(len(group) for group in groups(bench)) == 50


def test_a_mailbox_of_another_environment_is_not_listed() -> None:
    """The report says why."""
    bench = Bench(letter("a"))
    bench.ledger.elsewhere = "Another environment owns it."
    assert bench.run().error == "Another environment owns it."
    assert bench.store.rows == {}


def test_a_round_goes_only_as_far_as_it_may() -> None:
    """So many messages; none after a time; and it says how many are left then."""
    bench = Bench(*(letter(f"m{number}") for number in range(5)))
    assert bench.run(Bounds(2)).counts.total() == 2
    late = bench.run(Bounds(until=bench.clock.now()))
    assert (late.counts.total(), late.remaining) == (0, 3)


def test_a_service_over_its_rate_files_what_it_may_and_stops() -> None:
    """The report says why; the rest stays in the mailbox, unclaimed."""
    bench = Bench(*(letter(f"m{number}") for number in range(5)))
    bench.ledger.quota = 3
    report = bench.run()
    assert (report.counts.total(), report.overrun) == (3, "Too many.")
    assert len(bench.store.rows) == 3


def test_the_source_breaks_after_some_mails() -> None:
    """What came is filed and, if that is still possible, disposed of; the rest is deferred until the next round."""
    bench = Bench(*(letter(f"m{number}") for number in range(5)))
    bench.source.broken_after = 3
    report = bench.run()
    assert "broke" in report.error
    assert not report.undisposed
    assert list(bench.outcomes.values()) == ["created"] * 3 + [""] * 2
    assert [row.owner for row in bench.store.rows.values() if row.outcome is None] == [None] * 2
    assert list(bench.source.mails) == ["4", "5"]
    assert set(bench.failed.values()) == {"The line broke."}
    bench.source.broken_after = None
    bench.clock.sleep(Seconds(60))
    assert bench.run().counts == {Status.CREATED: 2}


def test_a_round_ends_when_something_of_ours_is_down() -> None:
    """What is fetched and not filed is free again."""
    bench = Bench(*(letter(f"m{number}") for number in range(250)))
    bench.rules.raising["m7"] = [TemporaryFailure("The disk is full.")]
    report = bench.run()
    assert report.down == "The disk is full."
    assert report.counts[Status.DEFERRED] == 1
    assert report.counts[Status.CREATED] < 250
    assert not [row for row in bench.store.rows.values() if row.outcome is None and row.owner is not None]


def test_a_round_in_which_the_archive_cannot_be_written() -> None:
    """Nothing is filed, nothing is disposed of, and nothing stays claimed."""
    bench = Bench(letter("a"), letter("b"))
    bench.archive.failure = TemporaryFailure("The disk is full.")
    assert bench.run().down == "The disk is full."
    assert set(bench.outcomes.values()) == {""}
    assert len(bench.source.mails) == 2
    assert {row.owner for row in bench.store.rows.values()} == {None}


def test_copies_that_cannot_be_disposed_of_are_said_and_tried_again() -> None:
    """The mail is filed all the same."""
    bench = Bench(letter("a"))
    bench.source.failing = lambda _: SourceError("Quota exceeded.")
    report = bench.run()
    assert (report.error, report.undisposed, report.counts) == ("Quota exceeded.", True, {Status.CREATED: 1})
    bench.source.failing = lambda _: None
    again = Bench(store=bench.store, archive=bench.archive)
    again.source = bench.source
    assert again.run().error == ""
    assert bench.source.mails == {}


# waiting for a parent


def test_a_reply_waits_within_the_round_for_what_another_worker_has_in_hand() -> None:
    """It is taken again as soon as that is recorded, and counts once."""
    other = Bench(letter("a", "<p@x>"))
    [held] = other.claimed()
    bench = Bench(letter("a", "<p@x>"), letter("re", "", "<p@x>"), store=other.store, archive=other.archive)

    def recording() -> None:
        if len(bench.clock.slept) == 3:
            other.spine.take(service(), [held])

    bench.clock.sleeping = recording
    report = bench.run()
    assert report.counts == {Status.COMMENTED: 1}
    assert report.deferred == []
    assert bench.store.tickets == [["<p@x>", "<re@x>"]]
    assert sum(bench.clock.slept) < 1


def test_a_reply_does_not_wait_for_ever() -> None:
    """After a minute it is left to the next round."""
    other = Bench(letter("a", "<p@x>"))
    other.claimed()
    bench = Bench(letter("a", "<p@x>"), letter("re", "", "<p@x>"), store=other.store, archive=other.archive)
    report = bench.run()
    assert report.counts == {Status.DEFERRED: 1}
    assert [each.delivery.id for each in report.deferred] == [2]
    assert 55 < sum(bench.clock.slept) < 65


def test_a_reply_waits_when_nobody_could_note_that_its_parent_does() -> None:
    """The database was gone for a moment, and is back before the reply is decided."""
    bench = Bench()
    bench.rules.raising["a"] = [TemporaryFailure("The database is gone.")]
    bench.ledger.deaf = 1
    bench.take(letter("a", "<p@x>"), letter("b"), letter("re", "", "<p@x>"))
    assert bench.outcomes == {"1": "", "2": "created", "3": ""}


def test_a_mail_that_answers_nothing_asks_for_no_parent() -> None:
    """Nor does one whose ticket is known: for most mail this costs nothing."""
    bench = Bench()
    bench.take(letter("a", "<p@x>"), letter("re", "", "<p@x>"))
    assert "parent of 2" not in bench.ledger.calls
    bench.take(letter("lost", "", "<unknown@x>"))
    assert [each for each in bench.ledger.calls if each.startswith("parent")] == ["parent of 3"]


def test_others_take_a_mail_over_at_the_last_moment() -> None:
    """Nothing is written, deferred or disposed of for it."""
    bench = Bench(letter("a"))
    bench.ledger.failing = [NoLongerMine("x"), NoLongerMine("x")]
    report = bench.run()
    assert report.counts.total() == 0
    assert len(bench.source.mails) == 1
    assert bench.failed == {}


def test_a_decision_that_is_overtaken_is_made_again() -> None:
    """If the ticket changed meanwhile; no attempt is counted."""
    bench = Bench(letter("a"))
    bench.ledger.failing = [Stale("changed"), Stale("changed again"), None]
    assert bench.run().counts == {Status.CREATED: 1}
    assert bench.failed == {}


def test_a_forward_is_held_until_it_has_left() -> None:
    """Its copy in the mailbox goes all the same: the bytes are in the archive."""
    bench = Bench(letter("a"))
    bench.rules.objections["a"] = [Forward("bounce", "It is one.")]
    assert bench.run(forward="boss@example.org").counts == {Status.HELD: 1}
    assert bench.source.mails == {}


# what the process provides


def test_nothing_is_written_while_the_connection_for_deciding_is_in_use() -> None:
    """Neither an outcome, nor a deferral, nor a lease; and it is given back in the end."""
    bench = Bench(*(letter(f"m{number}") for number in range(9)), letter("re", "", "<m1@x>"), letter("last"))
    bench.rules.raising["m3"] = [ValueError("bad")]
    bench.rules.raising["m5"] = [Misconfiguration("plugin")]
    bench.rules.pause = lambda: bench.clock.sleep(Seconds(RENEWAL / 4))
    bench.ledger.failing = [None, ValueError("a group"), None, Stale("changed"), None]
    bench.run()
    assert bench.ledger.torn == []
    assert not bench.deciding.open
    assert any(call.startswith("renew") for call in bench.ledger.calls)


def test_the_watchdog_is_told_of_each_message() -> None:
    """And that none is handled any more."""

    class Watching:
        seconds = Seconds(5.0)
        calls: tuple[str, ...] = ()

        def beat(self) -> None:
            self.calls += ("beat",)

        def rest(self) -> None:
            self.calls += ("rest",)

    watch = Watching()
    bench = Bench(letter("a"), letter("b"))
    bench.ports = replace(bench.ports, runtime=replace(bench.ports.runtime, watch=watch))
    bench.run()
    assert watch.calls == ("rest", "beat", "beat", "rest")


@pytest.mark.parametrize("failing", ["", "source", "archive", "admit"])
def test_the_connection_is_closed_however_the_round_ends(failing: str) -> None:
    """So that the server does not keep the mailbox locked."""
    bench = Bench(letter("a"), letter("b"))
    bench.source.broken_after = 1 if failing == "source" else None
    bench.archive.failure = TemporaryFailure("The disk is full.") if failing == "archive" else None
    bench.ledger.elsewhere = "It is another's." if failing == "admit" else ""
    bench.run()
    assert not bench.source.open


def test_a_large_mailbox_is_disposed_of_while_it_is_fetched() -> None:
    """Not all at the end: a round may take 100,000 messages."""
    bench = Bench(*(letter(f"m{number}") for number in range(500)))
    bench.run()
    calls = [call.split()[0] for call in bench.source.calls]
    assert calls.index("dispose") < len(calls) - calls[::-1].index("fetch")
    assert bench.source.mails == {}
