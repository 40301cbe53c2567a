"""A mail whose bytes are durable is decided from them, or held, even if it leaves its mailbox; it never vanishes."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.rig import SERVICE, Rig, mail
from trac_mailintake.bootstrap import assemble_intake, settings_of
from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake.errors import TemporaryFailure
from trac_mailintake.intake.failures import ATTEMPTS
from trac_mailintake.intake.ports import Wait
from trac_mailintake.intake.stages.claim import BATCH
from trac_mailintake.intake.times import Seconds
from trac_mailintake.tracker.archive import records
from trac_mailintake.tracker.archive.store import FileArchive
from trac_mailintake.tracker.db.transaction import HOUR
from trac_mailintake.tracker.journal.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.bootstrap import Assembly
    from trac_mailintake.intake.model import Delivery


class Down:
    """A plugin that needs something that is down."""

    @hookimpl
    def mailintake_screen(self, message: object) -> None:
        """See `hookspecs`."""
        raise TemporaryFailure("The directory is down.")


@pytest.fixture
def rig(trac_env: TracEnv, tmp_path: Path) -> Rig:
    """An environment with a service."""
    return Rig(trac_env, tmp_path)


@contextmanager
def fetched(rig: Rig, *, sealed: bool = True, dies: bool = True) -> Iterator[tuple[Assembly, Sequence[Delivery]]]:
    """A worker that has fetched all mail, and decided nothing; unless it `dies`, it ends in order."""
    assembly = assemble_intake(rig.trac.env)
    try:
        service = assembly.settings.services.get(SERVICE)
        source = assembly.settings.open(service)
        assembly.mailbox.reconcile(service, source.account, source.list())
        deliveries = assembly.claims.claim(service, source.account, 100)
        by_locator = {each.listed.locator: each for each in deliveries}
        writer = FileArchive(rig.trac.env, assembly.worker).begin([each.id for each in deliveries])
        for listed, chunks in source.fetch([each.listed for each in deliveries]):
            writer.append(by_locator[listed.locator], chunks)
        if sealed:
            writer.seal()
        else:
            writer.flush()
        source.close()
        yield assembly, deliveries
    finally:
        if dies:
            die(assembly)
        else:
            assembly.close()


def die(assembly: Assembly) -> None:
    """What the system does with a process that dies: its lock is let go, its file stays."""
    assembly.worker._file.close()


def remove(rig: Rig, *numbers: int) -> None:
    """Somebody removes mails, by their places in the mailbox; all without a number."""
    files = sorted(path for part in ("new", "cur") for path in (rig.maildir / part).iterdir())
    for number, path in enumerate(files):
        if not numbers or number in numbers:
            path.unlink()


def settle(rig: Rig) -> None:
    """Run until nothing more is due, however long mail has to wait."""
    for _ in range(2 * ATTEMPTS):
        with rig.trac.env.db_transaction as db:
            db("UPDATE mailintake_delivery SET retry_at=0, lease=0 WHERE state IN ('sealed', 'claimed', 'resumed')")
        rig.run()


def trails(rig: Rig) -> list[set[str]]:
    """The rules in the trail of each mail."""
    return [{step.rule for step in entry.trail} for entry in reversed(Journal(rig.trac.env).entries())]


@pytest.mark.parametrize("seed", range(6))
def test_what_a_dead_worker_fetched_is_decided_once(rig: Rig, seed: int) -> None:
    """Some mails are removed by somebody; only if the batch was not sealed have they vanished."""
    chance = random.Random(seed)  # noqa: S311 - test data, not secrets
    number = chance.randrange(1, 6)
    subjects = [f"Mail {each} of {seed}" for each in range(number)]
    rig.drop(*(mail(each) for each in subjects))
    sealed = seed % 3 != 0
    gone = [each for each in range(number) if chance.random() < 0.6] or [0]
    with fetched(rig, sealed=sealed):
        pass
    remove(rig, *gone)
    for _ in range(number + 1):
        rig.run()
    filed = Counter(ticket["summary"] for ticket in rig.trac.tickets())
    expected = [each for place, each in enumerate(subjects) if sealed or place not in gone]
    assert filed == Counter(expected)
    vanished = 0 if sealed else len(gone)
    assert Counter(rig.outcomes) == Counter({("created", "new"): len(expected), ("ignored", "vanished"): vanished})
    assert rig.left == []
    assert list((rig.trac.path / "files" / "mailintake" / "workers").iterdir()) == []
    if sealed:
        assert ["from-archive" in each for each in trails(rig)] == [place in gone for place in range(number)]


def test_what_is_staged_goes_although_its_worker_is_forgotten(rig: Rig) -> None:
    """A power cut may undo the worker's own file, which is not flushed, and leave the staged ones, which are."""
    staging = rig.trac.path / "files" / "mailintake" / "staging"
    with rig.worker():
        (staging / ("0" * 32)).mkdir(parents=True)
        (staging / ("0" * 32) / "staged").write_bytes(b"content")
    rig.run()
    assert list(staging.iterdir()) == []
    assert list((rig.trac.path / "files" / "mailintake" / "workers").iterdir()) == []


