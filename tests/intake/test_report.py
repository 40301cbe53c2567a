"""What is counted of a round."""

from __future__ import annotations

from dataclasses import replace

from tests.builders import DELIVERY
from trac_mailintake.intake import reasons
from trac_mailintake.intake.errors import Fault
from trac_mailintake.intake.failures import Cause, Deferred, TakenOver, Waiting
from trac_mailintake.intake.model import Outcome, Status
from trac_mailintake.intake.ports import Recorded
from trac_mailintake.intake.report import Report


def recorded(status: Status, rule: str = "new") -> Recorded:
    """A delivery with an outcome."""
    return Recorded(DELIVERY, Outcome(status, rule, ""))


def test_each_result_is_counted_once() -> None:
    """By its outcome; deferred ones together; those of other workers not at all."""
    report = Report()
    waiting = Waiting(DELIVERY, Cause.PARENT, "")
    deferred = Deferred(replace(DELIVERY, id=2), Cause.SOURCE, "")
    report.add([recorded(Status.CREATED), recorded(Status.CREATED), recorded(Status.HELD), TakenOver(DELIVERY)])
    report.add([waiting, deferred])
    assert report.counts == {Status.CREATED: 2, Status.HELD: 1, Status.DEFERRED: 2}
    assert report.deferred == [waiting, deferred]
    assert (report.down, report.faults) == ("", [])


def test_what_ends_the_round_and_what_must_be_fixed() -> None:
    """Each fault is kept, since they are counted; of what is down, the last reason."""
    report = Report()
    faults = [Fault("The plugin failed.", "plugin"), Fault("The plugin failed again.", "plugin")]
    report.add(Deferred(replace(DELIVERY, id=n), Cause.FAULT, each.sentence, each) for n, each in enumerate(faults))
    assert (report.faults, report.down) == (faults, "")
    report.add([Deferred(DELIVERY, Cause.DOWN, "The disk is full."), Deferred(DELIVERY, Cause.MESSAGE, "bad")])
    assert report.down == "The disk is full."


def test_only_what_the_plugins_decided_says_that_they_work() -> None:
    """Neither a duplicate, of which no plugin is asked, nor a mail that waits."""
    for rule in reasons.UNASKED:
        report = Report()
        report.add([recorded(Status.HELD, rule), Waiting(DELIVERY, Cause.PARENT, "")])
        assert not report.decided
        report.add([recorded(Status.CREATED), recorded(Status.HELD, rule)])
        assert report.decided
