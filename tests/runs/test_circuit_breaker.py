"""The same fault five times in a row stops a service. A stopped pipe tries a mail now and then, and can resume."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from tests.components.mails import Mailbox, mail
from tests.forked import Command, command
from tests.runs.test_deliver import AUTOMATIC, add_pipe, deliver
from tests.test_rates import now_from
from trac_mailintake.runs.sysexits import SysExit
from trac_mailintake.tracker.config.circuit_breaker import APART
from trac_mailintake.tracker.db.transaction import now

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.smtp_sink import Sent, SmtpSink
    from tests.servers.tracenv import Finished, TracEnv

ADMINISTRATOR: Final = "root@example.org"

PLUGIN: Final = '''
"""Notes whom it is asked about."""

import os

from trac.core import Component, implements

from trac_mailintake.api import IMailintakePlugin
from trac_mailintake.hookspecs import hookimpl


class Screen(Component):
    implements(IMailintakePlugin)

    @hookimpl
    def mailintake_screen(self, message):
        with open(os.path.join(self.env.path, "asked"), "a") as file:
            file.write(message.message_id + "\\n")
        {does}
'''
BROKEN: Final = PLUGIN.format(does='raise KeyError("broken")')
MENDED: Final = PLUGIN.format(does="return None  # mended")
MISSPELLED: Final = BROKEN.replace("def mailintake_screen", "def mailintake_scream")


@pytest.fixture
def pipe(sqlite_env: TracEnv, smtp_sink: SmtpSink) -> TracEnv:
    """A service on a pipe, an administrator, and an outgoing server."""
    add_pipe(sqlite_env)
    sqlite_env.set(("mailintake", "admin_address", ADMINISTRATOR))
    sqlite_env.notify_through(smtp_sink)
    return sqlite_env


def install(trac: TracEnv, text: str) -> None:
    """Put the plugin into the environment's folder; from then on every command must be a process of its own."""
    (trac.path / "plugins" / "screen.py").write_text(text, encoding="utf-8")
    trac.close()


def hand_over(trac: TracEnv, *numbers: int) -> list[Finished]:
    """Hand mails over, as a mail server does."""
    return [command(trac, "mailintake", "deliver", "pipe", stdin=mail(number)) for number in numbers]


def asked(trac: TracEnv) -> list[str]:
    """The mails that the plugin was asked about, by number."""
    lines = (trac.path / "asked").read_text(encoding="ascii").split()
    return [line.strip("<>").partition("@")[0] for line in lines]


def quarter_of_an_hour_passes(trac: TracEnv) -> None:
    """As if all had happened so much earlier."""
    with trac.env.db_transaction as db:
        db("UPDATE mailintake_service SET next_run=next_run-%s", (APART,))
        db("UPDATE mailintake_delivery SET retry_at=retry_at-%s, lease=lease-%s", (APART, APART))
    trac.close()


def text(sent: Sent) -> str:
    """Subject and text of a mail that was sent, on one line."""
    return " ".join(f"{sent.message['Subject']} {sent.message.get_content()}".split())


def test_a_pipe_stops_tries_one_mail_each_quarter_of_an_hour_and_resumes(pipe: TracEnv, smtp_sink: SmtpSink) -> None:
    """Nothing is lost or filed twice: mail that was not taken stays with the mail server, which hands it over again."""
    install(pipe, BROKEN)
    faults = hand_over(pipe, 1, 2, 3, 4, 5)
    assert [each.status for each in faults] == [SysExit.TEMPFAIL] * 5
    assert all("KeyError" in each.err for each in faults)
    assert "The service pipe has stopped: 5 times in a row: " in faults[4].err
    (notice,) = smtp_sink.wait_for(1)
    assert notice.recipients == (ADMINISTRATOR,)
    assert "pipe: stopped" in text(notice)
    assert "KeyError" in text(notice)
    assert "waits in the queue of the mail server" in text(notice)
    assert "tries one mail every 15 minutes" in text(notice)
    assert "maximal_queue_lifetime (5 days" in text(notice)

    at_once = hand_over(pipe, 6, 7)
    assert [each.status for each in at_once] == [SysExit.TEMPFAIL] * 2
    assert all("It tries one mail every 15 minutes, the next one in 1" in each.err for each in at_once)
    assert asked(pipe) == ["1", "2", "3", "4", "5"]

    quarter_of_an_hour_passes(pipe)
    tried, not_tried = hand_over(pipe, 6, 1)
    assert (tried.status, not_tried.status) == (SysExit.TEMPFAIL, SysExit.TEMPFAIL)
    assert "KeyError" in tried.err
    assert "the next one in 1" in not_tried.err
    assert asked(pipe) == ["1", "2", "3", "4", "5", "6"]
    assert pipe.tickets() == []

    quarter_of_an_hour_passes(pipe)
    install(pipe, MENDED)
    assert [each.status for each in hand_over(pipe, 1, 2, 3, 4, 5, 6, 7)] == [SysExit.OK] * 7
    assert [each.status for each in hand_over(pipe, 1, 6)] == [SysExit.OK] * 2
    assert len(pipe.tickets()) == 7
    assert pipe.query("SELECT state, COUNT(*) FROM mailintake_delivery GROUP BY state") == [("created", 7)]
    _, again = smtp_sink.wait_for(2)
    assert "pipe: recovered" in text(again)
    assert "The service pipe works again" in text(again)
    assert len(smtp_sink.sent) == 2
    assert pipe.log().count("service pipe resumes") == 1


