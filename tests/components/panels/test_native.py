"""Tickets that came by mail, in a real browser: what it sends back of them is what Trac has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selenium.webdriver.common.by import By

from tests.rig import Rig
from tests.tracker.trac_calls.test_browser_text import HANDMADE, PIECES, written

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.chromium import Tab
    from tests.servers.tracenv import TracEnv


def test_a_comment_in_a_browser_changes_nothing_else(trac: TracEnv, tab: Tab, tmp_path: Path) -> None:
    """Whatever the text consists of: every letter apart, and all that anybody thought of."""
    trac.set(
        ("ticket", "default_component", "component1"),
        ("ticket-custom", "area", "textarea"),
        ("ticket-custom", "line", "text"),
    )
    rig = Rig(trac, tmp_path, text="wiki", area="\n\na\rb\n", line=" a\nb ")
    for text in (*HANDMADE, "|".join(PIECES), "".join(PIECES)):
        rig.drop(written(text))
    rig.run()
    tickets = trac.tickets()
    assert len(tickets) == len(HANDMADE) + 2
    for ticket in tickets:
        tab.go(f"/ticket/{ticket.id}").find("#comment").send_keys("Thank you.")
        tab.hit("#propertyform input[name=submit]")
        assert "Thank you." in tab.driver.find_element(By.ID, "changelog").text
    assert {field for (field,) in trac.query("SELECT field FROM ticket_change")} == {"comment"}
    assert [each["description"] for each in trac.tickets()] == [each["description"] for each in tickets]
