"""A second process parses ahead. It gives what `parse` gives, and if it dies, the first process parses by itself."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from typing import IO, TYPE_CHECKING

import pytest

from tests.waiting import until
from trac_mailintake.intake.stages.parse import WORTH, Ahead
from trac_mailintake.intake.times import Seconds
from trac_mailintake.mail.parse import parse
from trac_mailintake.mail.prefetch import read
from trac_mailintake.mail.spool import Slice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trac_mailintake.mail.message import Message

pytestmark = pytest.mark.skipif(len(os.sched_getaffinity(0)) == 1, reason="one core: nothing is read ahead")

_MAIL = (
    "From: Ann <ann@example.com>\nSubject: Press {number}\nMessage-ID: <{number}@example.com>\n{more}\n"
    "It jams at TicketQuery {number}.\n\n> quoted\n"
)


def spooled(folder: Path, count: int = 2 * WORTH) -> list[Slice]:
    """As many mails, one after the other in one file."""
    path, raws = folder / "spool", []
    with path.open("wb") as file:
        for number in range(count):
            more = f"In-Reply-To: <{number - 1}@example.com>\n" if number % 2 else ""
            start = file.tell()
            file.write(_MAIL.format(number=number, more=more).encode("ascii"))
            raws.append(Slice(str(path), start, file.tell() - start))
    return raws


def children() -> set[int]:
    """The processes that this one began and did not wait for."""
    here = f"/proc/self/task/{os.getpid()}/children"
    with open(here, encoding="ascii") as file:
        return {int(word) for word in file.read().split()}


def elsewhere(raw: Slice) -> Message:
    """Read only in another process than that of the test: shows who read a message."""
    return parse(Slice(raw.path, 0, 0)) if os.getpid() == _HERE else parse(raw)


_HERE = os.getpid()


def _where(message: Message) -> None:
    message.once("where", os.getpid)


def subjects(ahead: Ahead, raws: Sequence[Slice]) -> list[str]:
    """The subjects of the messages as they were read; "" for what this process read (`elsewhere`)."""
    return [ahead(raw).subject for raw in raws]


def test_it_gives_what_parse_gives(tmp_path: Path) -> None:
    """Message by message, in order, for one batch after the other."""
    raws = spooled(tmp_path)
    with closing(Ahead(read)) as ahead:
        for batch in (raws[:WORTH], raws[WORTH:]):
            ahead.expect(batch)
            assert [ahead(raw) for raw in batch] == [parse(raw) for raw in batch]


def test_the_other_process_reads(tmp_path: Path) -> None:
    """This one only receives, and what was foreseen comes along."""
    raws = spooled(tmp_path)
    with closing(Ahead(elsewhere)) as ahead:
        ahead.expect(raws)
        assert subjects(ahead, raws) == [f"Press {number}" for number in range(len(raws))]
    with closing(Ahead(read)) as ahead:
        ahead.expect(raws)
        message = ahead(raws[0])
    assert message.worked_out
    assert message == parse(raws[0])


def test_few_messages_begin_no_process(tmp_path: Path) -> None:
    """It would cost more than it brings."""
    raws = spooled(tmp_path, WORTH - 1)
    before = children()
    with closing(Ahead(parse)) as ahead:
        ahead.expect(raws)
        assert children() == before
        assert subjects(ahead, raws)[0] == "Press 0"


def test_what_was_announced_in_vain_is_passed_over(tmp_path: Path) -> None:
    """A message that nobody asks for, and a batch that was given up, do not confuse it; nor does one unannounced."""
    raws = spooled(tmp_path, 3 * WORTH)
    with closing(Ahead(parse)) as ahead:
        ahead.expect(raws[:WORTH])
        assert subjects(ahead, [raws[0], raws[5], raws[-1]]) == ["Press 0", "Press 5", f"Press {len(raws) - 1}"]
        ahead.expect(raws[WORTH:])
        assert subjects(ahead, raws[WORTH:])[-1] == f"Press {len(raws) - 1}"
        assert subjects(ahead, raws[:1]) == ["Press 0"]


def test_what_it_does_beside_this_process_does_not(tmp_path: Path) -> None:
    """This process does not call `beside`; what the second one puts into the message comes with it."""
    raws = spooled(tmp_path)
    with closing(Ahead(parse, Seconds(0.0), _where)) as ahead:
        ahead.expect(raws[1:])
        assert ahead(raws[1]).worked_out["where"] in children()
        assert ahead(raws[0]).worked_out == {}


def test_what_comes_next_is_told(tmp_path: Path) -> None:
    """Each message once, in order, before it is asked for; those that nobody asks for as well."""
    raws, told = spooled(tmp_path), list[str]()
    with closing(Ahead(parse, foresee=lambda messages: told.extend(each.subject for each in messages))) as ahead:
        ahead.expect(raws)
        for number, raw in enumerate(raws):
            if number != 5:
                assert ahead(raw).subject in told
    assert told == [f"Press {number}" for number in range(len(raws))]


@pytest.mark.parametrize("after", [0, 1, WORTH // 2, WORTH - 1])
def test_its_death_changes_nothing(tmp_path: Path, after: int) -> None:
    """However far it came, this process reads the rest."""
    raws = spooled(tmp_path)
    before = children()
    with closing(Ahead(parse)) as ahead:
        ahead.expect(raws[:WORTH])
        first = subjects(ahead, raws[:after])
        for pid in children() - before:
            os.kill(pid, signal.SIGKILL)
        rest = subjects(ahead, raws[after:WORTH])
        ahead.expect(raws[WORTH:])
        rest += subjects(ahead, raws[WORTH:])
    assert [*first, *rest] == [f"Press {number}" for number in range(len(raws))]
    assert children() == before


def test_a_message_over_which_it_hangs(tmp_path: Path) -> None:
    """It is ended after its time, and this process is left to meet the message by itself."""
    raws = spooled(tmp_path)

    def hanging(raw: Slice) -> Message:
        if raw == raws[3] and os.getpid() != _HERE:
            time.sleep(60)
        return parse(raw)

    with closing(Ahead(hanging, Seconds(0.5))) as ahead:
        ahead.expect(raws)
        assert subjects(ahead, raws) == [f"Press {number}" for number in range(len(raws))]


def test_what_it_cannot_read_this_process_meets(tmp_path: Path) -> None:
    """The error is raised here, with its cause, and the next message is read."""
    raws = spooled(tmp_path)
    gone = Slice(str(tmp_path / "gone"), 0, 10)
    with closing(Ahead(parse)) as ahead:
        ahead.expect([gone, *raws])
        with pytest.raises(FileNotFoundError):
            ahead(gone)
        assert subjects(ahead, raws[:1]) == ["Press 0"]


_KILLED = """
import fcntl, os, signal, sys, time
from trac_mailintake.intake.stages.parse import Ahead
from trac_mailintake.mail.spool import Slice
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
ahead = Ahead(lambda raw: time.sleep(600))
ahead.expect([Slice(sys.argv[1], 0, 0)] * 50)
with open(f"/proc/self/task/{os.getpid()}/children") as children:
    lock.write(children.read())
    lock.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_holds_no_lock_of_a_process_that_was_killed(tmp_path: Path) -> None:
    """What the first process had locked is free, whatever the second one is at: a dead worker's mail is taken over."""
    lock = tmp_path / "lock"
    done = subprocess.run([sys.executable, "-c", _KILLED, lock], check=False)
    assert done.returncode == -signal.SIGKILL
    [second] = map(int, lock.read_text(encoding="ascii").split())
    try:
        with lock.open("w") as file:
            until(lambda: _locked(file), what="the lock of the dead process is held")
        os.kill(second, 0)  # and the second one still lives
    finally:
        os.kill(second, signal.SIGKILL)


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
