"""A listing compared with what is remembered: which messages are new, gone, replaced, or to be disposed of again."""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.rig import SERVICE, Rig
from trac_mailintake.intake.model import Account, Listed, Outcome, Status
from trac_mailintake.intake.ports import Refused
from trac_mailintake.intake.times import Seconds
from trac_mailintake.mail.spool import Slice
from trac_mailintake.tracker.db.transaction import HOUR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.bootstrap import Assembly
    from trac_mailintake.intake.model import Delivery

ACCOUNT = Account("imap", "imap://ann@mail.example.org/INBOX")


def listed(*numbers: int, version: int = 1) -> list[Listed]:
    """Messages as a source lists them; with another version, other messages at the same locators."""
    return [Listed(f"1/{number}", f"1/{number} v{version}", 100) for number in numbers]


class Hands:
    """One worker's rounds on the account."""

    def __init__(self, rig: Rig, assembly: Assembly, service: str = SERVICE) -> None:
        self.assembly = assembly
        self.service = replace(assembly.settings.services.get(SERVICE), name=service)
        self.batch = rig.trac.path / "files" / "mailintake" / "archive" / "2026" / "11" / "30" / "x-1.mails"

    def look(self, listing: Sequence[Listed]) -> list[Delivery]:
        """Compare a listing with what is remembered."""
        return list(self.assembly.mailbox.reconcile(self.service, ACCOUNT, listing))

    def take(self, limit: int = 50) -> list[Delivery]:
        """Claim."""
        return list(self.assembly.claims.claim(self.service, ACCOUNT, limit))

    def archived(self, delivery: Delivery) -> Delivery:
        """As if it had been fetched and sealed."""
        self.batch.parent.mkdir(parents=True, exist_ok=True)
        self.batch.write_bytes(b"x" * 100)
        return replace(delivery, raw=Slice(str(self.batch), 0, 100), sha256="abc")

    def put_off(self, *deliveries: Delivery) -> None:
        """They fail after they were archived."""
        for each in deliveries:
            self.assembly.claims.defer(self.archived(each), "It failed.", seconds=Seconds(0), counted=False)

    def end(self, *deliveries: Delivery, status: Status = Status.DISCARDED, rule: str = "test") -> None:
        """Record an outcome without a change."""
        outcome = Outcome(status, rule, "The test says so.")
        self.assembly.recorder.record([Refused(delivery, None, outcome, ()) for delivery in deliveries])


@pytest.fixture
def rig(trac_env: TracEnv, tmp_path: Path) -> Rig:
    """An environment with a service."""
    return Rig(trac_env, tmp_path)


@contextmanager
def hands(rig: Rig, service: str = SERVICE) -> Iterator[Hands]:
    """A worker at work."""
    with rig.worker() as assembly:
        yield Hands(rig, assembly, service)


def locators(deliveries: Sequence[Delivery]) -> list[str]:
    """What was claimed."""
    return [delivery.listed.locator for delivery in deliveries]


def states(rig: Rig) -> list[str]:
    """The states of all rows, the oldest first."""
    return [row["state"] for row in rig.journal()]


def test_what_is_in_the_archive_is_claimed_without_being_listed(rig: Rig) -> None:
    """It comes before what is listed, and its bytes need not be fetched; nor does anybody ask the server for it."""
    with hands(rig) as one:
        one.look(listed(1, 2))
        one.put_off(*one.take())
        one.look(listed(2, 3))
        mailbox = one.assembly.mailbox
        assert mailbox.upcoming(one.service, ACCOUNT, 50) == listed(3)
        assert mailbox.upcoming(one.service, ACCOUNT, 0) == []
        assert mailbox.left(one.service, ACCOUNT).number == 2
        gone, there, new = one.take()
        assert locators([gone, there, new]) == ["1/1", "1/2", "1/3"]
        assert [each.raw is None for each in (gone, there, new)] == [False, False, True]
        assert states(rig) == ["resumed", "resumed", "claimed"]
        one.end(gone, there)
        assert states(rig) == ["discarded", "discarded", "claimed"]


def test_what_left_the_mailbox_keeps_its_place(rig: Rig) -> None:
    """A reply is not decided before the mail that it answers, because it is gone from the mailbox."""
    with hands(rig) as one:
        one.look(listed(1, 2, 3, 4))
        one.put_off(*one.take())
        one.look(listed(1, 3, 5))
        assert locators(one.take()) == ["1/1", "1/2", "1/3", "1/4", "1/5"]


def test_another_message_at_the_locator_has_a_row_of_its_own(rig: Rig) -> None:
    """Both are decided, each once; and the first one's disposal is about the first one."""
    with hands(rig) as one:
        one.look(listed(1))
        one.put_off(*one.take())
        one.look(listed(1, version=2))
        first, second = one.take()
        assert first.id != second.id
        assert (first.raw is None, second.raw is None) == (False, True)
        assert [each.listed for each in (first, second)] == [*listed(1), *listed(1, version=2)]
        one.end(first, one.archived(second))
        assert states(rig) == ["discarded", "discarded"]
        one.look(listed(1, version=2))
        assert one.take() == []


