"""The comparison notices what it is there for: each world below has one thing wrong."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.kills.boxes import Directory, Mbox
from tests.kills.check import Check
from tests.kills.letters import Letter, Writer
from tests.kills.look import Attached, Entry, Place, Tickets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.kills.check import Findings


def digest(content: bytes) -> str:
    """SHA-256."""
    return hashlib.sha256(content).hexdigest()


def letter(number: int, parent: Letter | None = None, original: Letter | None = None) -> Letter:
    """A mail with two lines and a file, or another copy of one."""
    lines = (f"k{number}l0 river", f"k{number}l1 stone")
    content = original.content if original else "\n".join(lines).encode()
    files = () if original else (digest(b"file %d" % number),)
    where = (b"Received: again\n" if original else b"") + content
    words = ("plain", "ann@example.com", "support@example.org", f"<k{number}>")
    return Letter(number, where, *words, () if original else lines, files, parent, original)


class World:
    """A question, its answer, a question, and another copy of it: as it should be, until somebody changes it."""

    def __init__(self, folder: Path) -> None:
        first, second = letter(1), letter(3)
        self.fed = [first, letter(2, parent=first), second, letter(4, original=second)]
        self.box = Directory("folder", "delete", "alone", folder)
        for each in self.fed:
            self.box.feed(each)
        for file in self.box.path.iterdir():
            file.unlink()
        self.places = [
            Place(1, None, "k1l0 river\r\nk1l1 stone"),
            Place(2, None, "k3l0 river\r\nk3l1 stone"),
            Place(1, "1", "k2l0 river\r\nk2l1 stone"),
        ]
        files = ((1, 1), (1, 2), (2, 3))
        self.attached = [Attached(t, f"{n}.txt", whole=True, sha256=digest(b"file %d" % n)) for t, n in files]
        self.strays: list[str] = []
        decided = (("created", 1, None), ("commented", 1, "1"), ("created", 2, None), ("duplicate", 2, None))
        disposed = True
        self.journal = [
            Entry(n, "folder", outcome, "", "", ticket, comment, disposed, "batch", each.sha256, each.sha256)
            for n, (each, (outcome, ticket, comment)) in enumerate(zip(self.fed, decided, strict=True))
        ]
        self.told = [("[T] #1: Question k1s", "k1l0"), ("Re: [T] #1: Question k1s", "k2l0"), ("[T] #2", "k3l0")]

    def found(self) -> Findings:
        """What the comparison says."""
        tickets = Tickets({1: "Question k1s", 2: "Question k3s"}, self.places, self.attached, self.strays)
        check = Check([self.box], tickets, self.journal)
        found = check.run()
        check.compare_notifications(self.told)
        found.bad += self.box.faults()
        return found

    def row(self, at: int, **changes: object) -> None:
        """Change an entry of the journal."""
        self.journal[at] = replace(self.journal[at], **changes)  # type: ignore[arg-type]  # the tests name what is there


@pytest.fixture
def world(tmp_path: Path) -> World:
    """As it should be."""
    return World(tmp_path)


def test_nothing_is_wrong(world: World) -> None:
    """The world is as it should be."""
    found = world.found()
    assert (found.bad, found.extra, bool(found)) == ([], 0, False)


def _lose(world: World) -> None:
    del world.places[2]


def _double(world: World) -> None:
    world.places.append(replace(world.places[2], comment="2"))


def _misplace(world: World) -> None:
    world.places[2] = replace(world.places[2], ticket=2)


def _misplace_as_ticket(world: World) -> None:
    world.places[2] = Place(3, None, world.places[2].text)


def _lose_a_file(world: World) -> None:
    del world.attached[1]


def _double_a_file(world: World) -> None:
    world.attached.append(replace(world.attached[1], name="2.2.txt"))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (_lose, "lost"),
        (_double, "doubled"),
        (_misplace, "misplaced"),
        (_misplace_as_ticket, "misplaced"),
        (_lose_a_file, "lost"),
        (_double_a_file, "doubled"),
    ],
)
def test_the_great_faults_are_counted(world: World, change: Callable[[World], None], kind: str) -> None:
    """A mail or file that is lost, there twice, or elsewhere."""
    change(world)
    assert getattr(world.found(), kind) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda world: world.places.__setitem__(0, replace(world.places[0], text="k1l0 river")),
        lambda world: world.places.__setitem__(0, replace(world.places[0], text="k1l0 lake k1l1 stone")),
        lambda world: world.places.__setitem__(2, replace(world.places[2], comment="2")),
        lambda world: world.attached.__setitem__(0, replace(world.attached[0], whole=False)),
        lambda world: world.strays.append("ticket/356/1.txt"),
        lambda world: world.row(0, outcome="commented"),
        lambda world: world.row(1, ticket=2),
        lambda world: world.row(1, comment="2"),
        lambda world: world.row(3, outcome="created"),
        lambda world: world.row(0, disposed=False),
        lambda world: world.row(0, sha256=digest(b"")),
        lambda world: world.row(0, said_sha256=digest(b"")),
        lambda world: world.journal.pop(),
        lambda world: world.journal.append(world.journal[0]),
        lambda world: world.told.pop(),
        lambda world: (world.box.path / "left.eml").write_bytes(world.fed[0].content),
    ],
)
def test_the_small_faults_are_noticed(world: World, change: Callable[[World], object]) -> None:
    """Each is a sentence."""
    change(world)
    assert world.found().bad


def test_further_notifications_are_only_counted(world: World) -> None:
    """A death may cause them."""
    world.told.append(world.told[1])
    found = world.found()
    assert (found.extra, found.bad) == (1, [])


def test_what_is_held_after_three_deaths_is_not_lost(world: World) -> None:
    """That is what the product promises to do, and its answer may then be a ticket of its own."""
    del world.places[0]
    del world.attached[0]
    world.places[1] = Place(3, None, world.places[1].text)
    world.attached[0] = replace(world.attached[0], ticket=3)
    world.row(0, outcome="held", rule="crashes", ticket=0)
    world.row(1, outcome="created", ticket=3, comment=None)
    found = world.found()
    assert (found.crashed, found.lost, found.misplaced) == (1, 0, 0)


def test_copies_that_were_moved_are_compared_byte_for_byte(tmp_path: Path) -> None:
    """One of them has another byte."""
    box = Directory("folder", "move:Done", "alone", tmp_path)
    box.feed(letter(1))
    [file] = box.path.iterdir()
    (box.path / "Done").mkdir()
    file.rename(box.path / "Done" / file.name)
    assert box.faults() == []
    (box.path / "Done" / file.name).write_bytes(letter(1).content[:-1] + b"!")
    assert len(box.faults()) == 2


def test_what_is_fed_is_of_every_shape() -> None:
    """New mail, answers, second copies, files; and the unusual."""
    writer = Writer(random.Random(1), ("support@example.org",))  # noqa: S311 - always the same mail
    written: list[Letter] = []
    for number in range(1, 800):
        written.append(writer.write(number, written))
    count = len(written)
    assert {each.shape for each in written} == {"plain", "copy", "no-id", "nul", "bare-lf", "empty", "8-bit", "big"}
    assert 0.2 < sum(each.parent is not None for each in written) / count < 0.4
    assert any(each.parent and each.parent.parent for each in written)
    assert 0.2 < sum(bool(each.files) for each in written) / count < 0.4
    assert len({each.content for each in written}) == count


def test_a_lock_is_taken_from_the_dead_only(tmp_path: Path) -> None:
    """A process is dead even if nobody has asked yet how it ended."""
    box = Mbox("mbox", "leave", "alone", tmp_path)
    dotlock = tmp_path / "mbox.lock"
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read()  # it ends with the process, which nobody waits for yet
        dotlock.write_text(f"{process.pid}\n", encoding="ascii")
        box.feed(letter(1))
    assert box.left() == [letter(1).content]
    dotlock.write_text(f"{os.getpid()}\n", encoding="ascii")
    box.patience = 0.1
    with pytest.raises(TimeoutError):
        box.feed(letter(2))
