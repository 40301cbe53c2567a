"""Batches on their way from the source into the archive."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.builders import service
from tests.fakes import FakeSource
from tests.intake.bench import ACCOUNT, Bench, letter
from trac_mailintake.intake.errors import Incomplete, SourceError, TemporaryFailure
from trac_mailintake.intake.failures import DEATHS, Cause, Deferred, TakenOver
from trac_mailintake.intake.ports import Parser
from trac_mailintake.intake.report import Report
from trac_mailintake.intake.stages.claim import BATCH, RENEWAL, UNBOUNDED, Claiming
from trac_mailintake.intake.stages.fetch import Fetching
from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trac_mailintake.intake.model import Listed
    from trac_mailintake.intake.ports import Ports
    from trac_mailintake.intake.stages.fetch import Fetched
    from trac_mailintake.mail.spool import Slice


class Foreseen(FakeSource):
    """A source that wants to know what comes, and that cuts some mails short."""

    coming: Sequence[str] = ()
    cut: Sequence[str] = ()
    unread: str = ""

    def ahead(self, coming: Sequence[Listed]) -> None:
        """See `ports.Foreseeing`."""
        self.coming = [each.locator for each in coming]

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """See `ports.Source`."""
        for listed, chunks in super().fetch(wanted):
            self.unread = listed.locator
            yield listed, self._cut(chunks) if listed.locator in self.cut else self._slowly(next(chunks))
            assert not self.unread

    def _cut(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        yield next(chunks)[:5]
        self.unread = ""
        raise Incomplete("It did not come whole.")

    def _slowly(self, content: bytes) -> Iterator[bytes]:
        """A mail in pieces. All must be read before the next mail."""
        for start in range(0, len(content), 4000):
            yield content[start : start + 4000]
        self.unread = ""


class Told(Parser):
    """A parser that is told what comes, three at a time."""

    together = 3

    def __init__(self) -> None:
        super().__init__(lambda _: pytest.fail("Nothing is parsed here."))
        self.told: list[int] = []

    def expect(self, raws: Sequence[Slice]) -> None:
        """See `ports.Parser`."""
        self.told.append(len(raws))


def fetch(bench: Bench) -> list[Fetched]:
    """All batches of a round; what is fetched counts as taken over by others."""
    claiming = _claims(bench)
    found: list[Fetched] = []
    try:
        for fetched in Fetching(bench.ports, bench.failures, service(), bench.source).batches(claiming):
            claiming.add([*fetched.results, *(TakenOver(each) for each in fetched.ready)])
            found.append(fetched)
    except SourceError:
        assert found[-1].broken
    return found


def ready(found: Sequence[Fetched]) -> list[int]:
    """The sizes of what was ready to be filed."""
    return [len(each.ready) for each in found]


def bench_of(number: int) -> Bench:
    """So many mails, in a source that is told what comes."""
    bench = Bench()
    bench.source = Foreseen({str(each): letter(f"m{each}") for each in range(number)}, lambda _: None)
    return bench


@pytest.mark.parametrize(
    ("number", "sizes"),
    [
        (0, []),
        (1, [1]),
        (2, [0, 2]),
        (BATCH, [0, BATCH]),
        (BATCH + 1, [0, BATCH + 1]),
        (2 * BATCH + 5, [0, BATCH, BATCH, 5]),
    ],
)
def test_each_batch_is_ready_when_the_next_one_is_fetched(number: int, sizes: list[int]) -> None:
    """So that the parser can begin with it; a single message is ready at once."""
    assert ready(fetch(bench_of(number))) == sizes


def test_the_bytes_are_durable_before_they_are_filed() -> None:
    """And they are the message's."""
    bench = bench_of(7)
    for fetched in fetch(bench):
        for each in fetched.ready:
            assert each.raw is not None
            assert each.raw.path in bench.archive.sealed
            assert bench.archive.read(each.raw) == bench.source.mails[each.listed.locator]
            assert each.sha256


def test_the_source_learns_what_comes() -> None:
    """The next batch, without what is too large to be fetched."""
    bench = bench_of(BATCH + 2)
    bench.source.mails[str(BATCH)] = letter("large", text="x" * 40_000)
    found = Fetching(bench.ports, bench.failures, service(), bench.source).batches(_claims(bench))
    next(found)
    assert isinstance(bench.source, Foreseen)
    assert bench.source.coming == [str(BATCH + 1)]


def test_the_parser_learns_what_has_come() -> None:
    """Some at a time, and the rest at the end; nothing of what killed too many processes."""
    bench = bench_of(8)
    bench.ports = _with(bench, parser := Told())
    fetch(bench)
    assert parser.told == [3, 3, 2]
    bench = bench_of(1)
    bench.ports = _with(bench, parser := Told())
    fetch(bench)
    row = bench.store.rows["0"]
    row.owner = None
    row.delivery = replace(row.delivery, deaths=DEATHS)
    fetch(bench)
    assert parser.told == [1, 0]