def test_another_message_at_the_locator_while_a_worker_elsewhere_died(rig: Rig) -> None:
    """It had taken up the mail from the archive, and its lease has run out: both mails are claimed, and the rest."""
    with hands(rig) as one:
        one.look(listed(1))
        one.put_off(*one.take())
        one.look(listed(1))
        one.take()
        with rig.trac.env.db_transaction as db:
            db("UPDATE mailintake_delivery SET owner='elsewhere', lease=1")
    with hands(rig) as two:
        two.look(listed(1, 2, version=2))
        first = two.take()  # alone, as a worker died over it
        assert [(each.listed, each.raw is None) for each in first] == [(*listed(1), False)]
        assert [each.listed for each in two.take()] == listed(1, 2, version=2)


@pytest.mark.parametrize(
    "gone",
    [
        "DELETE FROM mailintake_service WHERE name='other'",
        "UPDATE mailintake_service SET path='/elsewhere' WHERE name='other'",
        "UPDATE mailintake_service SET kind='imap', path='', server='post' WHERE name='other'",
    ],
)
def test_each_service_decides_about_what_it_had_fetched(rig: Rig, gone: str) -> None:
    """Several services may share a mailbox; only if one is gone, or was moved elsewhere, another one decides."""
    with hands(rig, "other") as one:
        one.look(listed(1))
        one.put_off(*one.take())
    with hands(rig) as two:
        with rig.trac.env.db_transaction as db:
            db(
                "INSERT INTO mailintake_service (name, kind, server, folder, path) "
                "SELECT 'other', kind, server, folder, path FROM mailintake_service"
            )
        two.look([])
        assert two.take() == []
        assert states(rig) == ["sealed"]
        two.look(listed(1, version=2))  # another message is there now
        assert locators(two.take()) == ["1/1"]
        with rig.trac.env.db_transaction as db:
            db(gone)
        two.look([])
        (left,) = two.take()
        assert left.raw is not None


def test_a_pipe_leaves_what_its_mail_server_has(rig: Rig) -> None:
    """That one delivers it again; the pipe lists only one message at a time."""
    with hands(rig) as one:
        one.service = replace(one.service, pushed=True)
        one.look(listed(1))
        one.put_off(*one.take())
        one.look(listed(2))
        assert locators(one.take()) == ["1/2"]
        one.look(listed(1))
        (again,) = one.take()
        assert again.raw is not None


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_listed_when_nothing_is_lost_or_decided_twice(rig: Rig, seed: int) -> None:
    """Messages come, go and are replaced at random, and are put off, released or decided at random.

    In the end each message that was archived has been decided, once; and nothing that was archived has vanished.
    """
    chance = random.Random(seed)  # noqa: S311 - test data, not secrets
    archived: set[tuple[str, str]] = set()
    decided: list[tuple[str, str]] = []
    versions = dict.fromkeys(range(1, 5), 1)
    with hands(rig) as one:
        for turn in range(25):
            for number in versions:
                versions[number] += chance.random() < 0.2
            there = [number for number in versions if chance.random() < 0.6] if turn < 20 else []
            one.look([each for number in there for each in listed(number, version=versions[number])])
            for delivery in one.take():
                message = (delivery.listed.locator, delivery.listed.fingerprint)
                way = chance.random() if turn < 20 else 1
                if way < 0.2:
                    one.assembly.claims.release([delivery])
                elif way < 0.5:
                    one.put_off(delivery)
                    archived.add(message)
                elif way < 0.6 and delivery.raw is None:
                    one.assembly.claims.defer(delivery, "cut short", seconds=Seconds(0), counted=True)
                else:
                    one.end(one.archived(delivery))
                    decided.append(message)
    assert archived <= set(decided)
    assert len(decided) == len(set(decided))
    rows = rig.journal()
    assert {row["state"] for row in rows} <= {"discarded", "ignored"}
    assert sum(row["state"] == "discarded" for row in rows) == len(decided)


# half disposed of


def some_time_passes(rig: Rig) -> None:
    """More than it takes until what is gone from a mailbox is forgotten."""
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET recorded=recorded-%s", (HOUR,))


@pytest.mark.parametrize(
    ("afterwards", "status", "marked", "again"),
    [
        ("delete", Status.DISCARDED, True, True),
        ("delete", Status.HELD, True, True),
        ("delete", Status.IGNORED, True, False),
        ("delete", Status.DISCARDED, False, False),
        ("leave", Status.DISCARDED, True, False),
    ],
)
def test_a_copy_that_is_still_there_marked_is_disposed_of_again(
    rig: Rig, afterwards: str, status: Status, *, marked: bool, again: bool
) -> None:
    """The server said that it had expunged it. What others marked, and no service consumed, is theirs."""
    rig.set(afterwards=afterwards)
    with hands(rig) as one:
        one.look(listed(1))
        (first,) = one.take()
        one.end(one.archived(first), status=status)
        one.assembly.mailbox.consumed([first.id])
    some_time_passes(rig)
    with hands(rig) as two:
        left = two.assembly.mailbox.reconcile(two.service, ACCOUNT, [], listed(1, 2) if marked else [])
        assert locators(left) == (["1/1"] if again else [])
        assert two.take() == []


def test_a_worker_that_dies_long_after_it_recorded_leaves_its_copies_to_others(rig: Rig) -> None:
    """It had marked them, so they are not listed. While it lived, nobody forgot them, however long it took."""
    with hands(rig) as other:
        with rig.worker() as assembly:
            one = Hands(rig, assembly)
            one.look(listed(1))
            one.end(*map(one.archived, one.take()))
            some_time_passes(rig)
            assert other.look([]) == []
            assembly.worker._file.close()
        assert locators(other.look([])) == ["1/1"]
