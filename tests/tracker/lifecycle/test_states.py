"""The table of states holds together, and says what is promised about mail that leaves its mailbox."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.tracker.lifecycle.states_page import INTERNALS, filled
from trac_mailintake.intake.model import Status
from trac_mailintake.tracker.lifecycle import states
from trac_mailintake.tracker.lifecycle.states import (
    AT_WORK,
    DECIDED,
    FINAL,
    IN_ARCHIVE,
    MARKED,
    NEXT,
    RECORDED,
    UNDECIDED,
    WAITING,
    Event,
    Mark,
    State,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def rows() -> Iterator[sqlite3.Connection]:
    """A table with a row in each state, with the indexes that the real one has of it."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE mailintake_delivery (id INTEGER PRIMARY KEY, state TEXT, was TEXT, subject TEXT)")
        db.execute("CREATE INDEX by_state ON mailintake_delivery (state)")
        db.executemany(
            "INSERT INTO mailintake_delivery (state, was) VALUES (?, ?)", [(each.value, each.value) for each in State]
        )
        yield db


def after(*events: Event) -> State | None:
    """Where a new row is after these events. Raises KeyError if one of them cannot happen there."""
    state: State | None = None
    for event in events:
        state = NEXT[event][state]
    return state


def test_every_event_leads_somewhere_and_every_mark_is_made_somewhere() -> None:
    """None of them is a word that nothing uses."""
    assert set(NEXT) == set(Event)
    assert set(MARKED) == set(Mark)
    assert all(NEXT.values())
    assert all(MARKED.values())


def test_every_state_is_reached_and_left() -> None:
    """From no row at all, and no mail stays undecided for want of an event that decides it."""
    reached: set[State | None] = {None}
    while new := {to for ways in NEXT.values() for before, to in ways.items() if before in reached} - reached:
        reached |= new
    assert reached == {None, *State}
    ends: set[State | None] = set(FINAL)
    while more := {before for ways in NEXT.values() for before, to in ways.items() if to in ends} - ends:
        ends |= more
    assert ends >= set(State)


def test_the_sets_of_states_are_a_partition() -> None:
    """Each state is at work, waiting, held or final."""
    assert AT_WORK | WAITING | {State.HELD} | FINAL == set(State)
    assert sum(map(len, (AT_WORK, WAITING, {State.HELD}, FINAL))) == len(State)
    assert UNDECIDED.isdisjoint(DECIDED)


def test_what_is_in_the_archive_never_vanishes() -> None:
    """The promise: a mail whose bytes are durable is decided, or held, but never said to have vanished."""
    assert set(NEXT[Event.VANISH]).isdisjoint(IN_ARCHIVE)
    assert set(NEXT[Event.VANISH]) == UNDECIDED - IN_ARCHIVE


@pytest.mark.parametrize("event", [each for each in Event if each not in {Event.REFETCH, *RECORDED.values()}])
def test_only_a_decision_or_a_new_copy_gives_up_the_archived_bytes(event: Event) -> None:
    """Whatever happens to a mail in the archive, it stays there or in quarantine."""
    for before, to in NEXT[event].items():
        assert before not in IN_ARCHIVE or to in {*IN_ARCHIVE, State.HELD}, (before, event, to)


def test_every_decision_can_be_recorded_by_whoever_has_the_mail() -> None:
    """Deferred is not a decision; forwarded follows from held once the server accepted the forward."""
    assert set(RECORDED) == set(Status) - {Status.DEFERRED, Status.FORWARDED}
    for status, event in RECORDED.items():
        assert {state: NEXT[event][state] for state in AT_WORK} == dict.fromkeys(AT_WORK, State(status.value))


def test_the_life_of_a_mail_whose_worker_died() -> None:
    """Fetched and sealed, never recorded; it is decided from the archive, and only then final."""
    assert after(Event.CLAIM, Event.DIE) is State.CLAIMED
    assert after(Event.CLAIM, Event.DIE, Event.SEAL) is State.SEALED
    assert after(Event.CLAIM, Event.DIE, Event.SEAL, Event.TAKE, Event.DIE) is State.SEALED
    assert after(Event.CLAIM, Event.DIE, Event.SEAL, Event.TAKE, Event.CREATE) is State.CREATED
    with pytest.raises(KeyError):
        after(Event.CLAIM, Event.SEAL, Event.VANISH)


def test_the_journal_shows_each_state_as_one_of_its_outcomes() -> None:
    """And finds all of them again when it is filtered by that."""
    outcomes = {status.value for status in Status} | {states.IN_WORK}
    assert {states.shown(state) for state in State} == outcomes
    assert set().union(*map(states.shown_as, outcomes)) == set(State)


def test_an_event_that_makes_no_row_makes_none() -> None:
    """Only two do."""
    assert (states.made(Event.CLAIM), states.made(Event.SKIP)) == (State.CLAIMED, State.IGNORED)
    with pytest.raises(KeyError):
        states.made(Event.FORGET)


def test_the_diagram_in_the_documentation_is_that_of_the_table() -> None:
    """Otherwise run `python -m tests.tracker.lifecycle.states_page`."""
    page = INTERNALS.read_text("utf-8")
    assert page == filled(page)
    with pytest.raises(LookupError):
        filled("no place for it")


@pytest.mark.parametrize("column", ["state", "COALESCE(state, '')"])
@pytest.mark.parametrize("event", [each for each in Event if set(NEXT[each]) - {None} and any(NEXT[each].values())])
def test_a_database_moves_each_row_as_the_table_says(rows: sqlite3.Connection, event: Event, column: str) -> None:
    """And leaves those alone that are in a state where the event cannot happen."""
    move = states.move(event, column)
    changed = rows.execute(f"UPDATE mailintake_delivery SET {move.assignment} WHERE {move.condition}").rowcount
    found = {State(was): State(state) for was, state in rows.execute("SELECT was, state FROM mailintake_delivery")}
    assert found == {each: NEXT[event].get(each, each) for each in State}
    assert changed == len(NEXT[event])


def test_the_event_that_removes_rows_sets_nothing(rows: sqlite3.Connection) -> None:
    """Its condition says which rows may go: those that are decided for good."""
    move = states.move(Event.FORGET)
    assert move.assignment == ""
    rows.execute(f"DELETE FROM mailintake_delivery WHERE {move.condition}")
    assert {State(state) for (state,) in rows.execute("SELECT state FROM mailintake_delivery")} == set(State) - FINAL


@pytest.mark.parametrize("chosen", [UNDECIDED, WAITING, IN_ARCHIVE, {State.HELD}], ids=len)
def test_rows_in_some_states_are_found_once_each_by_the_index(rows: sqlite3.Connection, chosen: set[State]) -> None:
    """However often a state was said; the whole table is never read."""
    table = states.each_of(chosen, "id, state")
    assert sorted(state for _, state in rows.execute(f"SELECT id, state FROM {table}")) == sorted(
        each.value for each in chosen
    )
    rows.executemany("INSERT INTO mailintake_delivery (state) VALUES (?)", [("created",)] * 500)
    rows.execute("ANALYZE")
    plan = [step for *_, step in rows.execute(f"EXPLAIN QUERY PLAN SELECT id, state FROM {table}")]
    assert not [step for step in plan if step.startswith("SCAN mailintake_delivery")], plan


def test_the_database_shows_each_state_as_the_journal_does(rows: sqlite3.Connection) -> None:
    """The same words, whether a page or a query asks."""
    found = dict(rows.execute(f"SELECT state, {states.SHOWN} FROM mailintake_delivery").fetchall())
    assert found == {state.value: states.shown(state) for state in State}
