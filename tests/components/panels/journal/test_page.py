"""The list of mails of the panel *Journal*, without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components.mails import mail
from tests.components.panels.journal.conftest import HOSTILE
from tests.servers.wsgi import Reader

if TYPE_CHECKING:
    from tests.components.mails import Mailbox
    from tests.servers.tracenv import TracEnv


JOURNAL = "/admin/mailintake/journal"


def test_the_journal_lists_the_newest_first(visitor: Reader) -> None:
    """With links to the mails and to their tickets."""
    page = visitor.get(JOURNAL)
    assert page.status == 200
    assert page.text.index("Größe") < page.text.index("The printer smokes")
    assert f'href="{JOURNAL}/1"' in page.text
    assert 'href="/ticket/1"' in page.text
    assert 'class="listing"' in page.text


def test_what_a_sender_wrote_does_not_run(visitor: Reader) -> None:
    """Neither in the list nor on the mail's page."""
    for path in (JOURNAL, f"{JOURNAL}/2"):
        page = visitor.get(path)
        assert "Away &lt;script&gt;" in page.text
        assert HOSTILE not in page.text


@pytest.mark.parametrize(
    ("query", "there", "missing"),
    [
        ("outcome=held", "Away", "Größe"),
        ("sender=zoe", "Größe", "printer"),
        ("text=printer", "printer", "Größe"),
        ("service=support", "Größe", "no such mail"),
        ("service=other", "no such mail", "Größe"),
    ],
)
def test_the_journal_is_filtered_by_a_form(visitor: Reader, query: str, there: str, missing: str) -> None:
    """A plain GET, so that a filtered list can be bookmarked."""
    text = visitor.get(f"{JOURNAL}?{query}").text
    assert there in text
    assert missing not in text


@pytest.mark.parametrize("path", [f"{JOURNAL}/99", f"{JOURNAL}/x", f"{JOURNAL}?outcome=lost"])
def test_what_is_not_there_is_not_found(visitor: Reader, path: str) -> None:
    """And no error of ours."""
    assert visitor.get(path).status == 404


@pytest.mark.parametrize("where", ["before=0", "before=-3", "before=1", "after=99999", "after=x", "before=9&after=1"])
def test_a_page_beyond_the_end_shows_no_error(visitor: Reader, where: str) -> None:
    """Addresses are typed, and kept for years."""
    assert visitor.get(f"{JOURNAL}?{where}").status == 200


def test_many_mails_are_shown_a_page_at_a_time(mailbox: Mailbox) -> None:
    """Fifty, with links to the others that keep the filter."""
    mailbox.add_service()
    mailbox.put(*(mail(number, subject=f"Subject {number}.") for number in range(1, 61)))
    mailbox.run()
    mailbox.trac.grant("admin", "TRAC_ADMIN")
    visitor = Reader(mailbox.trac, "admin")
    first = visitor.get(f"{JOURNAL}?outcome=created").text
    assert "Subject 60." in first
    assert "Subject 10." not in first
    assert "before=11&amp;outcome=created" in first
    second = visitor.get(f"{JOURNAL}?outcome=created&before=11").text
    assert "Subject 10." in second
    assert "Subject 60." not in second


def test_only_who_may_see_the_journal_sees_it(sqlite_env: TracEnv) -> None:
    """MAILINTAKE_VIEW, which MAILINTAKE_ADMIN includes; nobody else, by link or by address."""
    sqlite_env.grant("viewer", "MAILINTAKE_VIEW")
    sqlite_env.grant("keeper", "MAILINTAKE_ADMIN")
    for user, status in (("viewer", 200), ("keeper", 200), ("other", 404)):
        assert Reader(sqlite_env, user).get(JOURNAL).status == status, user
    assert Reader(sqlite_env).get(JOURNAL).status in (403, 404)
