"""What Trac shows of mail intake without anybody opening a panel: links, templates, style sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trac.ticket.model import Ticket

from tests.components.mails import mail
from tests.servers.wsgi import Reader

if TYPE_CHECKING:
    from tests.components.mails import Mailbox
    from tests.servers.tracenv import TracEnv


@pytest.mark.parametrize(("user", "linked"), [("viewer", True), ("other", False), ("", False)])
def test_a_ticket_that_came_by_mail_links_to_its_mails(mailbox: Mailbox, user: str, *, linked: bool) -> None:
    """For those who may see them; one that was made in the web has no such link."""
    mailbox.trac.grant("viewer", "MAILINTAKE_VIEW")
    mailbox.add_service()
    mailbox.put(mail())
    mailbox.run()
    reader = Reader(mailbox.trac, user)
    page = reader.get("/ticket/1")
    assert page.status == 200
    assert ("Original mails (1)" in page.text) is linked
    assert ("/admin/mailintake/journal?ticket=1" in page.text) is linked
    by_hand = Ticket(mailbox.trac.env)
    by_hand["summary"] = "Made in the web"
    assert "Original mails" not in reader.get(f"/ticket/{by_hand.insert()}").text


def test_other_pages_are_left_alone(sqlite_env: TracEnv) -> None:
    """Also the form of a new ticket, whose template is the same."""
    sqlite_env.grant("admin", "TRAC_ADMIN")
    for path in ("/newticket", "/wiki", "/query"):
        page = Reader(sqlite_env, "admin").get(path)
        assert page.status == 200
        assert "Original mails" not in page.text


def test_the_style_sheet_is_served(sqlite_env: TracEnv) -> None:
    """And named by each panel."""
    sqlite_env.grant("viewer", "MAILINTAKE_VIEW")
    reader = Reader(sqlite_env, "viewer")
    assert "/chrome/mailintake/mailintake.css" in reader.get("/admin/mailintake/journal").text
    sheet = reader.get("/chrome/mailintake/mailintake.css")
    assert (sheet.status, "mailintake" in sheet.text) == (200, True)


@pytest.mark.parametrize(("user", "status"), [("viewer", 200), ("keeper", 200), ("other", 404), ("", 404)])
def test_panels_are_for_those_who_may_see_them(sqlite_env: TracEnv, user: str, status: int) -> None:
    """In the list on the left, and by their addresses."""
    sqlite_env.grant("viewer", "MAILINTAKE_VIEW")
    sqlite_env.grant("keeper", "MAILINTAKE_ADMIN")
    for page in ("servers", "services", "journal", "try", "status"):
        assert Reader(sqlite_env, user).get(f"/admin/mailintake/{page}").status == status
