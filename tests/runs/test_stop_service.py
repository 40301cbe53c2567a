"""A service stops once, and an administrator is told in the same transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.watched import said
from trac_mailintake.bootstrap import mail_queue, settings_of
from trac_mailintake.intake.errors import Fault, Misconfiguration
from trac_mailintake.runs.stop_service import resume, stop, stop_when_alike

if TYPE_CHECKING:
    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import TracEnv

FAULT = Fault.of(Misconfiguration("A plugin is wrong.", alike="plugin"))


@pytest.fixture
def trac(sqlite_env: TracEnv, smtp_sink: SmtpSink) -> TracEnv:
    """A service on a Maildir, and one that is handed its mail; an administrator who gets mail."""
    sqlite_env.notify_through(smtp_sink)
    sqlite_env.set(("mailintake", "admin_address", "root@example.org"))
    services = settings_of(sqlite_env.env).services
    services.add("support", {"kind": "maildir", "path": "/mail"})
    services.add("handed", {"kind": "pipe"})
    return sqlite_env


def told(trac: TracEnv, sink: SmtpSink) -> list[str]:
    """The texts that were sent."""
    with mail_queue(trac.env) as queue:
        queue.flush()
    return [" ".join(text.split()) for _, text in said(sink)]


def test_a_service_is_stopped_and_told_of_once(trac: TracEnv, smtp_sink: SmtpSink) -> None:
    """A second reason changes nothing."""
    stop(trac.env, "support", "It was too much.")
    stop(trac.env, "support", "It was far too much.")
    assert settings_of(trac.env).services.get("support").stopped == "It was too much."
    [text] = told(trac, smtp_sink)
    assert "The service support has stopped. It was too much." in text
    assert "mail server" not in text


@pytest.mark.parametrize(("name", "tries"), [("support", False), ("handed", True)])
def test_five_faults_alike_stop_a_service(trac: TracEnv, smtp_sink: SmtpSink, name: str, *, tries: bool) -> None:
    """Within one round or in several; of a pipe it is said that it tries again, and where its mail waits."""
    assert stop_when_alike(trac.env, name, [FAULT, FAULT]) == ""
    assert stop_when_alike(trac.env, name, []) == ""
    why = stop_when_alike(trac.env, name, [FAULT] * 4)
    assert "A plugin is wrong." in why
    [text] = told(trac, smtp_sink)
    assert ("It tries one mail every" in text) is tries
    assert ("maximal_queue_lifetime" in text) is tries


def test_a_pipe_that_is_stopped_for_good_says_that_it_tries_nothing(trac: TracEnv, smtp_sink: SmtpSink) -> None:
    """After a flood somebody has to look."""
    stop(trac.env, "handed", "It was too much.")
    [text] = told(trac, smtp_sink)
    assert "It takes no mail until you enable it." in text
    assert "It tries" not in text


def test_a_pipe_that_took_its_mail_resumes_and_says_so(trac: TracEnv, smtp_sink: SmtpSink) -> None:
    """Only if it was trying."""
    resume(trac.env, "handed")
    assert told(trac, smtp_sink) == []
    stop_when_alike(trac.env, "handed", [FAULT] * 5)
    with trac.env.db_transaction as db:
        db("UPDATE mailintake_service SET next_run=1 WHERE name='handed'")
    from_mail_server = trac.command("mailintake", "deliver", "handed", stdin=b"From: a@example.com\nSubject: x\n\nHi\n")
    assert from_mail_server.status == 0
    assert len(told(trac, smtp_sink)) == 2
    assert not settings_of(trac.env).services.get("handed").stopped