@pytest.mark.parametrize("gone", [True, False])
def test_mail_for_another_service_that_is_gone_is_held(rig: Rig, *, gone: bool) -> None:
    """It cannot be left in the mailbox for that one; while it is there, it is."""
    rig.drop(mail("For somebody else"))
    with fetched(rig):
        pass
    if gone:
        remove(rig)
    rig.set(catchemail="else@example.org")
    rig.run()
    assert rig.outcomes == [("held" if gone else "ignored", "catchemail")]
    second = settings_of(rig.trac.env).services.add("second", {"kind": "maildir", "path": str(rig.maildir)})
    with rig.worker() as assembly:
        assembly.spine.run(second, assembly.settings.open(second))
    assert Counter(rig.outcomes)["created", "new"] == (0 if gone else 1)
    if gone:
        assert rig.trac.admin("mailintake", "held", "release", "1", "new").status == 0
        assert [ticket["summary"] for ticket in rig.trac.tickets()] == ["For somebody else"]


@pytest.mark.parametrize("hours", [1, 3])
def test_replies_do_not_wait_for_ever(rig: Rig, hours: int) -> None:
    """The service that fetched a mail is disabled, so nobody decides about it; it might be what they answer."""
    rig.drop(mail("Fetched"))
    with fetched(rig):
        pass
    remove(rig)
    services = settings_of(rig.trac.env).services
    services.set(SERVICE, {"enabled": "false"})
    second = services.add("second", {"kind": "maildir", "path": str(rig.maildir)})
    rig.drop(mail("Re: What Trac never saw", "In-Reply-To: <never@example.com>"))
    with rig.worker() as assembly:
        assembly.recovery.sweep()
        with rig.trac.env.db_transaction as db:
            db("UPDATE mailintake_delivery SET retry_at=retry_at-%s", (hours * HOUR,))
        source = assembly.settings.open(second)
        assembly.mailbox.reconcile(second, source.account, source.list())
        (reply,) = assembly.claims.claim(second, source.account, 10)
        source.close()
        wait = assembly.claims.parent_elsewhere(reply, ["<never@example.com>"])
    assert wait == (Wait(Seconds(0)) if hours == 1 else None)


def test_what_is_still_listed_is_not_fetched_again(rig: Rig) -> None:
    """It is filed from the archive, and its copy disposed of as always."""
    rig.drop(mail("Here"))
    with fetched(rig):
        pass
    rig.run()
    assert rig.outcomes == [("created", "new")]
    assert rig.left == []
    assert len(list((rig.trac.path / "files" / "mailintake" / "archive").rglob("*.mails"))) == 1
    assert trails(rig)[0].isdisjoint({"from-archive"})


def test_what_was_deferred_and_is_gone_is_decided(rig: Rig) -> None:
    """A plugin was down; somebody emptied the mailbox; the plugin is up again."""
    rig.drop(mail("One"), mail("Two"))
    rig.run(Down())
    remove(rig)
    (one, _) = rig.journal()
    assert (one["state"], one["failure"]) == ("sealed", "The directory is down.")
    entry = Journal(rig.trac.env).entries()[-1]
    assert entry.outcome == "deferred"
    assert entry.raw is not None
    settle(rig)
    assert Counter(rig.outcomes) == {("created", "new"): 2}
    assert all("from-archive" in each for each in trails(rig))


def test_what_was_fetched_ahead_does_not_vanish(rig: Rig) -> None:
    """A round ends with a batch that it has fetched, and not begun; somebody empties the mailbox at that moment."""
    number = BATCH + 3
    rig.drop(*(mail(f"Mail {each}") for each in range(number)))
    with rig.worker(Down()) as assembly:
        service = assembly.settings.services.get(SERVICE)
        assembly.spine.run(service, assembly.settings.open(service))
        remove(rig)
        rig.run(Down())  # another worker, before this one has ended
        assert Counter(row["state"] for row in rig.journal()) == {"sealed": number}


def test_what_is_gone_waits_as_long_as_it_fails(rig: Rig) -> None:
    """It does not vanish, however many runs there are."""
    rig.drop(mail("One"))
    rig.run(Down())
    remove(rig)
    for _ in range(3):
        with rig.trac.env.db_transaction as db:
            db("UPDATE mailintake_delivery SET retry_at=0")
        rig.run(Down())
        assert [row["state"] for row in rig.journal()] == ["sealed"]


def test_a_worker_whose_notes_are_lost(rig: Rig) -> None:
    """After a power cut its file may be gone: then nobody can tell that it is dead before its lease has run out."""
    rig.drop(mail("Lost note"))
    with fetched(rig):
        pass
    for path in (rig.trac.path / "files" / "mailintake" / "workers").iterdir():
        path.unlink()
    remove(rig)
    rig.run()
    assert [row["state"] for row in rig.journal()] == ["claimed"]
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET lease=1")
    rig.run()
    assert rig.outcomes == [("created", "new")]


