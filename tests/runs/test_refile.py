"""An older database is put back: what only the archive has is filed again, once, and nobody outside hears of it."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.rig import SERVICE, Rig, id_of, mail
from tests.tracker.deliveries.test_inventory import known, restored
from tests.tracker.deliveries.test_recovery import Down, fetched
from trac_mailintake.bootstrap import settings_of
from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake.errors import Misconfiguration
from trac_mailintake.intake.model import Status
from trac_mailintake.runs.refile import Refile, plan
from trac_mailintake.tracker.archive.store import BUSY, alone
from trac_mailintake.tracker.journal.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.runs.refile import Refiled

AUTOMATIC = "Auto-Submitted: auto-replied"


class Wrong:
    """A plugin whose setting is wrong."""

    @hookimpl
    def mailintake_screen(self, message: object) -> None:
        """See `hookspecs`."""
        raise Misconfiguration("The plugin is set up wrongly.")


@pytest.fixture
def rig(trac_env: TracEnv, tmp_path: Path) -> Rig:
    """An environment with a service."""
    return Rig(trac_env, tmp_path)


def refile(rig: Rig, *extra: object, service: str = "") -> Refiled:
    """Refile everything, or what is of one service."""
    with rig.worker(*extra) as assembly:
        return Refile(rig.trac.env, assembly).run(None, service)


def filed(rig: Rig) -> list[tuple[str, int]]:
    """The subject of each ticket, and how many comments it has."""
    sql = "SELECT ticket FROM ticket_change WHERE field='comment' AND newvalue<>''"
    comments = Counter(ticket for (ticket,) in rig.trac.query(sql))
    return sorted((ticket["summary"], comments[ticket["id"]]) for ticket in rig.trac.tickets())


def columns(rig: Rig, names: str) -> list[tuple[Any, ...]]:
    """Columns of the deliveries, the oldest first."""
    return [tuple(row) for row in rig.trac.query(f"SELECT {names} FROM mailintake_delivery ORDER BY id")]


@pytest.mark.parametrize("seed", range(6))
def test_what_was_lost_is_filed_again_once(rig: Rig, seed: int) -> None:
    """Questions, answers to earlier and to lost mail, and mail that is held, in any number of batches."""
    chance = random.Random(seed)  # noqa: S311 - test data, not secrets
    rig.drop(first := mail("Yesterday"))
    rig.run()
    ids = [id_of(first)]
    before = filed(rig)
    with restored(rig):
        for number in range(chance.randrange(1, 5)):
            for each in range(chance.randrange(1, 6)):
                answers = [f"In-Reply-To: {chance.choice(ids)}"] if chance.random() < 0.4 else []
                fields = [AUTOMATIC] if chance.random() < 0.2 else answers
                rig.drop(sent := mail(f"Mail {number}.{each}", *fields))
                if not fields:
                    ids.append(id_of(sent))
            rig.run()
        after = filed(rig)
        outcomes = Counter(rig.outcomes)
    with rig.trac.env.db_transaction as db:
        db("DELETE FROM ticket_change WHERE ticket NOT IN (SELECT id FROM ticket)")
        db("DELETE FROM ticket_change WHERE field='comment'")
    assert filed(rig) == [(subject, 0) for subject, _ in before]
    done = refile(rig)
    assert done.error == ""
    assert filed(rig) == after
    assert Counter(rig.outcomes) == outcomes
    for again in (refile(rig), refile(rig)):
        assert (again.plan.mails, sum(report.counts.total() for report in again.reports.values())) == ([], 0)
    rig.run()
    assert filed(rig) == after
    assert set(known(rig)) == {"row"}


@pytest.mark.parametrize("afterwards", ["leave", "delete"])
def test_a_copy_in_the_mailbox_is_known(rig: Rig, afterwards: str) -> None:
    """Its row has its locator: it is not fetched again, and is disposed of as the service says."""
    rig.set(afterwards="leave")
    with restored(rig):
        rig.drop(mail("One"), mail("Two"))
        rig.run()
    rig.set(afterwards=afterwards)
    refile(rig)
    rig.run()
    assert len(rig.left) == (2 if afterwards == "leave" else 0)
    assert rig.outcomes == [("created", "new")] * 2
    assert len(list((rig.trac.path / "files" / "mailintake" / "archive").rglob("*.mails"))) == 1


def test_a_run_that_came_first_has_filed_it(rig: Rig) -> None:
    """The mailbox still had it, so that the run took it for new: then nothing is left to be refiled."""
    rig.set(afterwards="leave")
    with restored(rig):
        rig.drop(mail("One"))
        rig.run()
    rig.run()
    assert refile(rig).plan.mails == []
    assert rig.outcomes == [("created", "new")]


@pytest.mark.parametrize("afterwards", ["leave", "delete"])
@pytest.mark.parametrize("first", ["refile", "run"])
def test_what_was_undecided_in_the_backup_was_filed_since(rig: Rig, afterwards: str, first: str) -> None:
    """The backup has a row for it, put off. Its copy may have gone since, so that no run will file it from there."""
    rig.set(afterwards=afterwards)
    rig.drop(mail("Put off"), mail("Put off, too"))
    with rig.worker() as assembly:
        service = assembly.settings.services.get(SERVICE)
        source = assembly.settings.open(service)
        assembly.mailbox.reconcile(service, source.account, source.list())
        assembly.claims.release(assembly.claims.claim(service, source.account, 10))
    with rig.trac.env.db_query as db:
        cursor = db.cursor()
        cursor.execute("SELECT * FROM mailintake_delivery")
        titles = [column[0] for column in cursor.description]
        backup = cursor.fetchall()
    with restored(rig):
        rig.run()
    with rig.trac.env.db_transaction as db:
        db("DELETE FROM mailintake_delivery")
        db("DELETE FROM mailintake_message_id")
        db("DELETE FROM ticket")
        marks = ", ".join(["%s"] * len(titles))
        db.executemany(f"INSERT INTO mailintake_delivery ({', '.join(titles)}) VALUES ({marks})", backup)
    if first == "run":
        rig.run()
    refile(rig)
    rig.run()
    assert filed(rig) == [("Put off", 0), ("Put off, too", 0)]
    assert refile(rig).plan.mails == []


def test_nobody_is_told_and_no_rate_counts(rig: Rig) -> None:
    """As in a first run: the mail is not of today. The journal says how it came there."""
    rig.trac.set(("notification", "smtp_enabled", "true"))
    rig.set(acknowledge="always", notify_sender="refused", rate_sender="1", rate_ticket="1", block="bad.example")
    rig.run()
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_service SET last_success=1")
    with restored(rig):
        rig.drop(mail("One"), mail("No subject", sender="x@bad.example"))
        rig.run()
    with restored(rig):
        rig.drop(*(mail(f"Mail {each}") for each in range(4)))
        rig.set(rate_sender="0")
        rig.run()
        rig.set(rate_sender="1")
    with rig.trac.env.db_transaction as db:
        db("DELETE FROM mailintake_outbox")
        db("DELETE FROM mailintake_notice")
    refile(rig)
    assert Counter(outcome for outcome, _ in rig.outcomes) == {"created": 5, "rejected": 1}
    assert set(columns(rig, "acknowledge, counted, refiled")) == {(0, 0, 1)}
    assert rig.trac.query("SELECT kind FROM mailintake_outbox") == []
    trails = [{step.rule for step in entry.trail} for entry in Journal(rig.trac.env).entries()]
    assert all("filed-from-archive" in trail for trail in trails)


def test_what_is_filed_already_is_a_duplicate(rig: Rig) -> None:
    """Only the journal's rows were lost, not what they led to."""
    rig.drop(mail("One"), mail("Two"))
    rig.run()
    with rig.trac.env.db_transaction as db:
        db("DELETE FROM mailintake_delivery")
    done = refile(rig)
    assert done.reports[SERVICE].counts[Status.DUPLICATE] == 2
    assert filed(rig) == [("One", 0), ("Two", 0)]


