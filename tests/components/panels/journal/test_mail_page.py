"""The page of a mail in the panel *Journal*."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.servers.wsgi import Reader


JOURNAL = "/admin/mailintake/journal"


def test_a_mail_has_a_page_with_its_decision_trail(visitor: Reader) -> None:
    """Outcome, facts, and every step."""
    page = visitor.get(f"{JOURNAL}/1")
    assert page.status == 200
    for wanted in (
        "The printer smokes",
        "created",
        "&lt;1@example.net&gt;",
        "ann@example.net",
        "route",
        'href="/ticket/1"',
    ):
        assert wanted in page.text
