"""Rounds that end badly or go on for long: what is free for other workers, and what the report says."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.builders import service
from tests.fakes import FakeArchive, FakeClock
from tests.intake.bench import Bench, letter
from trac_mailintake.intake.errors import Misconfiguration
from trac_mailintake.intake.failures import DEATHS
from trac_mailintake.intake.model import Status
from trac_mailintake.intake.spine import Spine
from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes import FakeArchiveWriter
    from trac_mailintake.mail.message import Message


class Unexpected(BaseException):
    """Nothing that a stage expects, as what a library raises when it wants to end the process."""


def test_a_mail_that_ends_each_round_is_held_in_the_end() -> None:
    """The others in the mailbox are filed: those who fail so are taken one by one from then on."""
    bench = Bench(letter("a"), letter("poison"), letter("b"))

    def find(message: Message) -> None:
        if message.subject == "poison":
            raise Unexpected

    for _ in range(DEATHS + 2):
        worker = Bench(store=bench.store, archive=bench.archive)
        worker.source = bench.source
        worker.rules.find = find
        with suppress(Unexpected):
            worker.run()
        worker.ledger.alive = False
    assert bench.outcomes == {"1": "created", "2": "held", "3": "created"}


class Emptying(FakeArchive):
    """The first mail is gone from the mailbox before it is fetched."""

    bench: Bench

    def begin(self, ids: Sequence[int]) -> FakeArchiveWriter:
        """See `ports.Archive`."""
        self.bench.source.mails.pop("1", None)
        return super().begin(ids)


@pytest.mark.parametrize("broken", [None, 3])
def test_what_the_source_did_not_hand_over_is_free_before_the_rest_is_filed(broken: int | None) -> None:
    """Whether it is gone or the line broke: otherwise other workers' replies would wait until the round ends."""
    archive = Emptying()
    archive.bench = bench = Bench(*(letter(f"m{number}") for number in range(5)), archive=archive)
    bench.source.broken_after = broken
    owners: list[object] = []
    bench.rules.find = lambda _: owners.extend(bench.store.rows[each].owner for each in ("1", "5"))
    bench.run()
    assert set(owners[::2]) == {None}
    assert set(owners[1::2]) == ({bench.ledger} if broken is None else {None})


def test_a_mail_that_is_deferred_and_filed_in_one_round_counts_once() -> None:
    """A reply is deferred for three seconds, with its parent, while the round waits longer for another worker."""
    letters = [letter("p", "<p@x>"), letter("re p", "", "<p@x>"), letter("q", "<q@x>"), letter("re q", "", "<q@x>")]
    other = Bench(*letters[:3])
    parent, reply, held = other.claimed()
    other.ledger.defer(parent, "Later.", seconds=Seconds(3), counted=False, message_id="<p@x>")
    other.ledger.release([reply])
    bench = Bench(*letters, store=other.store, archive=other.archive)
    other.ledger.clock = bench.clock
    other.store.rows["1"].retry_at = bench.clock.now() + 3

    def filing() -> None:
        if sum(bench.clock.slept) > 5 and other.store.rows["3"].outcome is None:
            other.spine.take(service(), [held])

    bench.clock.sleeping = filing
    report = bench.run()
    assert bench.store.tickets == [["<p@x>", "<re p@x>"], ["<q@x>", "<re q@x>"]]
    assert +report.counts == {Status.CREATED: 1, Status.COMMENTED: 2}
    assert report.deferred == []


def test_a_fault_counts_once_for_each_mail() -> None:
    """A round that waits its whole minute takes a mail again that was deferred for one; five faults stop a service."""
    other = Bench(letter("q", "<q@x>"))
    other.claimed()
    letters = [letter("q", "<q@x>"), letter("re q", "", "<q@x>"), *(letter(f"m{number}") for number in range(3))]
    bench = Bench(*letters, store=other.store, archive=other.archive)
    faults = {f"m{number}": [Misconfiguration("a plugin")] * 9 for number in range(3)}
    bench.rules.raising.update({subject: [*errors] for subject, errors in faults.items()})
    report = bench.run()
    assert {len(errors) for errors in bench.rules.raising.values()} == {7}
    assert len(report.faults) == 3


class Ticking(FakeClock):
    """Each look at the clock takes a second and a half."""

    def now(self) -> Seconds:
        """See `ports.Clock`."""
        self.time = Seconds(self.time + 1.5)
        return self.time


def test_a_slow_fetch_keeps_the_claims_on_the_batch_before_it() -> None:
    """That is filed afterwards, and no worker on another host may take it over in between."""
    bench = Bench(*(letter(f"m{number}") for number in range(200)))
    slow = replace(bench.ports, runtime=replace(bench.ports.runtime, clock=Ticking()))
    assert Spine(slow).run(service(), bench.source).counts == {Status.CREATED: 200}
    assert "renew 200" in bench.ledger.calls
