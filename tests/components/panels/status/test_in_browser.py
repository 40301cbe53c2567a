"""The panel *Status* in a real browser: figures, the picture of mails a day, and who may see them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox, mail

if TYPE_CHECKING:
    from tests.servers.chromium import Chromium, Tab
    from tests.servers.tracenv import Tracd, TracEnv


STATUS = "/admin/mailintake/status"
AUTOMATIC = "Auto-Submitted: auto-replied\n"


@pytest.fixture(scope="module")
def mailbox(site: tuple[TracEnv, Tracd], tmp_path_factory: pytest.TempPathFactory) -> Mailbox:
    """Two tickets and a held mail of `support`; `broken` cannot be reached; `late` is forgotten by cron."""
    trac, _ = site
    trac.grant("anonymous", "TICKET_CREATE")
    folder = tmp_path_factory.mktemp("mails")
    made = Mailbox(trac, folder / "support")
    made.add_service()
    made.put(mail(1), mail(2), mail(3, more=AUTOMATIC))
    made.run("support")
    for name in ("broken", "late"):
        Mailbox(trac, folder / name).add_service(name=name)
    (folder / "broken").rename(folder / "gone")
    made.run("broken")
    with trac.env.db_transaction as db:
        db("UPDATE mailintake_service SET created=created-3600*1000000-1 WHERE name='late'")
        db("UPDATE mailintake_service SET next_run=next_run+3600*1000000 WHERE name<>'late'")
    return made


@pytest.mark.usefixtures("mailbox")
def test_figures_are_shown_with_what_to_do(tab: Tab) -> None:
    """What waits, what is held, the last error; whether cron is alive."""
    rows = {row.text.split()[0]: row.text for row in tab.go(STATUS).all("#mailintake-status tbody tr")}
    assert set(rows) == {"broken", "late", "support"}
    assert "failing" in rows["broken"]
    assert "does not exist" in rows["broken"]
    assert re.search(r"(late|overdue)\n.*does cron", rows["late"])
    assert "well" in rows["support"]
    assert "3 in 1 hour" in rows["support"]
    assert "sending is switched off" in tab.find("#mailintake-queue").text


@pytest.mark.usefixtures("mailbox")
def test_held_mail_is_one_click_away(tab: Tab) -> None:
    """Its number leads to the journal."""
    tab.go(STATUS).follow("1", within="#mailintake-status")
    assert len(tab.all("#mailintake-journal tbody tr")) == 1
    assert "held" in tab.find("#mailintake-journal").text


@pytest.mark.usefixtures("mailbox")
def test_the_picture_says_in_words_what_it_shows(tab: Tab) -> None:
    """Title and description for who does not see it; every number in a table besides; patterns, not colours alone."""
    tab.go(STATUS)
    picture = tab.find("#mailintake-bars")
    assert picture.get_attribute("role") == "img"
    names = (picture.get_attribute("aria-labelledby") or "").split()
    said = [tab.find(f"#{name}").get_attribute("textContent") for name in names]
    assert said[0] == "Mails a day by outcome"
    assert "3 mails (2 created, 1 held)" in (said[1] or "")
    assert len(tab.all("#mailintake-bars .mailintake-piece")) == 2
    assert [each.text for each in tab.all("#mailintake-legend li")] == ["2 created", "1 held"]
    fills = {each.get_attribute("fill") for each in tab.all("#mailintake-bars .mailintake-piece")}
    assert fills == {"url(#mailintake-of-created)", "url(#mailintake-of-held)"}
    for fill in fills:
        assert len(tab.all(f"pattern{(fill or '')[4:-1]}")) == 1
    assert not tab.find("#mailintake-days").is_displayed()
    tab.find("details.mailintake-more summary").click()
    today = tab.all("#mailintake-days tbody tr")[0]
    assert today.text.split()[-3:] == ["2", "1", "3"]
    assert len(tab.all("#mailintake-days tbody tr")) == 30


@pytest.mark.usefixtures("mailbox")
def test_a_service_is_chosen_without_a_script(tab: Tab) -> None:
    """By a form; the choice stays, and the address can be kept."""
    tab.go(STATUS)
    tab.fill(service="late").hit("#mailintake-choose input[type=submit]")
    assert tab.path == f"{STATUS}?service=late#mailintake-chart"
    assert tab.value("service") == "late"
    assert "There was no mail in these days" in tab.find("#mailintake-legend").text
    assert tab.all("#mailintake-bars .mailintake-piece") == []
    assert tab.all("#tabcontent script") == []


def test_viewers_see_it_and_others_do_not(tracd: Tracd, chromium: Chromium) -> None:
    """MAILINTAKE_VIEW is enough; nothing on it changes anything."""
    tab = chromium.visit(tracd, "viewer").go(STATUS)
    assert "Mails a day, by outcome" in tab.text
    assert tab.all("#tabcontent form[method=post]") == []
    assert tracd.visitor("viewer").post(STATUS, {"service": "support"}).status == 404
    for visitor in (tracd.visitor("other"), tracd.visitor()):
        assert visitor.get(STATUS).status in (403, 404)
        assert "Mails a day" not in visitor.get(STATUS).text


@pytest.mark.parametrize("path", ["?service=unknown", "?service=<script>alert(1)</script>", "/nothing"])
def test_what_there_is_not_is_not_found(tracd: Tracd, path: str) -> None:
    """And is said as text."""
    page = tracd.visitor("admin").get(STATUS + path.replace("<", "%3C").replace(">", "%3E"))
    assert page.status == 404
    assert "<script>alert" not in page.text


def test_a_fresh_environment_has_a_status(sqlite_env: TracEnv) -> None:
    """No service, no mail, no error."""
    sqlite_env.grant("admin", "TRAC_ADMIN")
    with sqlite_env.serve("admin") as tracd:
        page = tracd.visitor("admin").get(STATUS)
    assert page.status == 200
    assert "There is no service yet" in page.text
    assert "there was no mail" in page.text
