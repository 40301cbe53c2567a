"""The journal, read on each database; its rows are those of real rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components.mails import mail
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.tracker.db.transaction import now
from trac_mailintake.tracker.journal.search import Filter, Stretch
from trac_mailintake.tracker.outgoing.waiting import anything_owed, queued

if TYPE_CHECKING:
    from trac_mailintake.tracker.journal.journal import Journal


AUTOMATIC = "Auto-Submitted: auto-replied\n"


def test_deliveries_are_counted_by_service_and_outcome(journal: Journal) -> None:
    """Deliveries in are the sum of outcomes."""
    assert journal.counts() == {"support": {"created": 1, "duplicate": 1, "held": 1}, "sales": {"held": 1}}
    assert journal.waiting() == {"support": {"held": 1}, "sales": {"held": 1}}
    assert journal.names() == ("sales", "support")


def test_the_newest_comes_first_a_page_at_a_time(journal: Journal) -> None:
    """By number, so that pages do not shift while somebody looks."""
    numbers = [entry.id for entry in journal.entries()]
    assert numbers == sorted(numbers, reverse=True)
    first = journal.page(Filter(), Stretch(), 3)
    assert ([entry.id for entry in first.entries], first.newer) == (numbers[:3], None)
    second = journal.page(Filter(), Stretch(before=first.older), 3)
    assert ([entry.id for entry in second.entries], second.older) == (numbers[3:], None)
    back = journal.page(Filter(), Stretch(after=second.newer), 3)
    assert ([entry.id for entry in back.entries], back.newer, back.older) == (numbers[:3], None, first.older)
    oldest = journal.page(Filter(), Stretch(after=0), 3)
    assert ([entry.id for entry in oldest.entries], oldest.older) == (numbers[1:], None)
    assert oldest.newer == numbers[1]


def test_the_bytes_of_each_mail_are_there(journal: Journal) -> None:
    """Those that arrived."""
    (held,) = journal.held("support")
    assert journal.raw(held.id).read() == mail(2, more=AUTOMATIC)


def test_a_held_mail_is_discarded_once(journal: Journal) -> None:
    """Who did it is in the journal; its forward is not sent any more."""
    (held,) = journal.held("sales")
    assert anything_owed(journal._env, now())
    journal.discard(held.id, "joe")
    assert (journal.get(held.id).outcome, journal.get(held.id).reason) == ("discarded", "Discarded by joe.")
    assert queued(journal._env) == []
    assert not anything_owed(journal._env, now())
    with pytest.raises(SettingError, match="this one is discarded"):
        journal.discard(held.id, "joe")


def test_a_mail_that_waits_to_be_forwarded_is_not_decided_again(journal: Journal) -> None:
    """It would be forwarded, and filed."""
    (held,) = journal.held("sales")
    with pytest.raises(SettingError, match="queue flush"):
        journal.retryable(held.id)
    (other,) = journal.held("support")
    assert journal.retryable(other.id) == other


def test_what_was_deferred_is_shown_so(journal: Journal) -> None:
    """A row without an outcome is in work, or was let go for now."""
    (held,) = journal.held("support")
    with journal._env.db_transaction as db:
        db("UPDATE mailintake_delivery SET state='free' WHERE id=%s", (held.id,))
    assert journal.get(held.id).outcome == "in work"
    with journal._env.db_transaction as db:
        db("UPDATE mailintake_delivery SET state='deferred', failure='no memory' WHERE id=%s", (held.id,))
    assert journal.get(held.id).outcome == "deferred"
    assert journal.counts()["support"] == {"created": 1, "duplicate": 1, "deferred": 1}
    assert [entry.id for entry in journal.entries(Filter(outcome="deferred"))] == [held.id]
