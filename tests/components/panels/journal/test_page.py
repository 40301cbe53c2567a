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


def test_the_original_is_a_download_that_no_browser_shows(visitor: Reader) -> None:
    """Byte for byte, whatever it contains; for who may look, and for nobody else."""
    page = visitor.get(f"{JOURNAL}/2/raw")
    assert page.status == 200
    assert page.text.encode() == mail(2, subject=f"Away {HOSTILE}", more="Auto-Submitted: auto-replied\n")
    assert page.headers["Content-Type"].startswith("message/rfc822")
    assert page.headers["Content-Disposition"] == 'attachment; filename="mail-2.eml"'
    assert "sandbox" in page.headers["Content-Security-Policy"]
    assert visitor.get(f"{JOURNAL}/2/other").status == 404


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ("archive=NULL, purged=1", "purged"),
        ("archive=NULL", "never archived"),
        ("archive='archive/2001/01/01/gone.mails'", "no longer kept"),
    ],
)
def test_a_download_of_what_is_gone_says_why(mailbox: Mailbox, visitor: Reader, gone: str, said: str) -> None:
    """Its page comes all the same."""
    with mailbox.trac.env.db_transaction as db:
        db(f"UPDATE mailintake_delivery SET {gone} WHERE id=1")
    page = visitor.get(f"{JOURNAL}/1/raw")
    assert (page.status, said in page.text) == (404, True)
    assert visitor.get(f"{JOURNAL}/1").status == 200


def after(visitor: Reader, path: str, **typed: str) -> str:
    """The page that is shown after a form was sent."""
    assert visitor.post(path, typed).status == 303
    return visitor.get(JOURNAL).text


def test_held_mail_is_decided_by_a_form(visitor: Reader) -> None:
    """Nothing chosen and no number of a ticket are said; then the mail is filed where it was wanted."""
    assert "Choose held mail first." in after(visitor, JOURNAL, retry="x")
    assert "Type the number of the ticket" in after(visitor, JOURNAL, sel="2", release="x", to_ticket="one")
    assert "Mail 2: still held." in after(visitor, f"{JOURNAL}/2", retry="x")
    assert "Mail 2: commented in ticket #1." in after(visitor, JOURNAL, sel="2", release="x", to_ticket="#1")
    assert "Mail 2" not in after(visitor, JOURNAL, sel="2")


def test_a_filter_that_is_no_number_finds_nothing(visitor: Reader) -> None:
    """With a warning instead of an error; with a number it finds the ticket's mail."""
    assert "smoke is no number of a ticket." in visitor.get(f"{JOURNAL}?ticket=smoke").text
    found = visitor.get(f"{JOURNAL}?ticket=%231").text
    assert "The printer smokes" in found
    assert "Größe" not in found
