"""What the journal knows of each mail in the archive, and what *Status* shows of that."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.rig import SERVICE, Rig, mail
from tests.tracker.deliveries.test_recovery import fetched
from trac_mailintake.tracker.archive import records
from trac_mailintake.tracker.archive.store import found, stored
from trac_mailintake.tracker.deliveries import inventory
from trac_mailintake.tracker.deliveries.inventory import Known, Seen, Worker
from trac_mailintake.tracker.deliveries.retention import purge_daily

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

TODAY = datetime.now(UTC).date()


@pytest.fixture
def rig(trac_env: TracEnv, tmp_path: Path) -> Rig:
    """An environment with a service."""
    return Rig(trac_env, tmp_path)


@contextmanager
def restored(rig: Rig) -> Iterator[None]:
    """At the end of the block the database forgets all mail that was taken in it."""
    env = rig.trac.env
    [(last,)] = env.db_query("SELECT COALESCE(MAX(id), 0) FROM mailintake_delivery")
    [(ticket,)] = env.db_query("SELECT COALESCE(MAX(id), 0) FROM ticket")
    yield
    with env.db_transaction as db:
        db("DELETE FROM mailintake_delivery WHERE id>%s", (last,))
        db("DELETE FROM mailintake_message_id WHERE delivery>%s", (last,))
        db("DELETE FROM ticket WHERE id>%s", (ticket,))


def files(rig: Rig) -> list[Path]:
    """The files of the archive."""
    return sorted((rig.trac.path / "files" / "mailintake" / "archive").rglob("*.mails"))


def known(rig: Rig) -> list[str]:
    """What is known of each mail, in an order that does not depend on the names of batches."""
    return sorted(each.known.value for batch in inventory.batches(rig.trac.env) for each in batch.mails)


def test_each_mail_has_its_row(rig: Rig) -> None:
    """Filed, held or ignored: the row names its bytes, and the batch has nothing else."""
    rig.drop(*(mail(f"Mail {each}") for each in range(3)), mail("Away", "Auto-Submitted: auto-replied"))
    rig.run()
    [batch] = inventory.batches(rig.trac.env)
    assert [each.known for each in batch.mails] == [Known.ROW] * 4
    assert (batch.worker, batch.gap, batch.recorded, batch.lost()) == (Worker.OVER, 0, True, [])
    assert [each.row.id for each in batch.mails if each.row] == [1, 2, 3, 4]
    assert [(each.service, each.damage()) for each in batch.mails] == [(SERVICE, "")] * 4
    assert [each.locator for each in batch.mails] == [
        locator for (locator,) in rig.trac.query("SELECT locator FROM mailintake_delivery ORDER BY id")
    ]


def test_what_an_older_database_does_not_know_is_lost(rig: Rig) -> None:
    """And only that, also after its rows' numbers were given to other mails."""
    rig.drop(mail("Yesterday"))
    rig.run()
    with restored(rig):
        rig.drop(mail("Today"), mail("Today, too"))
        rig.run()
    assert known(rig) == ["lost", "lost", "row"]
    rig.drop(mail("After that"))
    rig.run()
    assert known(rig) == ["lost", "lost", "row", "row"]
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET id=2 WHERE id>2")
    assert known(rig) == ["lost", "lost", "row", "row"]


def test_what_was_fetched_twice_is_known(rig: Rig) -> None:
    """Its row names the other copy, or is undecided, so that a run decides about it."""
    rig.drop(mail("Twice"))
    with fetched(rig):
        with rig.trac.env.db_transaction as db:
            db("UPDATE mailintake_delivery SET lease=1, owner='elsewhere'")
        rig.run()
        assert known(rig) == ["row"], "the batch of a live worker is not looked into"
    assert known(rig) == ["elsewhere", "row"]
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET archive=NULL, purged=1")
    assert known(rig) == ["elsewhere", "elsewhere"], "purged, and killed before the file was removed"
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET state='ignored', rule='vanished', sha256=NULL")
    assert known(rig) == ["lost", "lost"]
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET state='claimed'")
    assert known(rig) == ["elsewhere", "elsewhere"]


def test_workers_are_told_apart(rig: Rig) -> None:
    """One at work, and one that died before it sealed its batch."""
    rig.drop(mail("One"))
    with fetched(rig, sealed=False):
        [batch] = inventory.batches(rig.trac.env)
        assert (batch.worker, batch.mails) == (Worker.ALIVE, ())
    [batch] = inventory.batches(rig.trac.env)
    assert (batch.worker, [each.known for each in batch.mails]) == (Worker.DEAD, [Known.UNSEALED])
    assert batch.mails[0].damage() == ""


