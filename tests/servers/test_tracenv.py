"""The Trac environments that other tests rely on do what they rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.notification.api import NotificationSystem
from trac.ticket.model import Ticket
from trac.ticket.notification import TicketChangeEvent

if TYPE_CHECKING:
    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import TracEnv


def file_ticket(trac: TracEnv, summary: str) -> int:
    """A new ticket by an outsider."""
    ticket = Ticket(trac.env)
    ticket.populate({"summary": summary, "reporter": "Somebody <somebody@example.org>", "status": "new"})
    return int(ticket.insert())


def test_has_trac_and_the_plugin(trac_env: TracEnv) -> None:
    """The environment is usable, the plugin's tables are there."""
    assert file_ticket(trac_env, "Grüße 🎉") == 1
    assert [ticket["summary"] for ticket in trac_env.tickets()] == ["Grüße 🎉"]
    assert trac_env.query("SELECT value FROM system WHERE name LIKE %s", "%mailintake%")
    assert not trac_env.env.needs_upgrade()


def test_environments_do_not_meet(trac_env: TracEnv) -> None:
    """The ticket of another test is not here."""
    assert trac_env.tickets() == []


def test_runs_commands_as_a_process_and_within(trac_env: TracEnv) -> None:
    """Both ways give the same status and the same words."""
    assert trac_env.command("component", "list") == trac_env.admin("component", "list")
    failed = trac_env.command("no", "such", "command")
    assert failed == trac_env.admin("no", "such", "command")
    assert failed.status == 2
    assert "Command not found" in failed.err


def test_notifies_through_the_sink(trac_env: TracEnv, smtp_sink: SmtpSink) -> None:
    """Trac's own notifications arrive in the sink."""
    trac_env.notify_through(smtp_sink)
    ticket = Ticket(trac_env.env, file_ticket(trac_env, "Please look"))
    event = TicketChangeEvent("created", ticket, ticket["time"], ticket["reporter"])
    NotificationSystem(trac_env.env).notify(event)
    [sent] = smtp_sink.wait_for(1)
    assert sent.recipients == ("somebody@example.org",)
    assert sent.message["Subject"] == "[Project of a test] #1: Please look"


def test_serves_pages_to_users_and_strangers(sqlite_env: TracEnv) -> None:
    """Users log in and have their rights; forms can be sent."""
    file_ticket(sqlite_env, "To be seen")
    sqlite_env.grant("admin", "TRAC_ADMIN")
    with sqlite_env.serve("admin", "joe") as tracd:
        assert "To be seen" in tracd.visitor().get("/ticket/1").text
        assert tracd.visitor().get("/admin/general/basics").status == 404
        assert tracd.visitor("joe").get("/admin/general/basics").status == 404
        admin = tracd.visitor("admin")
        assert admin.get("/admin/general/basics").status == 200
        sent = admin.post("/admin/general/basics", {"name": "Renamed", "url": "", "descr": "", "apply": "Apply"})
        assert sent.status in {302, 303}
    assert sqlite_env.reopen().project_name == "Renamed"
