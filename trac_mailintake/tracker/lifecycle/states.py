"""record: the states of a delivery, and what leads from one to another.

Theory of operation
-------------------

A delivery is a row of `mailintake_delivery`. Its column `state` says where it is in its life, and is the only source of
that: the outcome that the journal shows is derived from it (`shown`). `NEXT` is the one table: state × event → state.
What is not in it cannot happen: the functions of `transitions`, which are the only ones to write the delivery's table,
take the WHERE and the new state of each UPDATE from it (`Move`).

1. A row begins when its message is listed and claimed (`claimed`), or passed over because it was there before the
   service's first run (`ignored`), or held since nobody knows whether it was. If the database has lost it, it begins
   anew with its bytes (`sealed`).
2. A worker has it in `claimed`, `resumed` or `reclaimed`. They differ in what is left if that worker fails or dies:

   - `claimed`: the mailbox has the message; the bytes may be in a batch of the archive, but the row does not say where.
     Unless that batch turns out to be sealed, the message must be fetched again.
   - `resumed`: the row names its bytes, which are durable. It becomes `sealed` again.
   - `reclaimed`: an administrator had it decided again. It becomes `held` again.

3. A row is in nobody's hands while it is `free`, `deferred` (until `retry_at`) or `sealed`. Only in `sealed` does the
   archive have its bytes, durably, and the row say where. From then on the mailbox is not needed any more: if the
   message vanishes from it, the mail is decided from the archive. So the event `VANISH` leads to `ignored` from all
   states in which a mail is undecided and its row names no bytes, and from no other.
4. The decided states are final, but for `held`: an administrator has it decided again or discards it, or the outgoing
   server accepts the forward that it waited for. A mail that is held without its bytes, since it could not be fetched
   or was too large, still lies in its mailbox: it is claimed again by itself when its time has come (event `RETRY`),
   and is `ignored` if it leaves the mailbox before that (`LOSE`).
5. A mail that is listed and does not come is `deferred`. How often it was asked for in vain is counted (`misses`), and
   so is how often that was its own fault (`blamed`, the first time at `blamed_since`), once the round knows whether
   other mail came. When that is enough, it is held (event `SET_ASIDE`).

What else a row says is independent of that, and has columns of its own. `Mark` names the events that change only these,
and `MARKED` the states in which each may happen:

- `owner`, `lease`, `fence`: who works, or last worked, on the row, until when others must leave it alone, and how often
  it changed hands. A claim whose worker died keeps its owner, as a sign that it must be claimed alone (`alone`,
  `deaths`).
- `live`: the key of the listed message; NULL once the mailbox has another message, or none, at that locator. A mail may
  be decided long before its copy goes, and may lose its copy in any state.
- `consumed`: when the mailbox's copy was disposed of. That follows the outcome, and no outcome depends on it.
- `notify`, `sender_told`, `admin_told`: whom a mail about the outcome is owed to, or has reached.
- `archive` and its slice: where the bytes are. They stay when a mail is decided, until `purged`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.model import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class State(Enum):
    """Where a delivery is in its life: the column `state`."""

    FREE = "free"
    """Nobody has it, and its bytes are not in the archive: it was claimed, and released before it was begun."""
    CLAIMED = "claimed"
    """A worker has it, perhaps a dead one. The row does not say where its bytes are."""
    DEFERRED = "deferred"
    """Nobody has it until `retry_at`; `failure` says why. It must be fetched again."""
    SEALED = "sealed"
    """Nobody has it, until `retry_at` if that is set. Its bytes are durable in the archive; the row says where."""
    RESUMED = "resumed"
    """A worker has it, and decides about the bytes that the row names."""
    HELD = "held"
    """An administrator decides, or the outgoing server (rule `forward-pending`)."""
    RECLAIMED = "reclaimed"
    """A worker has it, since an administrator took it out of quarantine. It is held again if nothing is recorded."""
    CREATED = "created"
    COMMENTED = "commented"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    FORWARDED = "forwarded"
    REJECTED = "rejected"
    DISCARDED = "discarded"


class Event(Enum):
    """What leads from one state to another."""

    CLAIM = "claim"
    """A message that is listed for the first time is claimed."""
    SKIP = "skip"
    """A message is remembered as one that the service passes over (`start=now`)."""
    DOUBT = "doubt"
    """A message is held, without being fetched: nobody knows whether the service should pass it over."""
    REFILE = "refile"
    """An administrator has a mail filed that is in the archive, and in no row."""
    TAKE = "take"
    """A worker claims it once more; if another one has it, that one is dead, or its lease has expired."""
    REFETCH = "refetch"
    """A worker claims it although its bytes are no longer in the archive, as the mailbox still lists it."""
    RELEASE = "release"
    """Its worker leaves it to others, unbegun."""
    DEFER = "defer"
    """It failed before its bytes were in the archive."""
    SEAL = "seal"
    """Its bytes turn out to be durable, and it is undecided: it failed after they were archived, or its worker died."""
    DIE = "die"
    """Its worker died."""
    VANISH = "vanish"
    """The mailbox no longer lists it, and the row names no bytes."""
    LOSE = "lose"
    """The mailbox no longer lists a mail that is held without its bytes."""
    SET_ASIDE = "set aside"
    """It could not be fetched so often that it is held, without its bytes. Its copy stays in the mailbox."""
    RETRY = "retry"
    """A worker claims a held mail whose bytes were never archived, to fetch it from its mailbox after all."""
    RECLAIM = "reclaim"
    """An administrator has it decided again."""
    CREATE = "create"
    COMMENT = "comment"
    DUPLICATE = "duplicate"
    IGNORE = "ignore"
    REJECT = "reject"
    DISCARD = "discard"
    """It is decided so, by the rules or by an administrator."""
    HOLD = "hold"
    FORWARD = "forward"
    """The outgoing server has accepted the forward."""
    DIGEST = "digest"
    """The forward was only told of, in a digest of failures."""
    FORGET = "forget"
    """Its row is removed from the journal."""


def _all(before: Iterable[State], after: State | None) -> dict[State | None, State | None]:
    return dict.fromkeys(before, after)


AT_WORK: Final = frozenset({State.CLAIMED, State.RESUMED, State.RECLAIMED})
"""A worker has it, though perhaps a dead one."""
WAITING: Final = frozenset({State.FREE, State.DEFERRED, State.SEALED})
"""Undecided, and in nobody's hands."""
UNDECIDED: Final = AT_WORK | WAITING
DEFERRED: Final = frozenset({State.DEFERRED, State.SEALED})
"""Undecided, and shown as deferred."""
IN_ARCHIVE: Final = frozenset({State.SEALED, State.RESUMED, State.RECLAIMED})
"""Undecided, and the row says where its bytes are."""
FINAL: Final = frozenset(State) - UNDECIDED - {State.HELD}
DECIDED: Final = FINAL | {State.HELD}

