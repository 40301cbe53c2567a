"""Messages that must be read before it is known which ones they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.builders import service
from tests.fakes import FakeSource
from tests.intake.bench import Bench, letter
from trac_mailintake.intake.errors import Incomplete, SourceError
from trac_mailintake.intake.stages.claim import UNBOUNDED, Bounds
from trac_mailintake.intake.stages.recognise import TOGETHER, recognise
from trac_mailintake.mail.content_digest import content_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trac_mailintake.intake.model import Listed


class Poisoned(FakeSource):
    """A mailbox of which some mails break the line, and some do not come whole."""

    breaking: frozenset[str] = frozenset()
    torn: frozenset[str] = frozenset()

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """See `ports.Source`."""
        for listed in wanted:
            if listed.locator in self.breaking:
                raise SourceError("The line broke.")
            for each, chunks in super().fetch([listed]):
                yield each, (_torn() if listed.locator in self.torn else chunks)


def _torn() -> Iterator[bytes]:
    yield b"Subject"
    raise Incomplete("It ends there.")


def doubted(*letters: bytes, breaking: Sequence[str] = (), torn: Sequence[str] = ()) -> Bench:
    """A bench all of whose mails are in doubt, and known in truth."""
    bench = Bench()
    source = Poisoned({str(number): each for number, each in enumerate(letters, 1)}, lambda _: None)
    source.breaking, source.torn = frozenset(breaking), frozenset(torn)
    bench.source = source
    bench.ledger.doubts = {name: content_digest([each]) for name, each in source.mails.items()}
    return bench


def _recognised(bench: Bench, listing: Sequence[Listed], bounds: Bounds = UNBOUNDED) -> None:
    bench.ledger.reconcile(service(), bench.source.account, listing)
    recognise(bench.ports, service(), bench.source, listing, bounds)


def run(bench: Bench, bounds: Bounds = UNBOUNDED) -> list[str]:
    """Recognise. Returns the locators that may be claimed then."""
    _recognised(bench, bench.source.list(), bounds)
    still = bench.ledger.doubts
    return [each.locator for each in bench.ledger.pending(service(), bench.source.account) if each.locator not in still]


def some(count: int) -> list[bytes]:
    """So many mails."""
    return [letter(f"Mail {number}") for number in range(count)]


def test_without_doubt_nothing_is_read() -> None:
    """A listing is compared once."""
    bench = Bench(*some(3))
    assert run(bench) == ["1", "2", "3"]
    assert (bench.ledger.calls, bench.source.calls) == (["reconcile"], [])


def test_what_is_known_is_not_claimed_and_what_is_new_is() -> None:
    """By the content that was read; in the order of the mailbox, some together."""
    bench = doubted(*some(TOGETHER + 2))
    bench.ledger.doubts["2"] = "another content"
    assert run(bench) == ["2"]
    assert bench.ledger.calls == ["reconcile", f"recognise {TOGETHER}", "recognise 2"]
    assert bench.source.calls == [f"fetch {number}" for number in range(1, TOGETHER + 3)]


def test_what_does_not_come_whole_is_new() -> None:
    """It goes the way of all mail that cannot be read; what is gone by now stays in doubt."""
    bench = doubted(*some(4), torn=["2"])
    listing = bench.source.list()
    del bench.source.mails["3"]
    _recognised(bench, listing)
    assert bench.ledger.recognised == ["1", "4"]
    assert [*bench.ledger.doubts] == ["3"]
    assert [each.locator for each in bench.ledger.pending(service(), bench.source.account)] == ["2", "3"]


def test_a_mail_that_breaks_the_line_keeps_no_other_in_doubt() -> None:
    """It goes the way of all mail, which knows what to do about it."""
    bench = doubted(*some(5), breaking=["2", "4"])
    assert run(bench) == ["2", "4"]
    assert bench.ledger.recognised == ["1", "3", "5"]


def test_a_line_that_always_breaks_leaves_all_in_doubt() -> None:
    """Nothing is said of any mail; the next round tries again. A single one may be the cause, and is not waited for."""
    bench = doubted(*some(9), breaking=[str(number) for number in range(1, 10)])
    assert run(bench) == []
    assert len(bench.ledger.doubts) == 9
    alone = doubted(*some(1), breaking=["1"])
    assert run(alone) == ["1"]


def test_no_more_is_read_once_the_time_is_up() -> None:
    """The rest stays in doubt until the next round."""
    bench = doubted(*some(3))
    assert run(bench, Bounds(until=bench.clock.now())) == []
    assert bench.ledger.calls == ["reconcile"]
    assert run(bench) == []
    assert bench.ledger.recognised == ["1", "2", "3"]


def test_what_the_source_has_read_is_not_read_again() -> None:
    """Some servers give no name to a mail, so that its source had to read it."""
    bench = doubted(*some(2))
    known = dict(bench.ledger.doubts)

    class Told(Poisoned):
        """Its listing has the digest of each mail."""

        def list(self) -> Sequence[Listed]:
            """See `ports.Source`."""
            return [replace(each, content=known[each.locator]) for each in super().list()]

    bench.source = Told(bench.source.mails, lambda _: None)
    assert run(bench) == []
    assert (bench.source.calls, bench.ledger.recognised) == ([], ["1", "2"])


def test_a_round_files_only_what_is_new() -> None:
    """And what is in doubt is neither filed nor disposed of."""
    bench = doubted(*some(4), breaking=["3"])
    bench.ledger.doubts["4"] = "another content"
    bench.source.breaking = frozenset()  # type: ignore[attr-defined]  # it is a Poisoned
    bench.run()
    assert bench.outcomes == {"4": "created"}
