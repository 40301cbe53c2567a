"""No mail stays undecided for ever because nothing takes it up any more: removed and moved services, pipes."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from tests.rig import SERVICE, Rig, mail
from tests.tracker.deliveries.test_recovery import Down, die
from trac_mailintake.bootstrap import assemble_intake, settings_of
from trac_mailintake.runs.settle_unserved import settle
from trac_mailintake.sources.local.stdin import PipeSource
from trac_mailintake.tracker.db.transaction import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import Finished, TracEnv
    from trac_mailintake.runs.result import RoundResult


@pytest.fixture
def rig(sqlite_env: TracEnv, tmp_path: Path) -> Rig:
    """An environment with a service."""
    return Rig(sqlite_env, tmp_path)


def settled(rig: Rig) -> list[RoundResult]:
    """What a run does besides its services."""
    heard: list[RoundResult] = []
    with rig.worker() as assembly:
        assembly.recovery.sweep()
        settle(rig.trac.env, assembly, heard.append)
    return heard


def later(rig: Rig, microseconds: int) -> None:
    """So much time passes for the mail that waits."""
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET retry_at=retry_at-%s", (microseconds,))


def claim_and_die(rig: Rig) -> None:
    """A run is killed just after it claimed its mail."""
    assembly = assemble_intake(rig.trac.env)
    service = assembly.settings.services.get(SERVICE)
    source = assembly.settings.open(service)
    assembly.mailbox.reconcile(service, source.account, source.list())
    assert assembly.claims.claim(service, source.account, 100)
    source.close()
    die(assembly)


def move(rig: Rig) -> None:
    """The mailbox goes elsewhere, and the service follows it."""
    there = rig.maildir.with_name("elsewhere")
    rig.maildir.rename(there)
    rig.maildir = there
    rig.set(path=str(there))


def states(rig: Rig) -> list[str]:
    """The state of each delivery, the oldest first."""
    return [str(row["state"]) for row in rig.journal()]


# no service reads the mailbox any more -------------------------------------------------------------------------------


def test_claims_of_a_killed_run_end_after_the_service_was_pointed_elsewhere(rig: Rig) -> None:
    """The mail is filed from its new place; nothing is in work for ever, and monitoring is quiet."""
    rig.drop(mail("number 1"), mail("number 2"))
    claim_and_die(rig)
    move(rig)
    assert rig.trac.admin("mailintake", "run", "--force").status == 0
    assert [outcome for outcome, _ in rig.outcomes] == ["ignored", "ignored", "created", "created"]
    assert {row["rule"] for row in rig.journal()[:2]} == {"vanished"}
    assert "removed or pointed elsewhere" in rig.journal()[0]["reason"]
    assert rig.trac.admin("mailintake", "status").status == 0


def test_a_claim_that_is_held_does_not_end(rig: Rig) -> None:
    """Its worker may be about to record it, whatever has become of the service."""
    rig.drop(mail("number 1"))
    with rig.worker() as assembly:
        service = assembly.settings.services.get(SERVICE)
        source = assembly.settings.open(service)
        assembly.mailbox.reconcile(service, source.account, source.list())
        assert assembly.claims.claim(service, source.account, 100)
        settings_of(rig.trac.env).services.remove(SERVICE)
        settled(rig)
        assert states(rig) == ["claimed"]
    settled(rig)
    assert states(rig) == ["ignored"]


def test_archived_mail_of_a_removed_service_is_held(rig: Rig) -> None:
    """Not before an hour has passed; with its subject and a true reason. It can be released, or discarded."""
    rig.drop(mail("number 1"), mail("number 2"))
    rig.run(Down())
    settings_of(rig.trac.env).services.remove(SERVICE)
    later(rig, HOUR - MINUTE)
    settled(rig)
    assert states(rig) == ["sealed", "sealed"]
    later(rig, 2 * MINUTE)
    settled(rig)
    assert rig.outcomes == [("held", "unserved"), ("held", "unserved")]
    assert "number 1" in rig.trac.admin("mailintake", "held", "list").out
    assert "which no service reads any more" in rig.trac.admin("mailintake", "journal", "show", "1").out
    assert "was removed" in rig.trac.admin("mailintake", "held", "retry", "1").err
    assert rig.trac.admin("mailintake", "held", "release", "1", "new").status == 0
    assert rig.trac.admin("mailintake", "held", "discard", "2").status == 0
    assert states(rig) == ["created", "discarded"]
    assert len(rig.trac.tickets()) == 1


def test_archived_mail_of_a_moved_service_is_filed_from_its_new_place(rig: Rig) -> None:
    """Its copy came along: what the archive has besides is a duplicate, and nobody has to look at it."""
    rig.drop(mail("number 1"))
    rig.run(Down())
    move(rig)
    rig.run()
    later(rig, 2 * HOUR)
    settled(rig)
    assert [outcome for outcome, _ in rig.outcomes] == ["duplicate", "created"]


def test_the_mailbox_of_another_environment_is_settled_too(rig: Rig, tmp_path: Path) -> None:
    """In a copy whose service was pointed elsewhere, the claims of the original's mailbox end, though it owns that."""
    rig.run()
    rig.drop(mail("number 1"))
    claim_and_die(rig)
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_mailbox SET instance='the original'")
    (tmp_path / "other").mkdir()
    rig.set(kind="directory", path=str(tmp_path / "other"))
    settled(rig)
    assert states(rig) == ["ignored"]
    assert rig.trac.query("SELECT instance FROM mailintake_mailbox") == [("the original",)]


