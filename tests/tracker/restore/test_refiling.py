"""Rows for mail that the archive has: each once, whatever runs do meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rig import SERVICE, Rig, mail
from tests.tracker.deliveries.test_inventory import restored
from trac_mailintake.intake.model import Account
from trac_mailintake.tracker.deliveries import inventory
from trac_mailintake.tracker.deliveries.rows import live_key

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.tracker.archive.records import Archived


@pytest.fixture
def rig(trac_env: TracEnv, tmp_path: Path) -> Rig:
    """An environment with a service that leaves its mail."""
    return Rig(trac_env, tmp_path, afterwards="leave")


def lose(rig: Rig, *subjects: str) -> list[Archived]:
    """Mails that only the archive has, and their mailbox."""
    with restored(rig):
        rig.drop(*map(mail, subjects))
        rig.run()
    return [mail for batch in inventory.batches(rig.trac.env) for mail in batch.lost()]


def test_a_row_has_all_that_the_record_has(rig: Rig) -> None:
    """It is as it would be if it had been fetched and put off."""
    names = "service, account, label, locator, fingerprint, size, arrived, live, archive, archive_length, sha256"
    before: list[tuple[object, ...]] = []
    with restored(rig):
        rig.drop(mail("One"))
        rig.run()
        before = rig.trac.query(f"SELECT {names}, archive_offset FROM mailintake_delivery")
    mails = [mail for batch in inventory.batches(rig.trac.env) for mail in batch.lost()]
    with rig.worker() as assembly:
        assert assembly.refiling.enter(assembly.settings.services.get(SERVICE), mails) == 1
    assert rig.trac.query(f"SELECT {names}, archive_offset FROM mailintake_delivery") == before
    states = rig.trac.query("SELECT state, owner, fence, refiled, attempts FROM mailintake_delivery")
    assert [tuple(row) for row in states] == [("sealed", None, 1, 1, 0)]


def test_a_mail_is_entered_once(rig: Rig) -> None:
    """However often, and whatever somebody else believes to be lost."""
    mails = lose(rig, "One", "Two")
    with rig.worker() as assembly:
        service = assembly.settings.services.get(SERVICE)
        assert [assembly.refiling.enter(service, mails) for _ in range(3)] == [2, 0, 0]
        assert assembly.refiling.enter(service, []) == 0


def test_what_a_run_has_in_hand_is_left_to_it(rig: Rig) -> None:
    """It has listed the copy, and will file it from there; afterwards the mail has a row."""
    mails = lose(rig, "One")
    with rig.worker() as run, rig.worker() as other:
        service = run.settings.services.get(SERVICE)
        source = run.settings.open(service)
        run.mailbox.reconcile(service, source.account, source.list())
        [claimed] = run.claims.claim(service, source.account, 10)
        assert other.refiling.enter(service, mails) == 0
        run.claims.release([claimed])
    rig.run()
    with rig.worker() as assembly:
        assert assembly.refiling.enter(service, mails) == 0
    assert [ticket["summary"] for ticket in rig.trac.tickets()] == ["One"]


def test_a_place_that_is_another_mails_by_now(rig: Rig) -> None:
    """Both have rows; the one that was refiled does not pass for the one that is listed."""
    mails = lose(rig, "Old")
    for path in (rig.maildir / "new").iterdir():
        path.write_bytes(mail("New"))
    rig.run()
    with rig.worker() as assembly:
        service = assembly.settings.services.get(SERVICE)
        assert assembly.refiling.enter(service, mails) == 1
        assembly.spine.take(service, assembly.refiling.claim(service, 10, shared=False))
    rig.run()
    assert sorted(ticket["summary"] for ticket in rig.trac.tickets()) == ["New", "Old"]
    assert len(rig.left) == 1


def test_a_service_that_reads_another_mailbox_by_now(rig: Rig, tmp_path: Path) -> None:
    """Its mail is of the mailbox from which it was fetched, whatever kind that was, and its rules are those of now."""
    mails = lose(rig, "One")
    rig.set(kind="directory", path=str(tmp_path), afterwards="leave", catchemail="else@example.org")
    with rig.worker() as assembly:
        service = assembly.settings.services.get(SERVICE)
        kinds = assembly.settings.rules.kinds
        assembly.refiling.enter(service, mails)
        [claimed] = assembly.refiling.claim(service, 10, shared=True, kinds=kinds)
        assert claimed.account == Account("maildir", mails[0].record.label)
        assembly.spine.take(service, [claimed])
    [(state, live)] = rig.trac.query("SELECT state, live FROM mailintake_delivery")
    assert (state, str(live)[:24]) == ("ignored", live_key(claimed.account, claimed.listed)[:24])


def test_mail_that_a_process_died_with_comes_alone(rig: Rig) -> None:
    """So that it is known which it was."""
    mails = lose(rig, *(f"Mail {each}" for each in range(5)))
    with rig.worker() as assembly:
        service = assembly.settings.services.get(SERVICE)
        assembly.refiling.enter(service, mails)
        numbers = [number for (number,) in rig.trac.query("SELECT id FROM mailintake_delivery ORDER BY id")]
        with rig.trac.env.db_transaction as db:
            db("UPDATE mailintake_delivery SET alone=1, deaths=2 WHERE id=%s", (numbers[2],))
            db("UPDATE mailintake_delivery SET retry_at=%s WHERE id=%s", (4 * 10**15, numbers[4]))
        groups = []
        while deliveries := assembly.refiling.claim(service, 10, shared=True):
            groups.append([(each.id, each.deaths, each.fence, each.refiled) for each in deliveries])
            assembly.spine.take(service, deliveries)
    assert [[number for number, *_ in group] for group in groups][:2] == [numbers[:2], [numbers[2]]]
    assert groups[1] == [(numbers[2], 2, 2, True)]
