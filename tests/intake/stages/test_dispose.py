"""Copies are disposed of last, whatever the source says to that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.intake.bench import Bench, letter
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.failures import Cause, Deferred
from trac_mailintake.intake.model import Answer, Outcome, Reply, Status
from trac_mailintake.intake.ports import Recorded
from trac_mailintake.intake.report import Report
from trac_mailintake.intake.stages.dispose import DISPOSAL, Disposing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac_mailintake.intake.model import Delivery


def recorded(deliveries: Sequence[Delivery], status: Status = Status.CREATED) -> list[Recorded]:
    """They have this outcome."""
    return [Recorded(each, Outcome(status, "so", "")) for each in deliveries]


def bench_of(number: int) -> tuple[Bench, list[Delivery]]:
    """So many mails, claimed and archived."""
    bench = Bench()
    return bench, bench.claimed(*(letter(f"m{each}") for each in range(number)))


def consumed(bench: Bench) -> list[str]:
    """What is stored as disposed of."""
    return [locator for locator, row in bench.store.rows.items() if row.consumed]


@pytest.mark.parametrize("status", Status)
def test_the_outcome_says_whether_the_copy_goes(status: Status) -> None:
    """Ignored and deferred mail stays (docs/behaviour.md#outcomes)."""
    bench, deliveries = bench_of(1)
    disposing = Disposing(bench.source, bench.ledger, ())
    disposing.add(recorded(deliveries, status))
    assert disposing.end(broken=False) == ""
    stays = status in (Status.IGNORED, Status.DEFERRED)
    assert consumed(bench) == ([] if stays else ["1"])
    assert list(bench.source.mails) == (["1"] if stays else [])


def test_what_is_not_archived_or_has_no_outcome_stays() -> None:
    """Its bytes are nowhere else."""
    bench, [delivery] = bench_of(1)
    disposing = Disposing(bench.source, bench.ledger, ())
    disposing.add(recorded([replace(delivery, raw=None)], Status.HELD))
    disposing.add([Deferred(delivery, Cause.MESSAGE, "bad")])
    disposing.end(broken=False)
    assert list(bench.source.mails) == ["1"]


def test_many_are_disposed_of_in_between() -> None:
    """When there are enough for one command, but settled only at the end."""
    bench, deliveries = bench_of(100)
    disposing = Disposing(bench.source, bench.ledger, ())
    disposing.many()
    disposing.add(recorded(deliveries))
    disposing.many()
    assert [each for each in bench.source.calls if each.startswith("dispose")] == []
    for _ in range(DISPOSAL // 100):
        disposing.add(recorded(deliveries))
    disposing.many()
    assert len(bench.source.unsettled) == DISPOSAL + 100
    assert consumed(bench) == []
    disposing.end(broken=False)
    assert len(consumed(bench)) == 100


def test_what_earlier_rounds_left_comes_last() -> None:
    """Its failures keep nothing of this round in the mailbox."""
    bench, deliveries = bench_of(2)
    disposing = Disposing(bench.source, bench.ledger, deliveries[:1])
    disposing.add(recorded(deliveries[1:]))
    bench.source.failing = lambda listed: SourceError("Quota.") if listed.locator == "1" else None
    assert disposing.end(broken=False) == "Quota."
    assert consumed(bench) == ["2"]
    assert bench.source.calls[-2:] == ["dispose 2", "dispose 1"]


def test_a_source_that_refuses_everything_is_asked_three_times() -> None:
    """Then the rest is left to the next round; the first reason is said."""
    bench, deliveries = bench_of(1)
    disposing = Disposing(bench.source, bench.ledger, deliveries * 5 * DISPOSAL)
    reasons = iter(SourceError(f"Reason {number}.") for number in range(9))
    bench.source.failing = lambda _: next(reasons)
    assert disposing.end(broken=False) == "Reason 0."
    assert len(bench.source.calls) == 3


def test_a_broken_source_is_asked_once() -> None:
    """Perhaps it still can."""
    bench, deliveries = bench_of(1)
    disposing = Disposing(bench.source, bench.ledger, deliveries * 2 * DISPOSAL)
    bench.source.failing = lambda _: SourceError("The line broke.")
    assert disposing.end(broken=True) == "The line broke."
    assert len(bench.source.calls) == 1


@pytest.mark.parametrize(
    ("reply", "said", "goes", "forgotten"),
    [
        (Reply(Answer.COMPLETED), "", True, False),
        (Reply(Answer.COMPLETED, final=True), "", True, False),
        (Reply(Answer.TRANSIENT, "Locked."), "", False, False),
        (Reply(Answer.TRANSIENT, "No room.", fault=True), "No room.", False, False),
        (Reply(Answer.PERMANENT, "Another mail."), "", False, True),
    ],
)
def test_each_reply_is_heard(reply: Reply, said: str, *, goes: bool, forgotten: bool) -> None:
    """Done, not now, or no longer the same message; what an administrator must mend is said."""
    bench, deliveries = bench_of(2)
    bench.source.failing = lambda listed: reply if listed.locator == "1" and reply != Reply(Answer.COMPLETED) else None
    disposing = Disposing(bench.source, bench.ledger, ())
    disposing.add(recorded(deliveries))
    assert disposing.end(broken=False) == said
    assert consumed(bench) == (["1", "2"] if goes else ["2"])
    assert ("forget 1" in bench.ledger.calls) is forgotten


def test_what_is_not_settled_is_not_stored_as_done() -> None:
    """The server may undo it: the next round asks again."""
    bench, deliveries = bench_of(1)
    bench.source.refusal = SourceError("The line broke.")
    disposing = Disposing(bench.source, bench.ledger, ())
    disposing.add(recorded(deliveries))
    assert disposing.end(broken=False) == "The line broke."
    assert consumed(bench) == []


@pytest.mark.parametrize("broken", [True, False])
def test_the_report_says_that_copies_are_left(*, broken: bool) -> None:
    """Unless the round has failed anyway, for which there is a better reason."""
    bench, deliveries = bench_of(1)
    disposing = Disposing(bench.source, bench.ledger, ())
    disposing.add(recorded(deliveries))
    bench.source.failing = lambda _: SourceError("Quota.")
    report = Report()

    def work() -> None:
        with disposing.last(report):
            if broken:
                raise SourceError("The line broke.")

    if broken:
        with pytest.raises(SourceError, match=r"The line broke\."):
            work()
    else:
        work()
    assert (report.error, report.undisposed) == (("", False) if broken else ("Quota.", True))
    assert len(bench.source.calls) == 1
