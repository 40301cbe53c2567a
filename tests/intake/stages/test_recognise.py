"""Messages that must be read before it is known which ones they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.builders import service
from tests.fakes import FakeSource
from tests.intake.bench import Bench, letter
from trac_mailintake.intake.errors import Incomplete, LineBroke, SourceError
from trac_mailintake.intake.report import Report
from trac_mailintake.intake.stages.claim import UNBOUNDED, Bounds
from trac_mailintake.intake.stages.recognise import TOGETHER, recognise, reconciled
from trac_mailintake.intake.times import Seconds
from trac_mailintake.mail.content_digest import content_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trac_mailintake.intake.model import Listed


class Doubted(Bench):
    """A bench some of whose mails are in doubt."""

    report = Report()
    """Of the last run."""


class Poisoned(FakeSource):
    """A mailbox of which some mails break the line, some are refused, and some are refused for now."""

    breaking: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    busy: frozenset[str] = frozenset()
    patience = 0
    """After so many refusals in a row nothing more is asked for, as over POP3; 0: it always is."""
    down = False
    """Whether no session can be begun."""

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """See `ports.Source`."""
        if self.down:
            raise SourceError("The server is down.")
        in_row = 0
        for listed in wanted:
            if listed.locator in self.breaking:
                self.calls.append(f"break {listed.locator}")
                raise LineBroke("The line broke.")
            if self.patience and in_row >= self.patience:
                yield listed, _torn(asked=False)
            elif listed.locator in self.refused | self.busy:
                in_row += 1
                self.calls.append(f"refuse {listed.locator}")
                yield listed, _torn(temporary=listed.locator in self.busy)
            else:
                in_row = 0
                yield from super().fetch([listed])


def _torn(*, asked: bool = True, temporary: bool = False) -> Iterator[bytes]:
    yield b"Subject"
    raise Incomplete("It ends there.", asked=asked, temporary=temporary)


def doubted(*letters: bytes, **how: Sequence[str]) -> Doubted:
    """A bench all of whose mails are in doubt, and known in truth."""
    bench = Doubted()
    source = Poisoned({str(number): each for number, each in enumerate(letters, 1)}, lambda _: None)
    for name, some in how.items():
        setattr(source, name, frozenset(some))
    bench.source = source
    bench.ledger.doubts = {name: content_digest([each]) for name, each in source.mails.items()}
    return bench


def run(bench: Doubted, bounds: Bounds = UNBOUNDED) -> list[str]:
    """Recognise. Returns the locators that may be claimed then."""
    listing = bench.source.list()
    bench.report = Report()
    reconciled(bench.ports, service(), bench.source, listing, bounds, bench.report)
    return [each.locator for each in bench.ledger.pending(service(), bench.source.account)]


def some(count: int) -> list[bytes]:
    """So many mails."""
    return [letter(f"Mail {number}") for number in range(count)]


def test_without_doubt_nothing_is_read() -> None:
    """A listing is compared once."""
    bench = Doubted(*some(3))
    assert run(bench) == ["1", "2", "3"]
    assert (bench.ledger.calls, bench.source.calls) == (["reconcile"], [])


def test_what_is_known_is_not_claimed_and_what_is_new_is() -> None:
    """By the content that was read; some together, and each once."""
    bench = doubted(*some(TOGETHER + 2))
    bench.ledger.doubts["2"] = "another content"
    assert run(bench) == ["2"]
    assert bench.ledger.calls == ["reconcile", f"recognise {TOGETHER}", "recognise 2", "reconcile"]
    assert sorted(bench.source.calls) == sorted(f"fetch {number}" for number in range(1, TOGETHER + 3))


@pytest.mark.parametrize("how", ["breaking", "refused", "busy"])
def test_what_does_not_come_stays_in_doubt(how: str) -> None:
    """It may be known: then it would be decided once more. The others are told, and the round says what waits."""
    bench = doubted(*some(5), **{how: ["2", "4"]})
    assert run(bench) == []
    assert sorted(bench.ledger.recognised) == ["1", "3", "5"]
    assert sorted(bench.ledger.doubts) == ["2", "4"]
    why = "The line broke." if how == "breaking" else "It ends there."
    assert bench.report.doubtful == f"2 messages wait to be compared with known mail: {why}"
    setattr(bench.source, how, frozenset())
    assert run(bench) == []
    assert (bench.ledger.doubts, bench.report.doubtful) == ({}, "")


@pytest.mark.parametrize("alone", [True, False])
def test_a_mail_that_is_gone_stays_in_doubt(alone: bool) -> None:  # noqa: FBT001 - a case
    """Until the next listing."""
    bench = doubted(*some(1 if alone else 4))
    listing = bench.source.list()
    del bench.source.mails["1"]
    bench.ledger.reconcile(service(), bench.source.account, listing)
    recognise(bench.ports, service(), bench.source, listing, UNBOUNDED)
    assert [*bench.ledger.doubts] == ["1"]


def test_a_refused_mail_is_asked_for_once_more_by_itself() -> None:
    """Not one that is refused for now, which is what the next round is for."""
    bench = doubted(*some(6), refused=["2"], breaking=["4"], busy=["5"])
    run(bench)
    asked = [call for call in bench.source.calls if not call.startswith("fetch")]
    assert sorted(asked) == ["break 4"] * 2 + ["refuse 2"] * 2 + ["refuse 5"]


def test_refused_mails_keep_none_behind_them_in_doubt() -> None:
    """A server that is asked for several at once may not be asked for all: they are asked for again without those."""
    bench = doubted(*some(12), refused=["1", "2", "3", "4", "8"])
    bench.source.patience = 3  # type: ignore[attr-defined]  # it is a Poisoned
    run(bench)
    assert sorted(bench.ledger.doubts) == ["1", "2", "3", "4", "8"]


def test_no_mail_is_always_behind_others_that_do_not_come() -> None:
    """However many these are: another one is asked for first in each minute."""
    bench = doubted(*some(60), refused=[str(number) for number in range(1, 41)])
    bench.source.patience = 3  # type: ignore[attr-defined]  # it is a Poisoned
    for _ in range(60):
        run(bench)
        bench.clock.sleep(Seconds(60.0))
    assert len(bench.ledger.doubts) == 40


@pytest.mark.parametrize("how", ["breaking", "refused", "busy"])
def test_an_outage_leaves_all_in_doubt_and_is_not_asked_for_ever(how: str) -> None:
    """Nothing is said of any mail, also if there is only one."""
    every = [str(number) for number in range(1, 501)]
    bench = doubted(*some(500), **{how: every})
    bench.source.patience = 3  # type: ignore[attr-defined]  # it is a Poisoned
    assert run(bench) == []
    assert len(bench.ledger.doubts) == 500
    assert len(bench.source.calls) <= (3 if how == "breaking" else 30)
    alone = doubted(*some(1), **{how: ["1"]})
    assert run(alone) == []
    assert "1 message waits to be compared with known mail: " in alone.report.doubtful


def test_a_server_that_is_down_is_asked_once() -> None:
    """The round will say so, too."""
    bench = doubted(*some(300))
    bench.source.down = True  # type: ignore[attr-defined]  # it is a Poisoned
    assert run(bench) == []
    assert bench.report.doubtful.endswith("300 messages wait to be compared with known mail: The server is down.")


def test_no_more_is_read_once_the_time_is_up() -> None:
    """The rest stays in doubt until the next round."""
    bench = doubted(*some(3))
    assert run(bench, Bounds(until=bench.clock.now())) == []
    assert bench.source.calls == []
    assert bench.report.doubtful == "3 messages wait to be compared with known mail: the time was up"
    assert run(bench) == []
    assert sorted(bench.ledger.recognised) == ["1", "2", "3"]


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
    assert (bench.source.calls, sorted(bench.ledger.recognised)) == ([], ["1", "2"])


def test_a_round_files_only_what_is_new() -> None:
    """And what is in doubt is neither filed nor disposed of."""
    bench = doubted(*some(4), breaking=["3"])
    bench.ledger.doubts["4"] = "another content"
    report = bench.run()
    assert bench.outcomes == {"4": "created"}
    assert report.doubtful
