"""One round of one service goes the same way, whoever starts it, and never raises what would stop the others."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from tests.fakes import FakeSource
from tests.rig import SERVICE, Rig, mail
from trac_mailintake.bootstrap import settings_of
from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.runs.result import Ending
from trac_mailintake.runs.run_service import ServiceRun, conclusion

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.intake.model import Listed
    from trac_mailintake.mail.message import Message
    from trac_mailintake.runs.result import RoundResult

AUTOMATIC = "Auto-Submitted: auto-replied"


@pytest.fixture
def rig(sqlite_env: TracEnv, tmp_path: Path) -> Rig:
    """A service on a Maildir."""
    return Rig(sqlite_env, tmp_path)


def serve(rig: Rig, name: str = SERVICE, *plugins: object, **how: object) -> RoundResult:
    """One round."""
    with rig.worker(*plugins) as assembly:
        return ServiceRun(rig.trac.env, assembly).serve(name, **how)  # type: ignore[arg-type]  # as `serve` takes them


def stored(rig: Rig) -> tuple[object, ...]:
    """What is known of the last round."""
    return rig.trac.query(
        "SELECT last_result, COALESCE(last_error, ''), last_success>0, failed>0 FROM mailintake_service ORDER BY id"
    )[0]


@pytest.mark.parametrize(
    ("mails", "line", "ending"),
    [
        ((), "no new mail", Ending.WELL),
        ((mail(),), "1 created", Ending.WELL),
        ((mail(), mail("Away", AUTOMATIC)), "1 created, 1 held", Ending.WAITING),
    ],
)
def test_a_round_says_and_stores_how_it_went(rig: Rig, mails: tuple[bytes, ...], line: str, ending: Ending) -> None:
    """In one sentence."""
    rig.drop(*mails)
    done = serve(rig)
    assert (done.summary, done.ending, done.error) == (line, ending, "")
    assert conclusion(done) == ("", line)
    assert stored(rig) == (line, "", 1, 0)


def test_a_mailbox_that_cannot_be_reached_fails_the_round(rig: Rig) -> None:
    """It is stored, and nothing stops: it may be there in a minute."""
    rig.maildir.rename(rig.maildir.with_name("away"))
    done = serve(rig)
    assert done.ending is Ending.FAILED
    assert str(rig.maildir) in done.error
    assert (done.stopped, stored(rig)[1:]) == ("", (done.error, 0, 1))


def test_a_service_whose_handler_is_gone_stops_after_five_rounds(rig: Rig) -> None:
    """The mail waits; the result says that it has stopped, and it does so once."""
    rig.drop(mail())
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_service SET handler='gone'")
    rounds = [serve(rig) for _ in range(5)]
    assert [bool(each.stopped) for each in rounds] == [False] * 4 + [True]
    assert all(each.ending is Ending.FAILED and "gone" in each.error for each in rounds)
    assert settings_of(rig.trac.env).services.rows()[0]["stopped"]
    assert len(rig.left) == 1


def test_what_nobody_foresaw_is_a_failure_with_a_traceback_in_the_log(rig: Rig) -> None:
    """Other services run all the same."""

    def explode(_: Listed) -> None:
        return None

    class Broken(FakeSource):
        def list(self) -> list[Listed]:
            raise ZeroDivisionError

    done = serve(rig, source=Broken({}, explode))
    assert done.line == f"{SERVICE}: ZeroDivisionError: . Trac's log has the traceback"
    assert "ZeroDivisionError" in rig.trac.log()
    assert stored(rig)[1:] == (done.error, 0, 1)


def test_a_database_that_cannot_be_used_fails_the_round(rig: Rig) -> None:
    """The next one finds what this one left."""
    rig.drop(mail())
    with rig.trac.env.db_transaction as db:
        db("ALTER TABLE mailintake_service RENAME COLUMN last_result TO away")
    assert serve(rig).ending is Ending.FAILED
    with rig.trac.env.db_transaction as db:
        db("ALTER TABLE mailintake_service RENAME COLUMN away TO last_result")
    serve(rig)
    assert rig.outcomes == [("created", "new")]


def test_a_flood_stops_the_service(rig: Rig) -> None:
    """With the reason; what is left stays in the mailbox, until an administrator enables it."""
    serve(rig)
    rig.set(rate_service="2", rate_sender="0")
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_service SET resumed=resumed-60000000, created=created-60000000")
    now = f"Received: from x by mx.example.org; {formatdate()}"
    rig.drop(*(mail("Hi", now, sender=f"a{number}@example.com") for number in range(5)))
    done = serve(rig)
    assert "rate_service" in done.stopped
    assert done.ending is Ending.FAILED
    assert settings_of(rig.trac.env).services.get(SERVICE).stopped
    assert len(rig.left) == 3


def test_a_round_whose_time_is_up_says_what_remains(rig: Rig) -> None:
    """That is no error."""
    rig.drop(mail(), mail())
    done = serve(rig, until=0.0)
    assert (done.remaining, done.error, done.ending) == (2, "", Ending.WELL)


class Picky:
    """A plugin that cannot handle some mail."""

    @hookimpl
    def mailintake_screen(self, message: Message) -> None:
        """Fail over them."""
        if "bad" in message.subject:
            raise KeyError(message.subject)


def due(rig: Rig) -> None:
    """What was deferred is tried again."""
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET retry_at=0 WHERE state IN ('deferred', 'sealed')")


def test_one_mail_that_a_plugin_cannot_handle_stops_no_mailbox_in_which_others_are_filed(rig: Rig) -> None:
    """Neither in rounds that file others nor in those between them; it waits, and is said to be the reason."""
    rig.drop(mail("bad"))
    for number in range(12):
        if number % 6 == 2:
            rig.drop(mail(f"Good {number}"))
        done = serve(rig, SERVICE, Picky())
        assert done.stopped == ""
        assert "bad" in done.error
        due(rig)
    assert [outcome for outcome, _ in rig.outcomes] == [None, "created", "created"]
    serve(rig)
    assert [outcome for outcome, _ in rig.outcomes] == ["created"] * 3


def test_a_plugin_that_fails_over_all_mail_stops_the_service(rig: Rig) -> None:
    """What was filed before says nothing of it."""
    rig.drop(mail("Good"))
    serve(rig)
    rig.drop(mail("bad"))
    stopped = []
    for number in range(5):
        stopped.append(serve(rig, SERVICE, Picky()).stopped)
        rig.drop(mail(f"bad, too: {number}"))
        due(rig)
    assert stopped[0] == ""
    assert any(stopped)