@pytest.mark.parametrize("change", [{"enabled": "false"}, {"handler": "comment"}])
def test_mail_of_a_service_that_is_still_there_waits(rig: Rig, change: dict[str, str]) -> None:
    """It may be disabled for a month."""
    rig.drop(mail("number 1"))
    rig.run(Down())
    rig.set(**change)
    later(rig, 30 * DAY)
    settled(rig)
    assert states(rig) == ["sealed"]


def test_another_service_on_the_mailbox_takes_it_up(rig: Rig) -> None:
    """Only the last one leaves its mail behind."""
    settings_of(rig.trac.env).services.add("second", {"kind": "maildir", "path": str(rig.maildir)})
    rig.drop(mail("number 1"))
    rig.run(Down())
    settings_of(rig.trac.env).services.remove(SERVICE)
    later(rig, 2 * HOUR)
    settled(rig)
    assert states(rig) == ["sealed"]


def test_nothing_is_settled_while_a_service_cannot_be_opened(rig: Rig) -> None:
    """Which mailbox it reads is not known then: its plugin may be missing for an hour."""
    rig.drop(mail("number 1"))
    claim_and_die(rig)
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_service SET handler='gone'")
    settled(rig)
    assert states(rig) == ["claimed"]


# a mail server handed it to a pipe -----------------------------------------------------------------------------------


class Handed:
    """Mail for the service `pipe`."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        settings_of(rig.trac.env).services.add("pipe", {"kind": "pipe"})

    def deferred(self, content: bytes) -> None:
        """It is archived, and its mail server is told to keep it."""
        (self.rig.trac.path / "plugins" / "down.py").write_text(DOWN)
        assert self.again(content).status == 75
        (self.rig.trac.path / "plugins" / "down.py").unlink()
        assert self.rig.trac.command("mailintake", "plugin", "forget", "down.Down").status == 0
        assert states(self.rig) == ["sealed"]

    def again(self, content: bytes) -> Finished:
        """Its mail server hands it over."""
        return self.rig.deliver(content)


DOWN = """
from trac.core import Component, implements
from trac_mailintake.api import IMailintakePlugin, hookimpl
from trac_mailintake.intake.errors import TemporaryFailure


class Down(Component):
    implements(IMailintakePlugin)

    @hookimpl
    def mailintake_screen(self, message):
        raise TemporaryFailure("The directory is down.")
"""


def test_a_mail_that_its_server_gave_up_is_decided_from_the_archive(rig: Rig) -> None:
    """By the first run a day after the last attempt. If it comes after all, its server hears what became of it."""
    handed, content = Handed(rig), mail("number 1")
    handed.deferred(content)
    later(rig, DAY - MINUTE)
    assert settled(rig) == []
    assert states(rig) == ["sealed"]
    later(rig, 2 * HOUR)
    [done] = settled(rig)
    assert (done.service, done.counts) == ("pipe", {"created": 1})
    again = handed.again(content)
    assert (again.status, states(rig)) == (0, ["created"])
    assert "created #1" in again.out + again.err


@pytest.mark.parametrize("change", ["enabled=0", "stopped='It failed.'"])
def test_a_pipe_that_takes_nothing_decides_nothing(rig: Rig, change: str) -> None:
    """Until an administrator lets it go on."""
    Handed(rig).deferred(mail("number 1"))
    with rig.trac.env.db_transaction as db:
        db(f"UPDATE mailintake_service SET {change} WHERE name='pipe'")
    later(rig, 2 * DAY)
    assert settled(rig) == []
    assert states(rig) == ["sealed"]


def test_what_a_pipe_never_read_whole_ends_after_a_week(rig: Rig) -> None:
    """Its process was killed while it read; mail servers give up after five days."""
    handed = Handed(rig)
    handed.deferred(mail("number 1"))
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET state='claimed', owner=%s, archive=NULL, lease=0", ("0" * 32,))
    later(rig, 6 * DAY)
    settled(rig)
    assert states(rig) == ["claimed"]
    later(rig, 2 * DAY)
    settled(rig)
    assert rig.outcomes == [("ignored", "vanished")]
    assert "hand it over again" in rig.journal()[0]["reason"]


def test_a_delivery_that_is_killed_while_others_settle_may_come_again(rig: Rig) -> None:
    """Nobody had noticed its death when the run began: the mail has not waited for a week, but for no time at all."""
    settings_of(rig.trac.env).services.add("pipe", {"kind": "pipe"})
    heard: list[RoundResult] = []
    with rig.worker() as assembly:
        assembly.recovery.sweep()
        killed = assemble_intake(rig.trac.env)
        source, service = PipeSource(BytesIO(mail()), "pipe"), killed.settings.services.get("pipe")
        killed.mailbox.reconcile(service, source.account, source.list())
        assert killed.claims.claim(service, source.account, 1)
        die(killed)
        settle(rig.trac.env, assembly, heard.append)
    assert (heard, states(rig)) == ([], ["claimed"])


def test_other_mail_of_a_pipe_is_left_alone_by_a_hand_over(rig: Rig) -> None:
    """A delivery decides about its own mail: another one could keep its mail server waiting."""
    handed = Handed(rig)
    handed.deferred(mail("number 1"))
    later(rig, 2 * DAY)
    assert handed.again(mail("number 2")).status == 0
    assert states(rig) == ["sealed", "created"]