def test_batches_of_version_0_1_are_known_by_their_rows(rig: Rig) -> None:
    """Mails end to end, without records: what no row names cannot be told apart."""
    sent = [mail("One"), mail("Two")]
    rig.drop(*sent)
    rig.run()
    [path] = files(rig)
    path.write_bytes(b"".join(sent))
    with rig.trac.env.db_transaction as db:
        for number, offset in ((1, 0), (2, len(sent[0]))):
            db("UPDATE mailintake_delivery SET archive_offset=%s WHERE id=%s", (offset, number))
    [batch] = inventory.batches(rig.trac.env)
    assert (batch.recorded, [each.known for each in batch.mails]) == (False, [Known.ROW] * 2)
    assert [(each.raw.read(), each.damage(), each.service) for each in batch.mails] == [
        (each, "", SERVICE) for each in sent
    ]
    with rig.trac.env.db_transaction as db:
        db("DELETE FROM mailintake_delivery")
    [batch] = inventory.batches(rig.trac.env)
    assert (batch.recorded, batch.mails, batch.gap) == (False, (), path.stat().st_size)


def test_damage_is_told_of_the_mail_that_it_hit(rig: Rig) -> None:
    """Of the bytes, of the record, and of a row that is about something else."""
    rig.drop(*(mail(f"Mail {each}") for each in "abc"))
    rig.run()
    [path] = files(rig)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"Subject: Mail b", b"Subject: Mail x"))
    [batch] = inventory.batches(rig.trac.env)
    assert [each.damage() for each in batch.mails] == ["", "other bytes than were fetched", ""]
    path.write_bytes(whole[:40] + b"\0" * 8 + whole[48:])
    [batch] = inventory.batches(rig.trac.env)
    assert [(each.archived is None, each.damage()) for each in batch.mails] == [(False, ""), (False, ""), (True, "")]
    assert batch.gap == whole.index(b"\nmailintake-mail", 1), "the first record and its mail"
    path.write_bytes(whole)
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET archive_length=archive_length-1 WHERE id=2")
    [batch] = inventory.batches(rig.trac.env)
    assert [each.damage() for each in batch.mails] == ["", "the journal's row is about other bytes", ""]


def test_a_part_can_be_chosen(rig: Rig) -> None:
    """By day, and by service."""
    rig.drop(mail("One"))
    rig.run()
    env = rig.trac.env
    assert len(list(inventory.batches(env, TODAY - timedelta(days=1), SERVICE))) == 1
    assert list(inventory.batches(env, TODAY + timedelta(days=2))) == []
    assert list(inventory.batches(env, None, "other")) == []
    day = files(rig)[0].parent
    (day.parent / "99").mkdir()
    assert [folder for _, folder in inventory.days(env)] == [day]


def test_files_that_are_gone(rig: Rig) -> None:
    """The rows that name them are counted."""
    rig.drop(mail("One"), mail("Two"))
    rig.run()
    [path] = files(rig)
    name = stored(rig.trac.env, str(path))
    assert inventory.missing(rig.trac.env) == []
    path.unlink()
    assert inventory.missing(rig.trac.env) == [(name, 2)]
    assert inventory.missing(rig.trac.env, TODAY + timedelta(days=2)) == []
    assert inventory.missing(rig.trac.env, None, "other") == []
    assert list(inventory.of_files(rig.trac.env, [path])) == []


def test_the_daily_look_finds_what_is_lost(rig: Rig) -> None:
    """It begins where there may be something new, and keeps in mind what it found before."""
    env = rig.trac.env
    assert inventory.seen(env) == Seen()
    with restored(rig):
        rig.drop(mail("Lost"))
        rig.run()
    purge_daily(env)
    first = inventory.seen(env)
    assert (first.lost, first.since) == (1, str(TODAY - timedelta(days=1)))
    old = files(rig)[0].parents[3] / "2020" / "01" / "02"
    old.mkdir(parents=True)
    rig.trac.env.config.set("mailintake", "archive_days", "0")
    [path] = files(rig)
    path.rename(old / path.name)
    assert inventory.look(env).lost == 0, "it does not read years each day"
    found_all = inventory.remember(env, inventory.batches(env))
    assert (found_all.lost, found_all.since) == (1, "2020-01-02")
    later = inventory.look(env)
    assert (later.lost, later.since) == (1, "2020-01-02")
    assert later.when > first.when
    with env.db_transaction as db:
        db("UPDATE system SET value='nonsense' WHERE name='mailintake_archive'")
    assert inventory.seen(env) == Seen()


def test_the_number_is_that_of_all_batches_however_many(rig: Rig) -> None:
    """Rows are read for some of them at a time."""
    rig.drop(mail("One"))
    rig.run()
    [path] = files(rig)
    [one] = records.read(str(path))
    for number in range(120):
        name = f"{number:032x}-1.mails"
        path.with_name(name).write_bytes(one.record.written(name) + one.raw.read())
    assert len(list(inventory.batches(rig.trac.env))) == 121
    assert known(rig) == ["elsewhere"] * 120 + ["row"]
    assert re.fullmatch(r"archive/\d{4}/\d\d/\d\d/\w+-1.mails", next(inventory.batches(rig.trac.env)).name)
    assert found(rig.trac.env, stored(rig.trac.env, str(path)), 0, 0).path == str(path)