@pytest.mark.parametrize("listed", [True, False])
def test_what_cannot_be_decided_now_is_decided_later(rig: Rig, *, listed: bool) -> None:
    """By the next run, or by the next refiling: it is of long ago all the same."""
    rig.set(afterwards="leave" if listed else "delete", acknowledge="always")
    with restored(rig):
        rig.drop(mail("One"), mail("Two"))
        rig.run()
    done = refile(rig, Down())
    assert "The directory is down." in done.error
    assert columns(rig, "state, refiled") == [("sealed", 1)] * 2
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET retry_at=0")
    if listed:
        rig.run()
    else:
        assert refile(rig).plan.mails == []
    assert columns(rig, "state, acknowledge, counted") == [("created", 0, 0)] * 2


def test_a_plugin_that_fails_each_time_ends_it(rig: Rig) -> None:
    """Not before it has failed for five; the rest is not entered."""
    with restored(rig):
        rig.drop(*(mail(f"Mail {each}") for each in range(103)))
        rig.run()
    done = refile(rig, Wrong())
    assert "The plugin is set up wrongly." in done.error
    assert len(columns(rig, "id")) == 100
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET retry_at=0")
    assert refile(rig).error == ""
    assert len(filed(rig)) == 103


def test_batches_of_live_processes_are_left_out(rig: Rig) -> None:
    """They are still being decided; so are those of a dead one, until a run has cleaned up after it."""
    rig.drop(mail("At work"))
    with fetched(rig):
        with rig.trac.env.db_transaction as db:
            db("DELETE FROM mailintake_delivery")
        assert len(plan(rig.trac.env, [SERVICE]).skipped) == 1
        done = refile(rig)
        assert (len(done.plan.skipped), done.plan.mails, columns(rig, "id")) == (1, [], [])
    assert len(plan(rig.trac.env, [SERVICE]).skipped) == 1
    assert refile(rig).reports[SERVICE].counts[Status.CREATED] == 1


