"""The archive's mails and their rows: a number alone does not make a row that of a mail."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.builders import delivery
from tests.rig import Rig, mail
from trac_mailintake.tracker.archive.records import Record, read
from trac_mailintake.tracker.archive.store import found
from trac_mailintake.tracker.deliveries import archive_rows

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.tracker.archive.records import Archived


@pytest.fixture
def rig(trac_env: TracEnv, tmp_path: Path) -> Rig:
    """An environment with a service."""
    return Rig(trac_env, tmp_path)


def filed(rig: Rig, number: int = 3) -> tuple[str, list[Archived]]:
    """A batch of mails that have become tickets, and what its records say."""
    rig.drop(*(mail(f"Mail {each}") for each in range(number)))
    rig.run()
    batch = rig.journal()[-1]["archive"]
    return batch, read(found(rig.trac.env, batch, 0, 0).path)


def test_a_mail_has_a_row_of_its_number_mailbox_and_place(rig: Rig) -> None:
    """If any of these differs, the row is another mail's."""
    _, mails = filed(rig)
    with rig.trac.env.db_query as db:
        assert archive_rows.claimed_by(db, mails) == mails
        for changed in ({"delivery": 99}, {"account": "f" * 64}, {"locator": "elsewhere"}):
            other = replace(mails[1], record=replace(mails[1].record, **changed))
            assert archive_rows.claimed_by(db, [mails[0], other, mails[2]]) == [mails[0], mails[2]], changed
        assert archive_rows.claimed_by(db, []) == []


def test_a_batch_is_forgotten_if_one_of_its_mails_is(rig: Rig) -> None:
    """Its rows are lost, or those of other mails by now; also if the mail was not sealed."""
    batch, mails = filed(rig)
    env = rig.trac.env
    assert not archive_rows.forgotten(env, batch)
    assert not archive_rows.forgotten(env, "archive/2001/01/01/none-1.mails")
    with env.db_transaction as db:
        db("UPDATE mailintake_delivery SET locator='another' WHERE id=%s", (mails[2].record.delivery,))
    assert archive_rows.forgotten(env, batch)
    path = found(env, batch, 0, 0).path
    with open(path, "wb") as file:
        file.write(Record.of(delivery(id=99)).written(path.rpartition("/")[2]) + b"not seal")
    assert archive_rows.forgotten(env, batch)


def test_what_was_put_off_may_not_be_what_is_there_now(rig: Rig) -> None:
    """A database that was put back has the same number, place and fencing number, but the message is another."""
    _, mails = filed(rig)
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET state='free', owner=NULL, sha256=NULL, archive=NULL")
        assert archive_rows.claimed_by(db, mails) == mails
        assert archive_rows.lost(db, mails) == []
        db("UPDATE mailintake_delivery SET fingerprint='another' WHERE id=%s", (mails[1].record.delivery,))
        assert archive_rows.claimed_by(db, mails) == [mails[0], mails[2]]
        assert archive_rows.lost(db, mails) == [mails[1]]


def test_a_row_from_before_the_claim_does_not_know_of_it(rig: Rig) -> None:
    """It was put back, and is undecided: its mail may be in the archive only. One that was claimed later will see."""
    _, mails = filed(rig)
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET state='deferred', owner=NULL, sha256=NULL, archive=NULL")
        db("UPDATE mailintake_delivery SET fence=fence-1 WHERE id=%s", (mails[0].record.delivery,))
        db("UPDATE mailintake_delivery SET fence=fence+1 WHERE id=%s", (mails[1].record.delivery,))
        assert archive_rows.lost(db, mails) == [mails[0]]