@pytest.mark.parametrize("known", [True, False])
def test_what_is_too_large_for_the_archive_is_not_kept(*, known: bool) -> None:
    """It is not fetched if its size is known; else its bytes are read to the end and thrown away."""
    bench = bench_of(3)
    bench.source.mails["1"] = letter("large", text="x" * 40_000)
    if not known:
        bench.source.sizes = False
    (_, fetched) = fetch(bench)
    raws = {each.listed.locator: each.raw for each in fetched.ready}
    assert {locator: raw is not None for locator, raw in raws.items()} == {"0": True, "1": False, "2": True}
    assert ("fetch 1" in bench.source.calls) is not known


def test_a_mail_that_does_not_come_whole_is_deferred() -> None:
    """It alone, and the try is counted."""
    bench = bench_of(3)
    assert isinstance(bench.source, Foreseen)
    bench.source.cut = ["1"]
    first, second = fetch(bench)
    assert [type(each) for each in first.results] == [Deferred]
    assert [(each.cause, each.delivery.listed.locator) for each in first.results if isinstance(each, Deferred)] == [
        (Cause.SOURCE, "1")
    ]
    assert [each.listed.locator for each in second.ready] == ["0", "2"]
    assert bench.store.rows["1"].delivery.misses == 1


def test_mails_that_are_gone_are_left_out() -> None:
    """They are deleted before they are fetched. Their claims are released at once: others may wait for them."""
    bench = bench_of(3)
    found = Fetching(bench.ports, bench.failures, service(), bench.source).batches(_claims(bench))
    del bench.source.mails["1"]
    assert not next(found).ready
    assert [row.owner is None for row in bench.store.rows.values()] == [False, True, False]
    assert len(next(found).ready) == 2


@pytest.mark.parametrize("after", [0, 1, BATCH + 1])
def test_what_came_before_the_source_broke_is_filed(after: int) -> None:
    """The batch before, too; then the round ends."""
    bench = bench_of(BATCH + 3)
    bench.source.broken_after = after % BATCH
    bench.source.patient = after // BATCH
    found = fetch(bench)
    assert found[-1].broken
    assert sum(ready(found)) == after


def test_leases_are_kept_while_a_batch_is_fetched() -> None:
    """A slow source may take longer than a lease."""
    bench = bench_of(3)
    bench.source.pause = lambda: bench.clock.sleep(Seconds(RENEWAL + 1))
    fetch(bench)
    assert bench.ledger.calls.count("renew 3") == 3


def test_an_archive_that_cannot_be_written_ends_the_round() -> None:
    """Nothing of the batch is filed."""
    bench = bench_of(3)
    bench.archive.failure = TemporaryFailure("The disk is full.")
    with pytest.raises(TemporaryFailure):
        fetch(bench)


@pytest.mark.parametrize("number", [1, 3])
def test_what_did_not_come_is_reported_even_if_something_of_ours_is_down(number: int) -> None:
    """It is deferred already, so the round's result says so; the others are free."""
    bench = bench_of(number)
    assert isinstance(bench.source, Foreseen)
    bench.source.cut = ["0"]
    bench.archive.failure = TemporaryFailure("The disk is full.")
    report = bench.run()
    assert report.down == "The disk is full."
    assert [each.delivery.listed.locator for each in report.deferred] == ["0"]
    assert [row.owner for row in bench.store.rows.values()] == [None] * number


def test_what_counts_against_a_mail_counts_at_the_end_of_the_round() -> None:
    """Also if the source breaks after it; not if something of ours is down."""
    for failure in (None, SourceError("It broke."), TemporaryFailure("down")):
        bench = bench_of(3)
        assert isinstance(bench.source, Foreseen)
        bench.source.cut = ["1"]
        fetching = Fetching(bench.ports, bench.failures, service(), bench.source)
        report = Report()
        with contextlib.suppress(SourceError, TemporaryFailure), fetching.blaming(report):
            next(fetching.batches(_claims(bench)))
            if failure is not None:
                raise failure
        assert bool(bench.store.rows["1"].blamed) is not isinstance(failure, TemporaryFailure)


def _claims(bench: Bench) -> Claiming:
    listing = bench.source.list()
    bench.ledger.reconcile(service(), ACCOUNT, listing)
    return Claiming(bench.ports, service(), ACCOUNT, listing, UNBOUNDED)


def _with(bench: Bench, parser: Parser) -> Ports:
    return replace(bench.ports, runtime=replace(bench.ports.runtime, parser=parser))