NEXT: Final[Mapping[Event, Mapping[State | None, State | None]]] = {
    Event.CLAIM: {None: State.CLAIMED},
    Event.SKIP: {None: State.IGNORED},
    Event.DOUBT: {None: State.HELD},
    Event.REFILE: {None: State.SEALED},
    Event.TAKE: _all((State.FREE, State.DEFERRED, State.CLAIMED), State.CLAIMED)
    | _all((State.SEALED, State.RESUMED), State.RESUMED),
    Event.REFETCH: _all((State.SEALED, State.RESUMED), State.CLAIMED),
    Event.RELEASE: {State.CLAIMED: State.FREE, State.RESUMED: State.SEALED, State.RECLAIMED: State.HELD},
    Event.DEFER: {State.CLAIMED: State.DEFERRED},
    Event.SEAL: _all((State.CLAIMED, State.FREE, State.RESUMED), State.SEALED) | {State.RECLAIMED: State.HELD},
    Event.DIE: {State.CLAIMED: State.CLAIMED, State.RESUMED: State.SEALED, State.RECLAIMED: State.HELD},
    Event.VANISH: _all((State.FREE, State.DEFERRED, State.CLAIMED), State.IGNORED),
    Event.LOSE: {State.HELD: State.IGNORED},
    Event.SET_ASIDE: _all((State.CLAIMED, State.DEFERRED), State.HELD),
    Event.RETRY: {State.HELD: State.CLAIMED},
    Event.RECLAIM: {State.HELD: State.RECLAIMED},
    Event.CREATE: _all(AT_WORK, State.CREATED),
    Event.COMMENT: _all(AT_WORK, State.COMMENTED),
    Event.DUPLICATE: _all(AT_WORK, State.DUPLICATE),
    Event.IGNORE: _all(AT_WORK, State.IGNORED),
    Event.REJECT: _all(AT_WORK, State.REJECTED),
    Event.DISCARD: _all(AT_WORK | {State.HELD}, State.DISCARDED),
    Event.HOLD: _all(AT_WORK, State.HELD),
    Event.FORWARD: {State.HELD: State.FORWARDED},
    Event.DIGEST: {State.HELD: State.HELD},
    Event.FORGET: _all(FINAL, None),
}
"""The table. None is the absence of a row."""

RECORDED: Final[Mapping[Status, Event]] = {
    Status.CREATED: Event.CREATE,
    Status.COMMENTED: Event.COMMENT,
    Status.DUPLICATE: Event.DUPLICATE,
    Status.IGNORED: Event.IGNORE,
    Status.REJECTED: Event.REJECT,
    Status.DISCARDED: Event.DISCARD,
    Status.HELD: Event.HOLD,
}
"""The events by which a decision is recorded."""


