"""The panel *Try a mail* in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox, mail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.chromium import Chromium, Tab
    from tests.servers.tracenv import Tracd, TracEnv

PANEL = "/admin/mailintake/try"
HOSTILE = "<script>document.title = 'ran'</script>"


@pytest.fixture(scope="module", autouse=True)
def _service(site: tuple[TracEnv, Tracd], tmp_path_factory: pytest.TempPathFactory) -> None:
    """A service whose rules decide."""
    trac, _ = site
    trac.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
    assert Mailbox(trac, tmp_path_factory.mktemp("trial")).add_service("bulk=hold").status == 0


def written(trac: TracEnv) -> list[tuple[object, ...]]:
    """How much there is of what a mail could leave."""
    tables = ("ticket", "ticket_change", "mailintake_delivery", "mailintake_message_id", "mailintake_outbox")
    return [trac.query(f"SELECT COUNT(*) FROM {table}")[0] for table in tables]


def test_a_pasted_mail_is_decided_about_and_nothing_is_written(tab: Tab, trac: TracEnv) -> None:
    """Outcome, every step, and the ticket that it would be."""
    before = written(trac)
    tab.go(PANEL).fill(service="support", mail=mail(1, text="Nothing prints.").decode()).press("Try")
    assert "It would be created" in tab.find("#mailintake-outcome").text
    assert "no user has the address ann@example.net" in tab.find("#mailintake-trail").text
    assert "The printer smokes" in tab.find("#mailintake-change").text
    assert "Nothing prints." in tab.find("#mailintake-text").text
    assert tab.value("mail").startswith("From: Ann Other")
    assert written(trac) == before


def test_an_uploaded_mail_is_decided_about(tab: Tab, trac: TracEnv, tmp_path: Path) -> None:
    """Its bytes are read as they are."""
    before = written(trac)
    path = tmp_path / "away.eml"
    path.write_bytes(mail(2, subject="Away", more="Auto-Submitted: auto-replied\n"))
    tab.go(PANEL).fill(file=str(path)).press("Try")
    assert "It would be held by the rule auto-reply" in tab.find("#mailintake-outcome").text
    assert written(trac) == before


def test_what_a_sender_wrote_does_not_run(tab: Tab) -> None:
    """Neither subject, name, text, nor the name of a file."""
    hostile = mail(3, subject=HOSTILE, sender=f'"{HOSTILE}" <x@example.net>', text=HOSTILE)
    tab.go(PANEL).fill(mail=hostile.decode()).press("Try")
    assert tab.text.count(HOSTILE) >= 2
    assert tab.driver.title != "ran"
    assert HOSTILE not in tab.source


def test_nothing_to_try_is_said_beside_the_field(tab: Tab) -> None:
    """Paste one, or choose a file."""
    tab.go(PANEL).press("Try")
    assert "Paste a mail" in tab.error("mail")


def test_a_service_that_is_not_there_is_said_beside_the_field(tracd: Tracd) -> None:
    """As it may be gone since the form was shown."""
    page = tracd.visitor("admin").post(PANEL, {"service": "gone", "mail": "Subject: x"})
    assert page.status == 200
    assert "Choose a service" in page.text


def test_who_may_look_may_try_and_others_may_not(chromium: Chromium, tracd: Tracd) -> None:
    """Nothing is changed by it."""
    tab = chromium.visit(tracd, "viewer").go(PANEL).fill(mail=mail(4).decode()).press("Try")
    assert "It would be created" in tab.text
    assert tracd.visitor("other").get(PANEL).status == 404


def test_a_form_without_its_token_is_refused(tracd: Tracd) -> None:
    """As all forms."""
    assert tracd.visitor("admin").post(PANEL, {"__FORM_TOKEN": "guessed", "mail": "x"}).status == 400
