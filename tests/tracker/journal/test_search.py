"""The journal is searched page by page, on each database; its rows are those of real rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.past import fill
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.intake.times import Seconds
from trac_mailintake.tracker.journal.journal import Journal
from trac_mailintake.tracker.journal.search import Filter, Stretch

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


AUTOMATIC = "Auto-Submitted: auto-replied\n"


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


@pytest.mark.parametrize("typed", ["in work", "in-work", "In-Work"])
def test_an_outcome_of_two_words_needs_no_quotes(typed: str) -> None:
    """In a shell the blank would end the word."""
    assert Filter(outcome=typed) == Filter(outcome="in work")
    assert Filter(outcome="held").outcome == "held"


def test_an_outcome_that_does_not_exist_is_refused(journal: Journal) -> None:
    """With those that do."""
    with pytest.raises(SettingError, match=r"outcome=lost: not allowed\. Allowed: created, "):
        journal.entries(Filter(outcome="lost"))
