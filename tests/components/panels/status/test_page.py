"""The panel *Status*, without a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox, mail
from tests.servers.wsgi import Reader, query
from trac_mailintake.tracker.db.transaction import HOUR, now

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv

STATUS = "/admin/mailintake/status"


@pytest.fixture
def viewer(mailbox: Mailbox) -> Reader:
    """Who may look, at a service that filed two mails and holds one."""
    mailbox.add_service("bulk=hold")
    mailbox.put(mail(1), mail(2), mail(3, more="Auto-Submitted: auto-replied\n"))
    mailbox.run()
    mailbox.trac.grant("viewer", "MAILINTAKE_VIEW")
    return Reader(mailbox.trac, "viewer")


def test_figures_and_the_picture_are_those_of_the_services(viewer: Reader) -> None:
    """In words, and with a link to what is held."""
    text = viewer.get(STATUS).text
    assert "3 mails (2 created, 1 held)" in text
    assert "outcome=held" in text
    assert "well" in text


def test_mail_that_waits_is_seen_at_a_glance(viewer: Reader, mailbox: Mailbox) -> None:
    """The service is not well, and the page says how many messages nobody wants, and for how long."""
    with mailbox.trac.env.db_transaction as db:
        db("UPDATE mailintake_service SET created=1, unclaimed=3, unclaimed_since=%s", (now() - 5 * HOUR,))
    text = " ".join(viewer.get(STATUS).text.split())
    assert '<span class="mailintake-badge mailintake-bad">waiting</span>' in text
    assert "A message has waited for 5 hours. Messages in the mailbox that no service there wants: 3." in text
    assert "3 unclaimed <em>for up to 5 hours</em>" in text


def test_one_service_can_be_chosen(viewer: Reader, mailbox: Mailbox) -> None:
    """Also one whose journal is all that is left of it; an unknown one is not found."""
    mailbox.trac.command("mailintake", "held", "discard", "3")
    mailbox.trac.command("mailintake", "service", "remove", "support")
    Mailbox(mailbox.trac, mailbox.folder / "empty").add_service(name="empty")
    assert "2 created" in viewer.get(query(STATUS, service="support")).text
    assert "there was no mail" in viewer.get(query(STATUS, service="empty")).text
    assert viewer.get(query(STATUS, service="unknown")).status == 404
    assert viewer.get(f"{STATUS}/deeper").status == 404


def test_nothing_can_be_changed_here(viewer: Reader) -> None:
    """Not with the token either."""
    assert viewer.post(STATUS, {"service": "support"}).status == 404


def test_a_fresh_environment_says_that_there_is_nothing(sqlite_env: TracEnv) -> None:
    """And that nothing is fetched, where that is so."""
    sqlite_env.grant("viewer", "MAILINTAKE_VIEW")
    sqlite_env.set(("mailintake", "fetch", "disabled"))
    text = Reader(sqlite_env, "viewer").get(STATUS).text
    assert "There is no service yet" in text
    assert "fetch" in text


def test_mail_that_no_row_has_is_shown_with_the_day(viewer: Reader, mailbox: Mailbox) -> None:
    """As of the last look at the archive, which the page does not make."""
    mailbox.trac.command("mailintake", "archive", "verify")
    assert "the journal has all mails, as of" in viewer.get(STATUS).text
    with mailbox.trac.env.db_transaction as db:
        db("DELETE FROM mailintake_delivery")
    assert "the journal has all mails, as of" in viewer.get(STATUS).text
    mailbox.trac.command("mailintake", "archive", "verify")
    text = viewer.get(STATUS).text
    assert "3 mails that no row of the journal has" in text
    assert "archive refile" in text