@pytest.mark.parametrize(
    "does",
    [
        "raise KeyError(message.message_id)",
        "raise (KeyError, ValueError)[int(message.message_id[1]) % 2]('x')",
        "raise Misconfiguration(f'{message.message_id} needs a setting')",
    ],
)
def test_faults_of_a_plugin_in_a_hook_are_alike_whatever_they_say(
    pipe: TracEnv, smtp_sink: SmtpSink, does: str
) -> None:
    """Exceptions quote the mail. If each were a fault of its own, mail would wait and bounce, and nobody be told."""
    imports = "from trac_mailintake.api import IMailintakePlugin, Misconfiguration"
    text_of_it = PLUGIN.format(does=does).replace("from trac_mailintake.api import IMailintakePlugin", imports)
    install(pipe, text_of_it)
    assert [each.status for each in hand_over(pipe, 1, 2, 3, 4, 5, 6)] == [SysExit.TEMPFAIL] * 6
    assert asked(pipe) == ["1", "2", "3", "4", "5"]
    (notice,) = smtp_sink.wait_for(1)
    assert "5 times in a row: " in text(notice)


def test_a_plugin_that_does_not_load_stops_a_pipe_too(pipe: TracEnv, smtp_sink: SmtpSink) -> None:
    """Then no hook of any service can be called. Once the plugin is repaired, the next mail that is tried is taken."""
    install(pipe, MISSPELLED)
    answers = hand_over(pipe, 1, 1, 1, 1, 1, 1)
    assert [each.status for each in answers] == [SysExit.TEMPFAIL] * 6
    assert all("mailintake_scream" in each.err for each in answers)
    assert "the next one in 1" in answers[5].err
    assert len(smtp_sink.wait_for(1)) == 1
    quarter_of_an_hour_passes(pipe)
    install(pipe, MENDED)
    assert [each.status for each in hand_over(pipe, 2, 1)] == [SysExit.OK] * 2


def test_of_several_mails_at_once_one_is_tried(pipe: TracEnv) -> None:
    """A mail server starts many processes at the same time."""
    install(pipe, BROKEN)
    hand_over(pipe, 1, 2, 3, 4, 5)
    quarter_of_an_hour_passes(pipe)
    begun = [Command(pipe, "mailintake", "deliver", "pipe", stdin=mail(number)) for number in range(6, 10)]
    said = [each.finished() for each in begun]
    assert [each.status for each in said] == [SysExit.TEMPFAIL] * 4
    assert len(asked(pipe)) == 6
    assert sum("has stopped" in each.err for each in said) == 3


def test_between_two_tries_it_is_answered_before_the_mail_was_read(pipe: TracEnv) -> None:
    """However large it is. Here it does not come at all."""
    with pipe.env.db_transaction as db:
        db(
            "UPDATE mailintake_service SET stopped='5 times in a row: a fault', failures=5, next_run=%s",
            (now() + APART,),
        )
    pipe.close()
    with pipe.start("mailintake", "deliver", "pipe") as process:
        try:
            assert process.wait(timeout=60) == SysExit.TEMPFAIL
        finally:
            process.kill()


def test_people_see_when_a_stopped_pipe_tries_again(pipe: TracEnv) -> None:
    """`status`, for people and programs; `service list`; the answer to the mail server."""
    with pipe.env.db_transaction as db:
        db("UPDATE mailintake_service SET stopped='5 times in a row: a fault', failures=5, next_run=%s", (2**60,))
    quarter_of_an_hour_passes(pipe)
    wanted = "5 times in a row: a fault. It tries one mail every 15 minutes, the next one that comes."
    status = pipe.command("mailintake", "status")
    assert (status.status, wanted in status.out) == (3, True)
    [shown] = json.loads(pipe.command("mailintake", "status", "--json").out)["services"]
    assert (shown["state"], shown["stopped"]) == ("stopped", f"It has stopped: {wanted}")
    assert wanted in " ".join(pipe.command("mailintake", "service", "list").out.split())


