"""The page of a mail in the panel *Journal*."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.components.mails import mail
from trac_mailintake.components.panels.journal.mail_page import LARGEST, inside
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.journal.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.components.mails import Mailbox
    from tests.servers.wsgi import Reader
    from trac_mailintake.tracker.journal.journal import Entry


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


@pytest.fixture
def entry(mailbox: Mailbox) -> Entry:
    """A mail that was filed."""
    mailbox.add_service()
    mailbox.put(mail(1))
    mailbox.run()
    return Journal(mailbox.trac.reopen()).get(1)


def test_what_a_mail_contains(entry: Entry, mailbox: Mailbox) -> None:
    """The text as it was filed and as it was sent, and the header; nothing is filed of what is held."""
    found = inside(mailbox.trac.env, entry)
    assert found.filed is not None
    assert "Please help." in found.filed.text
    assert ("Please help." in found.text, found.unread) == (True, "")
    assert dict(found.headers)["Subject"] == "The printer smokes"
    assert inside(mailbox.trac.env, replace(entry, outcome="held")).filed is None


def test_what_cannot_be_read_is_said(entry: Entry, mailbox: Mailbox, tmp_path: Path) -> None:
    """Purged, never archived, too large, or gone from the disk: each has its sentence, and the rest is shown."""
    assert entry.raw is not None
    cases = {
        "were purged": replace(entry, purged=Microseconds(1)),
        "never archived": replace(entry, raw=None),
        "too large": replace(entry, raw=replace(entry.raw, length=LARGEST + 1)),
        "no longer kept": replace(entry, raw=replace(entry.raw, path=str(tmp_path / "gone"))),
    }
    for sentence, case in cases.items():
        found = inside(mailbox.trac.env, case)
        assert sentence in found.unread
        assert (found.text, found.headers, found.filed is None) == ("", (), False)