def test_mail_of_a_service_that_is_gone_waits_for_it(rig: Rig) -> None:
    """Its rules are not there. A service of that name brings them back."""
    with restored(rig):
        rig.drop(mail("One"))
        rig.run()
    settings_of(rig.trac.env).services.remove(SERVICE)
    settings_of(rig.trac.env).services.add("other", {"kind": "maildir", "path": str(rig.maildir)})
    done = refile(rig)
    assert (done.plan.orphans, done.plan.mails, columns(rig, "id")) == ({SERVICE: 1}, [], [])
    settings_of(rig.trac.env).services.add(SERVICE, {"kind": "maildir", "path": str(rig.maildir)})
    assert refile(rig, service="other").plan.mails == []
    refile(rig, service=SERVICE)
    assert filed(rig) == [("One", 0)]


@pytest.mark.parametrize("shared", [True, False])
def test_mail_for_somebody_else(rig: Rig, *, shared: bool) -> None:
    """Another service on the mailbox has fetched it for itself; where there is none, somebody must look at it."""
    if shared:
        settings_of(rig.trac.env).services.add("second", {"kind": "maildir", "path": str(rig.maildir)})
    with restored(rig):
        rig.drop(mail("For whom?"))
        rig.run()
    rig.set(catchemail="else@example.org")
    refile(rig)
    assert rig.outcomes == [("ignored" if shared else "held", "catchemail")]


def test_only_one_refiles_at_a_time(rig: Rig) -> None:
    """Two would enter the same mail."""
    with alone(rig.trac.env) as free:
        assert free
        assert refile(rig).error == BUSY
    assert refile(rig).error == ""


def test_progress_is_told(rig: Rig) -> None:
    """In mails, after each group."""
    with restored(rig):
        rig.drop(*(mail(f"Mail {each}") for each in range(103)))
        rig.run()
    told: list[tuple[int, int]] = []
    with rig.worker() as assembly:
        Refile(rig.trac.env, assembly, lambda done, total: told.append((done, total))).run()
    assert told == [(100, 103), (103, 103)]
