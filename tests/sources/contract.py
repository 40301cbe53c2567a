"""The contract of all sources (`trac_mailintake.intake.ports.Source`).

A kind's tests inherit it and say where mail lies; what only some kinds can do afterwards stands in classes of its own.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

import pytest

from tests import builders
from trac_mailintake.intake.model import Afterwards, Answer, Disposition
from trac_mailintake.intake.ports import Peeking
from trac_mailintake.intake.settings import Server, SettingError, disposition
from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from trac_mailintake.hookspecs import SourceKind
    from trac_mailintake.intake.model import Listed
    from trac_mailintake.intake.ports import Source
    from trac_mailintake.intake.settings import Service

TARGET = "Filed"
"""The folder that `move:` is tried with."""

_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")
_NOW = re.compile(r"VmRSS:\s+(\d+) kB")


def mail(number: int, *, size: int = 0) -> bytes:
    """A mail of its own; filled up to about `size` bytes."""
    head = f"From: a@example.org\nMessage-ID: <{number}@example.org>\nSubject: number {number}\n\nText {number}\n"
    line = b"x" * 71 + b"\n"
    return head.encode() + line * ((size - len(head)) // len(line) if size else 0)


def plain(content: bytes) -> bytes:
    """With bare line feeds, whatever the wire made of them."""
    return content.replace(b"\r\n", b"\n")


def service(*, folder: str = "", path: str = "", afterwards: str = "leave") -> Service:
    """A service's settings, those that sources look at."""
    word, _, target = afterwards.partition(":")
    return replace(builders.service(), folder=folder, path=path, afterwards=Disposition(Afterwards(word), target))


def server(
    protocol: str, port: int, user: str, *, security: str = "none", ca_file: str = "", timeout: int = 5
) -> Server:
    """A mail server's settings."""
    return Server(
        id=1,
        name="test",
        description="",
        protocol=protocol,
        host="localhost",
        port=port,
        security=security,
        username=user,
        secret="env:TEST",
        ca_file=ca_file,
        timeout=Seconds(timeout),
    )  # fmt: skip  # likewise


def read(source: Source, wanted: list[Listed]) -> list[bytes]:
    """The bytes of what is wanted, in the order in which they came."""
    return [plain(b"".join(chunks)) for _, chunks in source.fetch(wanted)]


def take(source: Source) -> list[tuple[Listed, str]]:
    """List and read all, as a round does: each with its SHA-256."""
    return [(listed, _digest(b"".join(chunks))) for listed, chunks in source.fetch(list(source.list()))]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def memory_growth(action: Callable[[], object]) -> int:
    """By how many bytes the process was larger, at its largest, while something was done."""
    status = Path("/proc/self/status")
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = _NOW.search(status.read_text(encoding="ascii"))
    except OSError:
        pytest.skip("this system does not tell how much memory was used")
    action()
    peak = _PEAK.search(status.read_text(encoding="ascii"))
    assert before
    assert peak
    return (int(peak.group(1)) - int(before.group(1))) * 1024


class Place(Protocol):
    """Where a kind's mail lies, looked at from outside."""

    def deliver(self, *mails: bytes) -> None:
        """Put mails there, in this order."""

    def source(self, afterwards: str) -> Source:
        """A new source on it."""

    def there(self) -> list[bytes]:
        """The mails that lie there, in the order of their delivery."""

    def moved(self) -> list[bytes]:
        """Those in the folder `TARGET`."""

    def seen(self) -> list[bytes]:
        """Those that are marked as seen."""