def test_a_worker_that_ends_before_it_decides(rig: Rig) -> None:
    """It ends in order, because of an error that nobody expected: what it had fetched is kept."""
    rig.drop(mail("Fetched"))
    with fetched(rig, dies=False):
        pass
    assert [row["state"] for row in rig.journal()] == ["sealed"]
    remove(rig)
    rig.run()
    assert rig.outcomes == [("created", "new")]


def test_what_was_released_unbegun_is_fetched_again(rig: Rig) -> None:
    """Nothing of it was fetched, so nothing is kept; and if it is gone, it has vanished."""
    rig.drop(mail("One"), mail("Two"))
    with rig.worker() as assembly:
        service = assembly.settings.services.get(SERVICE)
        source = assembly.settings.open(service)
        assembly.mailbox.reconcile(service, source.account, source.list())
        assembly.claims.release(assembly.claims.claim(service, source.account, 100))
    assert [row["state"] for row in rig.journal()] == ["free", "free"]
    remove(rig, 0)
    rig.run()
    assert rig.outcomes == [("ignored", "vanished"), ("created", "new")]


def test_what_was_released_after_it_was_fetched_is_kept(rig: Rig) -> None:
    """The database was down when it was to be decided."""
    rig.drop(mail("Fetched"))
    with fetched(rig, dies=False) as (assembly, deliveries):
        assembly.claims.release(deliveries)
        assert [row["state"] for row in rig.journal()] == ["free"]
    assert [row["state"] for row in rig.journal()] == ["sealed"]
    remove(rig)
    rig.run()
    assert rig.outcomes == [("created", "new")]


@pytest.mark.parametrize("listed", [True, False])
def test_bytes_that_have_left_the_archive(rig: Rig, *, listed: bool) -> None:
    """A mail that is still listed is fetched again; one that is not is held, so that an administrator hears of it."""
    rig.drop(mail("Twice"))
    with fetched(rig):
        pass
    for path in (rig.trac.path / "files" / "mailintake" / "archive").rglob("*.mails"):
        with rig.worker() as assembly:
            assembly.recovery.sweep()
        path.unlink()
    if not listed:
        remove(rig)
    settle(rig)
    assert rig.outcomes == [("created", "new") if listed else ("held", "failed")]


def test_a_batch_that_no_row_names_is_removed(rig: Rig) -> None:
    """All its mails were fetched again by others."""
    rig.drop(mail("Twice"))
    with fetched(rig):
        with rig.trac.env.db_transaction as db:
            db("UPDATE mailintake_delivery SET lease=1, owner='elsewhere'")
        rig.run()
        assert rig.outcomes == [("created", "new")]
    rig.run()
    assert len(list((rig.trac.path / "files" / "mailintake" / "archive").rglob("*.mails"))) == 1


def test_a_live_claim_is_not_that_of_a_dead_worker(rig: Rig) -> None:
    """A restored database gives row and fencing number again, to another mail at the same place of the mailbox."""
    rig.drop(mail("Lost row"))
    with fetched(rig):
        pass
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET owner='another'")
    with rig.worker() as assembly:
        assembly.recovery.sweep()
    assert [row["state"] for row in rig.journal()] == ["claimed"]


def test_a_database_that_was_restored_gives_numbers_again(rig: Rig) -> None:
    """The batch of a dead worker names the number of a row that is another mail's by now: its bytes are not that's."""
    rig.drop(mail("Lost row"))
    with fetched(rig):
        pass
    remove(rig)
    with rig.trac.env.db_transaction as db:
        [(number,)] = db("SELECT id FROM mailintake_delivery")
        db("DELETE FROM mailintake_delivery")
    rig.drop(mail("New"))
    with fetched(rig, sealed=False), rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET id=%s", (number,))
    settle(rig)
    assert [ticket["summary"] for ticket in rig.trac.tickets()] == ["New"]
    assert rig.left == []
    kept = [each.raw.read() for path in archived(rig) for each in records.read(str(path))]
    assert sorted(b"Lost row" in each for each in kept) == [False, True]


def test_a_batch_stays_if_its_numbers_are_others_by_now(rig: Rig) -> None:
    """All of these are decided, so that nothing seems to be missing."""
    rig.drop(mail("Lost row"))
    with fetched(rig):
        pass
    remove(rig)
    with rig.trac.env.db_transaction as db:
        [(number,)] = db("SELECT id FROM mailintake_delivery")
        db("DELETE FROM mailintake_delivery")
    rig.drop(mail("New"))
    with rig.worker() as assembly:
        service = assembly.settings.services.get(SERVICE)
        assembly.spine.run(service, assembly.settings.open(service))
        with rig.trac.env.db_transaction as db:
            db("UPDATE mailintake_delivery SET id=%s", (number,))
    rig.run()
    kept = [each.raw.read() for path in archived(rig) for each in records.read(str(path))]
    assert sorted(b"Lost row" in each for each in kept) == [False, True]


def archived(rig: Rig) -> list[Path]:
    """The batches of the archive."""
    return sorted((rig.trac.path / "files" / "mailintake" / "archive").rglob("*.mails"))
