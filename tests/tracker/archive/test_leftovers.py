"""A batch that a dead worker left is removed once there is another copy, and kept if it is the only one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.rig import SERVICE, Rig, mail
from trac_mailintake.tracker.archive import records

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

UNDONE = (
    "UPDATE mailintake_delivery SET state='claimed', rule=NULL, reason=NULL, archive=NULL, consumed=0, recorded=NULL"
)
"""What a power cut makes of the rows if the server flushed nothing but the claims."""


@pytest.fixture
def rig(trac_env: TracEnv, tmp_path: Path) -> Rig:
    """An environment with a service."""
    return Rig(trac_env, tmp_path)


def die(rig: Rig, *undone: str) -> None:
    """Take all mail, with its copies in the mailbox, and go down with the power; the database lost these changes."""
    with rig.worker() as assembly:
        service = assembly.settings.services.get(SERVICE)
        report = assembly.spine.run(service, assembly.settings.open(service))
        assert not report.error + report.down
        assert rig.left == []
        assembly.worker._file.close()  # its lock is let go, its file stays
        with rig.trac.env.db_transaction as db:
            for sql in undone:
                db(sql)


def kept(rig: Rig, folder: str = "archive") -> list[Path]:
    """The files that intake has in a folder."""
    return [path for path in sorted((rig.trac.path / "files" / "mailintake" / folder).rglob("*")) if path.is_file()]


def archived(batch: Path) -> bytes:
    """The only mail of a batch."""
    [mail] = records.read(str(batch))
    return mail.raw.read()


def unseal(rig: Rig) -> Path:
    """Leave of the only batch what its worker had written when it died before it was sealed."""
    [batch] = kept(rig)
    [mail] = records.read(str(batch))
    opened = replace(mail.record, length=None, sha256="")
    batch.write_bytes(opened.written(batch.name) + mail.raw.read())
    return batch


def strip(rig: Rig) -> Path:
    """Leave of the only batch what version 0.1 would have written: mails without records."""
    [batch] = kept(rig)
    batch.write_bytes(archived(batch))
    return batch


def test_what_is_in_no_mailbox_any_more_stays_in_the_archive(rig: Rig) -> None:
    """The database has lost what became of it, and nothing says which bytes are its. The journal names the file."""
    lost = mail("Lost?")
    rig.drop(lost)
    die(rig, UNDONE)
    strip(rig)
    for _ in range(3):
        rig.run()
        assert rig.outcomes == [("ignored", "vanished")]
        [batch] = kept(rig)
        assert batch.read_bytes() == lost
        assert str(batch.relative_to(rig.trac.path)) in rig.journal()[0]["reason"]
    assert kept(rig, "workers") == []


def test_what_the_database_has_forgotten_stays_in_the_archive(rig: Rig) -> None:
    """It lost the claims, too: no row tells of that mail."""
    lost = mail("Lost?")
    rig.drop(lost)
    die(rig, "DELETE FROM mailintake_delivery")
    for _ in range(2):
        rig.run()
        assert [archived(batch) for batch in kept(rig)] == [lost]
    assert kept(rig, "workers") == []


def test_what_a_torn_note_tells_nothing_of_stays_in_the_archive(rig: Rig) -> None:
    """The power went while the worker's note was written back."""
    rig.drop(mail("Lost?"))
    die(rig, "DELETE FROM mailintake_delivery")
    [note] = kept(rig, "workers")
    for words in (note.read_text().rpartition(" ")[0], note.read_text()[:25]):
        note.write_text(words)
        rig.run()
        assert len(kept(rig)) == 1
        assert kept(rig, "workers") == []


def test_what_is_still_in_the_mailbox_goes_from_the_archive(rig: Rig) -> None:
    """Once it was archived anew, and not before: until then nobody knows."""
    again = mail("Twice")
    rig.drop(again)
    [name] = [path.name for path in (rig.maildir / "new").iterdir()]
    die(rig, UNDONE, "DELETE FROM mailintake_message_id", "DELETE FROM ticket")
    (rig.maildir / "new" / name).write_bytes(again)
    batch = unseal(rig)
    with rig.worker() as assembly:
        assembly.recovery.sweep()
        assert kept(rig) == [batch]
    assert kept(rig) == [batch]
    rig.run()
    assert [row["outcome"] for row in rig.journal()] == ["created"]
    [anew] = kept(rig)
    assert (anew != batch, archived(anew)) == (True, again)
    assert kept(rig, "workers") == []


def test_what_is_kept_grows_old_like_all_mail(rig: Rig) -> None:
    """`purge` removes it after `archive_days`."""
    rig.drop(mail("Lost?"))
    die(rig, UNDONE)
    batch = unseal(rig)
    rig.run()
    old = batch.parents[3] / "2020" / "01" / "01"
    old.mkdir(parents=True)
    batch.rename(old / batch.name)
    rig.trac.env.config.set("mailintake", "archive_days", "365")
    assert rig.trac.command("mailintake", "purge").status == 0
    assert kept(rig) == []
