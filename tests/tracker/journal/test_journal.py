"""The journal, read on each database; its rows are those of real rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox, mail
from tests.past import fill
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.intake.times import Seconds
from trac_mailintake.tracker.db.transaction import now
from trac_mailintake.tracker.journal.journal import Journal
from trac_mailintake.tracker.journal.search import Filter, Stretch
from trac_mailintake.tracker.outgoing.waiting import anything_owed, queued

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

AUTOMATIC = "Auto-Submitted: auto-replied\n"


@pytest.fixture
def journal(trac_env: TracEnv, tmp_path: Path) -> Journal:
    """Of a service `support` with a ticket, a duplicate and a held mail, and of `sales` with a mail to forward."""
    trac_env.grant("anonymous", "TICKET_CREATE")
    box = Mailbox(trac_env, tmp_path / "support")
    box.add_service()
    box.put(mail(1, subject="Größe 100%"), mail(1, subject="Größe 100%"), mail(2, more=AUTOMATIC))
    other = Mailbox(trac_env, tmp_path / "sales")
    other.add_service("bulk=forward", "forward=boss@example.org", name="sales")
    other.put(mail(3, sender="Zoë <zoe@example.net>", more=AUTOMATIC))
    assert box.run().status == 1
    return Journal(trac_env.reopen())


def test_deliveries_are_counted_by_service_and_outcome(journal: Journal) -> None:
    """Deliveries in are the sum of outcomes."""
    assert journal.counts() == {"support": {"created": 1, "duplicate": 1, "held": 1}, "sales": {"held": 1}}
    assert journal.waiting() == {"support": {"held": 1}, "sales": {"held": 1}}
    assert journal.names() == ("sales", "support")


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        (Filter(service="support"), 3),
        (Filter(outcome="held"), 2),
        (Filter(outcome="held", service="sales"), 1),
        (Filter(outcome="deferred"), 0),
        (Filter(outcome="in work"), 0),
        (Filter(rule="forward-pending"), 1),
        (Filter(ticket=1), 2),
        (Filter(sender="ZOE@"), 1),
        (Filter(text="größe"), 2),
        (Filter(text="100%"), 2),
        (Filter(text="1_0%"), 0),
        (Filter(text="<3@example.net>"), 1),
    ],
)
def test_a_filter_narrows_the_journal_down(journal: Journal, wanted: Filter, number: int) -> None:
    """Case does not matter, and `%` is not a wildcard."""
    if wanted.text == "größe":
        wanted = Filter(text="GRÖßE" if _folds_umlauts(journal) else "Größe")
    assert len(journal.entries(wanted)) == number


def _folds_umlauts(journal: Journal) -> bool:
    """SQLite's LIKE knows the case of ASCII letters only."""
    return not journal._env.config.get("trac", "database").startswith("sqlite")


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


@pytest.mark.parametrize("upwards", [False, True])
def test_a_search_goes_on_where_its_time_was_up(sqlite_env: TracEnv, *, upwards: bool) -> None:
    """What its pages find on the way, together, is all there is."""
    fill(sqlite_env.env, 9_000)
    journal = Journal(sqlite_env.env)
    wanted = Filter(text="(700")
    found: list[int] = []
    stretch = Stretch(after=0 if upwards else None, seconds=Seconds(0.0))
    for _ in range(6):
        page = journal.page(wanted, stretch, 50)
        found += [entry.id for entry in page.entries]
        assert page.searched == (page.newer if upwards else page.older)
        if page.searched is None:
            break
        stretch = Stretch(**{"after" if upwards else "before": page.searched}, seconds=Seconds(0.0))
    else:
        pytest.fail("It does not end.")
    everything = sorted([700, *range(7000, 7010)], reverse=True)
    assert sorted(found, reverse=True) == everything
    assert [entry.id for entry in journal.entries(wanted)] == everything


def test_an_outcome_that_does_not_exist_is_refused(journal: Journal) -> None:
    """With those that do."""
    with pytest.raises(SettingError, match=r"outcome=lost: not allowed\. Allowed: created, "):
        journal.entries(Filter(outcome="lost"))


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
        db("UPDATE mailintake_delivery SET outcome=NULL WHERE id=%s", (held.id,))
    assert journal.get(held.id).outcome == "in work"
    with journal._env.db_transaction as db:
        db("UPDATE mailintake_delivery SET failure='no memory' WHERE id=%s", (held.id,))
    assert journal.get(held.id).outcome == "deferred"
    assert journal.counts()["support"] == {"created": 1, "duplicate": 1, "deferred": 1}
    assert [entry.id for entry in journal.entries(Filter(outcome="deferred"))] == [held.id]