class Mark(Enum):
    """An event that changes no state, only what is independent of it."""

    RENEW = "renew"
    """Its worker still has it."""
    BLAME = "blame"
    """It could not be fetched, and other mail could: a try is counted."""
    ABANDON = "abandon"
    """The worker that was to dispose of its copy, or to notify of it, died."""
    CONFIRM = "confirm"
    """Its outcome is made durable before its copy is disposed of."""
    CONSUME = "consume"
    """The mailbox's copy has been disposed of."""
    RETIRE = "retire"
    """The mailbox has no longer this message at its locator."""
    HINT = "hint"
    """The mailbox tells another size of it, though it is the same."""
    REKEY = "rekey"
    """It was found again at another locator."""
    DISPLACE = "displace"
    """The mailbox has another message at its locator, and this one is still to be decided, from the archive."""
    NOTIFY = "notify"
    """Trac's notification was sent."""
    TELL = "tell"
    """A mail about it was sent to its sender, or to an administrator."""
    EXPLAIN = "explain"
    """Something is added to its reason."""
    ASK = "ask"
    """An administrator wants a mail that is held without its bytes to be fetched in the next run."""
    PURGE = "purge"
    """Its bytes are removed from the archive."""


MARKED: Final[Mapping[Mark, frozenset[State]]] = {
    Mark.RENEW: AT_WORK,
    Mark.BLAME: frozenset({State.DEFERRED}),
    # A held mail may be reclaimed while its copy is disposed of, or while mail about it is sent.
    Mark.ABANDON: DECIDED,
    Mark.CONFIRM: DECIDED | {State.RECLAIMED},
    Mark.CONSUME: DECIDED | {State.RECLAIMED},
    Mark.RETIRE: DECIDED | {State.RECLAIMED},
    Mark.HINT: DECIDED | {State.RECLAIMED, State.SEALED, State.RESUMED},
    Mark.REKEY: DECIDED | {State.RECLAIMED, State.SEALED, State.DEFERRED},
    Mark.DISPLACE: frozenset({State.SEALED, State.RESUMED}),
    Mark.NOTIFY: frozenset({State.CREATED, State.COMMENTED}),
    Mark.TELL: DECIDED | {State.RECLAIMED},
    Mark.EXPLAIN: frozenset({State.CREATED, State.COMMENTED}),
    Mark.ASK: frozenset({State.HELD}),
    Mark.PURGE: FINAL,
}
"""The states in which each mark may be made."""


# in SQL --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Move:
    """An event in SQL. `assignment` is what it sets, `condition` is true in all states in which it may happen.

    Where several columns are set, the assignment must come last: MariaDB makes assignments one after the other.
    """

    assignment: str
    condition: str


@functools.cache
def move(event: Event, column: str = "state") -> Move:
    """The SQL of an event that changes a row. `column` is the state as the condition names it."""
    ways = {before: after for before, after in NEXT[event].items() if before is not None}
    condition = among(ways, column)
    targets = set(ways.values())
    if len(targets) == 1:
        [after] = targets
        return Move(f"state={_quoted(after)}" if after else "", condition)
    cases = " ".join(f"WHEN {_quoted(before)} THEN {_quoted(after)}" for before, after in ways.items() if after)
    return Move(f"state=CASE state {cases} END", condition)


def made(event: Event) -> State:
    """The state in which an event makes a row. Raises KeyError if it makes none."""
    state = NEXT[event][None]
    if state is None:
        raise KeyError(event)
    return state


def among(states: Iterable[State], column: str = "state") -> str:
    """SQL: whether a row is in one of these states. The words are constants of this module."""
    return f"{column} IN ({', '.join(sorted(map(_quoted, states)))})"


def each_of(states: Iterable[State], columns: str) -> str:
    """SQL: the rows in one of these states, as a table. Its parts have an index each.

    For several states in one list, SQLite with ANALYZE reads all rows instead.
    """
    parts = (f"SELECT {columns} FROM mailintake_delivery WHERE state={each}" for each in sorted(map(_quoted, states)))
    return f"({' UNION ALL '.join(parts)}) some_states"


def _quoted(state: State) -> str:
    return f"'{state.value}'"


# in the journal ------------------------------------------------------------------------------------------------------

IN_WORK: Final = "in work"
"""Shown for a delivery that is undecided and not deferred."""


def shown(state: State) -> str:
    """The outcome that the journal shows: the value of a `Status`, or IN_WORK."""
    if state in DECIDED:
        return state.value
    return Status.DEFERRED.value if state in DEFERRED else IN_WORK


def shown_as(outcome: str) -> frozenset[State]:
    """The states that the journal shows as this outcome."""
    return frozenset(state for state in State if shown(state) == outcome)


_CASES: Final = (f"WHEN {among(shown_as(each))} THEN '{each}'" for each in (Status.DEFERRED.value, IN_WORK))
SHOWN: Final = f"CASE {' '.join(_CASES)} ELSE state END"
"""SQL: the outcome as shown."""
