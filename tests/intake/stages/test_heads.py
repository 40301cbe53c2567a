"""Mail for others, left alone by its header."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from tests.builders import service
from tests.fakes import FakeReader, FakeSource
from tests.intake.bench import Bench
from trac_mailintake.intake.errors import Incomplete, LineBroke, SourceError, TemporaryFailure
from trac_mailintake.intake.failures import DEATHS
from trac_mailintake.intake.ports import Parser
from trac_mailintake.intake.spine import Spine
from trac_mailintake.intake.stages.heads import LONGEST
from trac_mailintake.intake.times import Seconds
from trac_mailintake.mail.parse import parse
from trac_mailintake.mail.spool import InMemory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trac_mailintake.intake.model import Listed
    from trac_mailintake.intake.report import Report
    from trac_mailintake.mail.message import Message
    from trac_mailintake.mail.spool import Slice

SECRET: Final = b"what others wrote\n"
OURS: Final = b"From: ann@example.com\nTo: support@example.org\nSubject: Ours\nMessage-ID: <1@x>\n\nHow?\n"
OTHERS: Final = b"From: ann@example.com\nTo: sales@example.org\nSubject: Theirs\nMessage-ID: <2@x>\n\n" + SECRET


class Shown(FakeSource):
    """A source that gives headers. `lies` are other ones than the mails have, by locator; None gives none."""

    lies: dict[str, bytes | None]
    trouble: SourceError | None = None
    """What is raised after the first header."""

    def heads(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, bytes]]:
        """See `ports.Peeking`."""
        for listed in wanted:
            self.calls.append(f"head {listed.locator}")
            content = self.mails[listed.locator]
            head = self.lies.get(listed.locator, content[: content.find(b"\n\n") + 2])
            if head is not None:
                yield listed, head
            if self.trouble:
                raise self.trouble


class Pieces(FakeSource):
    """A source that gives no headers, and mails in pieces, all of which must be read before the next mail."""

    size = 7
    cut: Sequence[str] = ()
    unread = ""

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """See `ports.Source`."""
        for listed, chunks in super().fetch(wanted):
            assert not self.unread
            self.unread = listed.locator
            yield listed, self._pieces(listed.locator, next(chunks))

    def _pieces(self, name: str, content: bytes) -> Iterator[bytes]:
        for start in range(0, len(content), self.size):
            yield content[start : start + self.size]
        self.unread = ""
        if name in self.cut:
            raise Incomplete("It did not come whole.")


class Sorted(Bench):
    """A bench whose mails are those of RFC 5322, for a service with `catchemail`."""

    def __init__(self, *mails: bytes, kind: type[FakeSource] = Shown) -> None:
        super().__init__()
        self.source = kind({}, lambda _: None)
        if isinstance(self.source, Shown):
            self.source.lies = {}
        self.put(*mails)
        self.ports = replace(
            self.ports, archive_limit=LONGEST * 2, runtime=replace(self.ports.runtime, parser=Parser(self.parse))
        )

    def parse(self, raw: Slice) -> Message:
        """As the product does."""
        return parse(raw if isinstance(raw, InMemory) else InMemory.of(self.archive.read(raw)))

    def round(self, catchemail: str = "support@example.org") -> Report:
        """One round."""
        return Spine(self.ports).run(service(catchemail=catchemail), self.source)

    @property
    def decided(self) -> list[str]:
        """The rule that decided each mail; "" while it is undecided."""
        return [row.outcome.rule if row.outcome else "" for row in self.store.rows.values()]

    @property
    def kept(self) -> bytes:
        """All that the archive has."""
        return b"".join(self.archive.batches.values())


def test_only_what_is_ours_is_fetched() -> None:
    """What is for others is ignored, by its header alone, and stays."""
    bench = Sorted(OTHERS, OURS, OTHERS)
    bench.round()
    assert bench.decided == ["catchemail", "new", "catchemail"]
    assert bench.source.calls == ["head 1", "head 2", "head 3", "fetch 2", "dispose 2"]
    assert list(bench.source.mails) == ["1", "3"]
    assert OURS in bench.kept
    assert SECRET not in bench.kept
    bench.source.calls.clear()
    bench.round()
    assert bench.source.calls == []


def test_without_catchemail_no_header_is_asked_for() -> None:
    """So it costs nothing."""
    bench = Sorted(OTHERS, OURS)
    bench.round("")
    assert bench.decided == ["new", "new"]
    assert bench.source.calls[:2] == ["fetch 1", "fetch 2"]


@pytest.mark.parametrize("size", [1, 7, len(OTHERS) - len(SECRET), 1_000_000])
def test_a_source_without_headers_is_read_and_nothing_of_others_kept(size: int) -> None:
    """Each mail to its end, since the next one comes behind it."""
    bench = Sorted(OTHERS, OURS, OTHERS, kind=Pieces)
    assert isinstance(bench.source, Pieces)
    bench.source.size = size
    bench.source.cut = ("3",)
    bench.round()
    assert bench.decided == ["catchemail", "new", "catchemail"]
    assert bench.kept == OURS


def test_the_mails_own_header_decides() -> None:
    """Even if the server gave another one that is ours; if it gave one that is not, it said so itself."""
    bench = Sorted(OTHERS, OURS, OTHERS)
    assert isinstance(bench.source, Shown)
    bench.source.lies = {"1": OURS, "2": OTHERS}
    bench.round()
    assert bench.decided == ["catchemail"] * 3
    assert bench.source.calls == ["head 1", "head 2", "head 3", "fetch 1"]
    assert bench.kept == b""


@pytest.mark.parametrize("head", [None, b"", b"\n", b"From: ann@example.com\nTo: sales@example.org\n", SECRET])
def test_what_is_no_whole_header_says_nothing(head: bytes | None) -> None:
    """The mail is fetched."""
    bench = Sorted(OURS, OTHERS)
    assert isinstance(bench.source, Shown)
    bench.source.lies = {"1": head, "2": head}
    bench.round()
    assert bench.decided == ["new", "catchemail"]
    assert bench.kept == OURS


@pytest.mark.parametrize("trouble", [LineBroke("The line broke."), SourceError("It is busy.")])
def test_if_headers_do_not_come_all_mail_is_fetched(trouble: SourceError) -> None:
    """In the same round; and what had come by then counts."""
    bench = Sorted(OTHERS, OURS, OTHERS, OURS.replace(b"<1@x>", b"<3@x>"))
    assert isinstance(bench.source, Shown)
    bench.source.trouble = trouble
    report = bench.round()
    assert report.error == ""
    assert bench.decided == ["catchemail", "new", "catchemail", "new"]
    assert bench.source.calls[:4] == ["head 1", "fetch 2", "fetch 3", "fetch 4"]
    assert SECRET not in bench.kept


def test_a_mail_that_is_too_large_for_the_archive_may_be_for_others() -> None:
    """Then it is not held. The larger one of ours is."""
    much = b"x" * 3 * LONGEST
    bench = Sorted(OTHERS + much, OURS + much)
    bench.round()
    assert bench.decided == ["catchemail", "too-large"]


def test_a_probe_is_taken_whatever_its_address() -> None:
    """It is recognised before any rule is asked."""
    bench = Sorted(OTHERS)
    bench.tracker.reader = FakeReader(probe="token")
    bench.round()
    assert bench.source.calls[:2] == ["head 1", "fetch 1"]
    assert bench.decided != ["catchemail"]


def test_a_header_without_an_end_is_read_so_far_and_no_further() -> None:
    """It goes the way of all mail: who knows what is in the rest of it."""
    endless = b"From: ann@example.com\nTo: sales@example.org\n" + b"X-Long: %s\n" % (b"x" * 70) * 12_000
    assert LONGEST < len(endless) < 2 * LONGEST
    bench = Sorted(endless, kind=Pieces)
    assert isinstance(bench.source, Pieces)
    bench.source.size = 50_000
    bench.round()
    assert bench.kept == endless
    assert bench.decided == ["new"]


def test_an_empty_mail_is_for_nobody() -> None:
    """Nothing of it is kept."""
    bench = Sorted(b"", kind=Pieces)
    bench.round()
    assert bench.decided == ["catchemail"]


def test_what_did_not_come_before_is_asked_for_by_itself() -> None:
    """Not with the headers of others, which it might keep from coming."""
    bench = Sorted(OTHERS, OURS)
    listing = bench.source.list()
    bench.ledger.reconcile(service(), bench.source.account, listing)
    first = bench.ledger.claim(service(), bench.source.account, 1)[0]
    bench.store.rows["1"].delivery = replace(first, misses=1)
    bench.ledger.release([first])
    bench.round()
    assert bench.source.calls[0] == "head 2"
    assert "fetch 1" in bench.source.calls
    assert SECRET not in bench.kept


def test_what_killed_too_many_processes_is_not_even_read() -> None:
    """It is archived unread, and held, as without `catchemail`."""
    bench = Sorted(OTHERS)
    bench.ledger.reconcile(service(), bench.source.account, bench.source.list())
    first = bench.ledger.claim(service(), bench.source.account, 1)[0]
    bench.store.rows["1"].delivery = replace(first, deaths=DEATHS)
    bench.ledger.release([first])
    bench.round()
    assert bench.decided == ["crashes"]


def test_a_header_that_cannot_be_judged_is_fetched() -> None:
    """Whatever goes wrong: then the mail is decided about as any other."""
    bench = Sorted(OTHERS, OURS)

    def fail(raw: Slice) -> Message:
        if isinstance(raw, InMemory):
            raise RecursionError
        return parse(InMemory.of(bench.archive.read(raw)))

    bench.ports = replace(bench.ports, runtime=replace(bench.ports.runtime, parser=Parser(fail)))
    bench.round()
    assert bench.decided == ["new", "new"], "no rule of the product screens here"


def test_if_nothing_can_be_recorded_nothing_is_lost() -> None:
    """The database is gone for a moment: the mail stays, and the next round finds it again."""
    bench = Sorted(OTHERS, OURS)
    bench.ledger.failing = [TemporaryFailure("The database is gone.")] * 2
    bench.round()
    assert bench.decided.count("catchemail") == 0
    assert list(bench.source.mails) == ["1", "2"]
    bench.clock.sleep(Seconds(4000.0))
    bench.round()
    assert bench.decided == ["catchemail", "new"]


def test_a_decision_that_another_worker_has_taken_is_not_recorded() -> None:
    """A failure of one recording alone: each is tried by itself, and decided no other way."""
    bench = Sorted(OTHERS, OTHERS.replace(b"<2@x>", b"<3@x>"))
    bench.ledger.failing = [ValueError("together")]
    bench.round()
    assert bench.decided == ["catchemail", "catchemail"]