@pytest.mark.parametrize(
    ("content", "status"), [(mail(1), SysExit.OK), (mail(1, more=AUTOMATIC), SysExit.OK), (b"", SysExit.DATAERR)]
)
def test_whatever_is_decided_about_the_mail_that_is_tried_lets_the_service_resume(
    pipe: TracEnv, content: bytes, status: int
) -> None:
    """Filed or held: no plugin failed. No mail at all says nothing, and leaves the try to the next one."""
    with pipe.env.db_transaction as db:
        db("UPDATE mailintake_service SET stopped='5 times in a row: a fault', failures=5, next_run=1")
    assert deliver(pipe, content).status == status
    [(stopped, next_run)] = pipe.query("SELECT stopped, next_run FROM mailintake_service")
    assert (stopped, next_run == 1) == (("", False) if content else ("5 times in a row: a fault", True))


def test_a_duplicate_proves_nothing(pipe: TracEnv, smtp_sink: SmtpSink) -> None:
    """No plugin is asked about it. It is answered, and the service stays as it is: stopped, or four faults on."""
    assert deliver(pipe, mail(1)).status == SysExit.OK
    copies = [f"X-Copy: {number}\n".encode() + mail(1) for number in range(2)]
    with pipe.env.db_transaction as db:
        db("UPDATE mailintake_service SET failure='a fault', failures=4")
    assert deliver(pipe, copies[0]).err.startswith("duplicate #1")
    assert pipe.query("SELECT failures, stopped FROM mailintake_service") == [(4, "")]
    with pipe.env.db_transaction as db:
        db("UPDATE mailintake_service SET stopped='5 times in a row: a fault', failures=5, next_run=1")
    assert deliver(pipe, copies[1]).err.startswith("duplicate #1")
    assert pipe.query("SELECT failures, stopped FROM mailintake_service") == [(5, "5 times in a row: a fault")]
    assert smtp_sink.sent == []


def test_a_pipe_that_an_administrator_disabled_tries_nothing(pipe: TracEnv) -> None:
    """By disabling it they chose that mail bounces. Once the pipe is enabled, it takes mail at once."""
    with pipe.env.db_transaction as db:
        db("UPDATE mailintake_service SET stopped='5 times in a row: a fault', failures=5, next_run=1")
    pipe.command("mailintake", "service", "disable", "pipe")
    assert deliver(pipe, mail(1)).status == SysExit.UNAVAILABLE
    pipe.command("mailintake", "service", "enable", "pipe")
    assert deliver(pipe, mail(1)).status == SysExit.OK


def test_a_pipe_over_its_rate_waits_for_an_administrator(pipe: TracEnv, smtp_sink: SmtpSink) -> None:
    """It tries nothing, however long it takes; its round is noted like any other's."""
    pipe.command("mailintake", "service", "set", "pipe", "rate_service=1", "rate_sender=0")
    mails = [now_from(f"user{number}@example.com") for number in range(3)]
    assert [deliver(pipe, each).status for each in mails] == [SysExit.OK, SysExit.OK, SysExit.TEMPFAIL]
    (notice,) = smtp_sink.wait_for(1)
    assert "It takes no mail until you enable it." in text(notice)
    assert "maximal_queue_lifetime" in text(notice)
    assert "15 minutes" not in text(notice)
    [(failed, error)] = pipe.query("SELECT failed, last_error FROM mailintake_service")
    assert failed
    assert "rate_service allows 1" in str(error)
    for _ in range(3):
        quarter_of_an_hour_passes(pipe)
        refused = deliver(pipe, mails[2])
        assert refused.status == SysExit.TEMPFAIL
        assert "Enabling the service lets it go on." in refused.err
    assert len(pipe.tickets()) == 2


def test_a_mailbox_waits_for_an_administrator(pipe: TracEnv, tmp_path: Path, smtp_sink: SmtpSink) -> None:
    """It keeps its mail. The run in which the service stops ends with 3, whatever the service stops over."""
    mailbox = Mailbox(pipe, tmp_path / "maildir")
    mailbox.add_service("afterwards=delete")
    mailbox.put(*(mail(number) for number in range(1, 8)))
    install(pipe, BROKEN)
    run = command(pipe, "mailintake", "run", "support")
    assert run.status == 3
    assert run.out.startswith("support: 7 deferred; stopped: 5 times in a row: ")
    (notice,) = smtp_sink.wait_for(1)
    assert "KeyError" in text(notice)
    assert "15 minutes" not in text(notice)
    quarter_of_an_hour_passes(pipe)
    install(pipe, MENDED)
    assert command(pipe, "mailintake", "run", "--force").out == ""
    assert mailbox.left() == 7


def test_faults_that_stop_nothing_yet_end_a_run_with_1(pipe: TracEnv, tmp_path: Path) -> None:
    """The mail is deferred, as by any other failure that passes."""
    mailbox = Mailbox(pipe, tmp_path / "maildir")
    mailbox.add_service("afterwards=delete")
    mailbox.put(mail(1))
    install(pipe, BROKEN)
    assert command(pipe, "mailintake", "run", "support").status == 1