class SourceContract:
    """What every kind promises. A subclass has `kind` and the fixture `place`."""

    kind: ClassVar[SourceKind]
    waits_for_all: ClassVar[bool] = False
    """That `delete` empties the whole place or nothing."""

    def test_nothing_is_listed_where_nothing_lies(self, place: Place) -> None:
        """An empty mailbox is no error."""
        assert list(place.source("leave").list()) == []

    def test_all_mails_are_listed_oldest_first(self, place: Place) -> None:
        """With locators and fingerprints of their own, and their true sizes."""
        mails = [mail(number, size=500 * number) for number in range(1, 13)]
        place.deliver(*mails)
        source = place.source("leave")
        listed = source.list()
        assert read(source, list(listed)) == mails
        assert len({each.locator for each in listed}) == len({each.fingerprint for each in listed}) == 12
        for each, (_, chunks) in zip(listed, source.fetch(listed), strict=True):
            assert each.size == len(b"".join(chunks))
        source.close()

    def test_headers_come_without_the_rest(self, place: Place) -> None:
        """At least to their blank lines; what is gone is left out, and nothing changes."""
        mails = [mail(1), mail(2, size=3000), mail(3), mail(4, size=3_000_000)]
        place.deliver(*mails)
        source = place.source("leave")
        listed = list(source.list())
        assert isinstance(source, Peeking)
        changed = replace(listed[2], locator=listed[2].locator + "0", fingerprint=listed[2].fingerprint + "0")
        came = list(source.heads([*listed[:2], changed, listed[3]]))
        assert [each for each, _ in came] == [*listed[:2], listed[3]]
        for (_, head), whole in zip(came, (mails[0], mails[1], mails[3]), strict=True):
            assert whole.startswith(plain(head))
            assert b"\n\n" in plain(head)
            assert len(head) <= 300_000
        assert read(source, listed) == mails
        assert list(source.list()) == listed
        source.close()
        assert place.seen() == []

    def test_listing_is_the_same_in_every_session(self, place: Place) -> None:
        """Listing and fetching change nothing, so that a restart finds what it knew."""
        place.deliver(mail(1), mail(2))
        first = place.source("leave")
        before = list(first.list())
        read(first, before)
        assert list(first.list()) == before
        first.close()
        second = place.source("leave")
        assert list(second.list()) == before
        second.close()

    def test_what_came_later_is_listed_later(self, place: Place) -> None:
        """What was listed keeps its locator and fingerprint."""
        place.deliver(mail(1))
        source = place.source("leave")
        before = list(source.list())
        source.close()
        place.deliver(mail(2))
        source = place.source("leave")
        assert list(source.list())[:1] == before
        assert read(source, list(source.list())) == [mail(1), mail(2)]
        source.close()

    def test_fetch_leaves_out_what_is_no_longer_the_same(self, place: Place) -> None:
        """Another fingerprint is another message; an unknown locator is none."""
        place.deliver(mail(1), mail(2), mail(3))
        source = place.source("leave")
        one, two, three = source.list()
        changed = replace(two, locator=two.locator + "0", fingerprint=two.fingerprint + "0")
        assert read(source, [one, changed, three]) == [mail(1), mail(3)]
        source.close()

    def test_leave_leaves(self, place: Place) -> None:
        """Nothing changes, and all is well."""
        place.deliver(mail(1), mail(2))
        source = place.source("leave")
        before = list(source.list())
        replies = source.dispose(take(source))
        source.settle()
        assert [reply.answer for reply in replies] == [Answer.COMPLETED] * 2
        assert list(source.list()) == before
        source.close()
        assert place.there() == [mail(1), mail(2)]
        assert place.seen() == []

    def test_delete_deletes_what_is_given(self, place: Place) -> None:
        """And nothing else, as soon as it is settled."""
        place.deliver(*map(mail, range(6)))
        source = place.source("delete")
        done = take(source)
        replies = source.dispose(done if self.waits_for_all else done[1:4])
        source.settle()
        source.close()
        assert {reply.answer for reply in replies} == {Answer.COMPLETED}
        assert place.there() == ([] if self.waits_for_all else [mail(0), mail(4), mail(5)])

    def test_disposing_again_is_harmless(self, place: Place) -> None:
        """After a crash between the disposal and the journal, the same is asked for again."""
        place.deliver(mail(1), mail(2))
        source = place.source("delete")
        done = take(source)
        source.dispose(done)
        source.settle()
        source.close()
        place.deliver(mail(3))
        again = place.source("delete")
        replies = again.dispose(done)
        again.settle()
        again.close()
        assert [reply.answer for reply in replies] == [Answer.COMPLETED] * 2
        assert place.there() == [mail(3)]

    def test_another_fingerprint_is_not_disposed_of(self, place: Place) -> None:
        """What was not archived stays."""
        place.deliver(mail(1))
        source = place.source("delete")
        [(listed, sha256)] = take(source)
        other = replace(listed, locator=listed.locator + "0", fingerprint=listed.fingerprint + "0")
        [reply] = source.dispose([(other, sha256)])
        source.settle()
        source.close()
        assert reply.answer is Answer.COMPLETED
        assert place.there() == [mail(1)]

    def test_words_that_it_cannot_mean_are_refused_on_save(self) -> None:
        """What the table of docs/behaviour.md#afterwards does not have, the settings refuse."""
        for word in Afterwards:
            typed = f"move:{TARGET}" if word is Afterwards.MOVE else word.value
            if word in self.kind.afterwards:
                assert disposition(typed, self.kind.afterwards, self.kind.label).word is word
            else:
                with pytest.raises(SettingError):
                    disposition(typed, self.kind.afterwards, self.kind.label)

    def test_close_disposes_of_nothing(self, place: Place) -> None:
        """At any time, and more than once; afterwards the source can be used again."""
        place.deliver(mail(1))
        source = place.source("leave")
        source.close()
        before = list(source.list())
        source.close()
        source.close()
        assert list(source.list()) == before
        source.close()
        assert place.there() == [mail(1)]

    def test_a_reader_may_stop_in_the_middle(self, place: Place) -> None:
        """What was not read to its end does not spoil what comes after."""
        mails = [mail(1, size=3_000_000), mail(2), mail(3)]
        place.deliver(*mails)
        source = place.source("leave")
        read_after = []
        for number, (_, chunks) in enumerate(source.fetch(list(source.list()))):
            if number == 0:
                next(chunks)
            else:
                read_after.append(plain(b"".join(chunks)))
        assert read_after == mails[1:]
        assert read(source, list(source.list())) == mails
        source.close()

    def test_memory_stays_flat(self, place: Place) -> None:
        """A mail of 100 MB needs no more than a few of them."""
        place.deliver(mail(1, size=100_000_000))
        source = place.source("leave")
        sizes: list[int] = []
        growth = memory_growth(
            lambda: sizes.extend(len(c) for _, chunks in source.fetch(list(source.list())) for c in chunks)
        )
        source.close()
        assert sum(sizes) > 99_000_000
        assert growth < 12_000_000


class MoveContract:
    """What a kind promises that can move."""

    def test_move_moves_what_is_given(self, place: Place) -> None:
        """To a folder that is made when it is missing; every byte arrives; again is harmless."""
        place.deliver(*map(mail, range(5)))
        source = place.source(f"move:{TARGET}")
        done = take(source)
        replies = [*source.dispose(done[:2]), *source.dispose(done[:3])]
        source.settle()
        source.close()
        assert {reply.answer for reply in replies} == {Answer.COMPLETED}
        assert place.there() == [mail(3), mail(4)]
        assert sorted(place.moved()) == sorted(map(mail, range(3)))


class SeenContract:
    """What a kind promises that can mark as seen."""

    def test_seen_marks_what_is_given(self, place: Place) -> None:
        """It stays, stays listed as the same, and again is harmless."""
        place.deliver(*map(mail, range(3)))
        source = place.source("seen")
        before = list(source.list())
        done = take(source)
        replies = [*source.dispose(done[:1]), *source.dispose(done[:2])]
        source.settle()
        assert {reply.answer for reply in replies} == {Answer.COMPLETED}
        assert place.seen() == [mail(0), mail(1)]
        assert [each.fingerprint for each in source.list()] == [each.fingerprint for each in before]
        source.close()
