"""record: everything that is written to `mailintake_delivery`, as the events and marks of `states`.

Each function runs in its caller's transaction, which begins with it or has locked the row. It changes only rows that
are in a state from which its event leads somewhere. Those that return a number return how many rows that were: fewer
than asked for if another worker came first.

MariaDB counts only rows that a statement changed, so each counted statement changes something in every case. It also
makes assignments one after the other, so a column is read before it is set, and `state` is set last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from trac_mailintake.intake.failures import BACK_OFF
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db.lease import END, END_AS, EXTEND, HELD, HELD_AS, OVER, TAKE_AS, Terms
from trac_mailintake.tracker.db.transaction import MINUTE, SECOND, marks, now
from trac_mailintake.tracker.lifecycle import stored_reasons
from trac_mailintake.tracker.lifecycle.states import MARKED, NEXT, RECORDED, Event, Mark, State, among, made, move

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trac_mailintake.intake.model import Status
    from trac_mailintake.mail.wording import Reason
    from trac_mailintake.tracker.db.lease import Hold
    from trac_mailintake.tracker.db.transaction import Connection

_HIDDEN: Final = "COALESCE(state, '')"
"""The column as an expression: each statement has a better index than that of the state."""

LEASES: Final = Terms(
    lease=Microseconds(15 * MINUTE), backoff=tuple(Microseconds(int(each * SECOND)) for each in BACK_OFF)
)
"""The terms on which a worker has a mail. The lease matters only for workers on other hosts: see `workers`."""

Values = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bytes of a mail are: a batch of the archive as the journal names it, and a slice of it.

    `content` is the digest by which the mail is recognised; None: unknown.
    """

    archive: str
    offset: int
    length: int
    sha256: str
    content: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a mail is deferred, and until when. `message_id`: None if it is unknown; `attempts`, `misses` are added."""

    sentence: str
    retry_at: Microseconds
    message_id: str | None
    attempts: int
    misses: int = 0


# it begins -----------------------------------------------------------------------------------------------------------


def claim(db: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows for new messages, claimed. All have the same columns."""
    _insert(db, Event.CLAIM, rows)


def skip(db: Connection, rows: Sequence[Mapping[str, object]], reason: Reason, event: Event = Event.SKIP) -> None:
    """Insert rows for messages that are not fetched: the service passes over them, or they are held (DOUBT)."""
    why = {**stored_reasons.why(reason), "recorded": now(), "admin_told": 0, "sender_told": 0}
    _insert(db, event, [{**row, **why} for row in rows])


def refile(db: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows for mail that the archive has and the database has lost, with the places of its bytes."""
    _insert(db, Event.REFILE, rows)


def _insert(db: Connection, event: Event, rows: Sequence[Mapping[str, object]]) -> None:
    names = ", ".join(rows[0])
    values = [value for row in rows for value in (*row.values(), made(event).value)]
    each = f"({marks([*rows[0], 'state'])})"
    db(f"INSERT INTO mailintake_delivery ({names}, state) VALUES {','.join([each] * len(rows))}", values)


# a worker has it -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Taking:
    """How a row is taken over: fingerprint and size of the message as it is listed, and who died over it."""

    fingerprint: str
    size: int
    alone: int
    deaths: int


def take(db: Connection, before: Hold, owner: str, how: Taking) -> int:
    """Claim a row that others had before."""
    return _take(db, Event.TAKE, "", before, owner, how)


def refetch(db: Connection, before: Hold, owner: str, how: Taking) -> int:
    """Claim a row whose bytes are no longer in the archive."""
    return _take(db, Event.REFETCH, "archive=NULL, archive_offset=0, archive_length=0, ", before, owner, how)


def _take(db: Connection, event: Event, more: str, before: Hold, owner: str, how: Taking) -> int:
    return _counted(
        db,
        event,
        f"{more}{TAKE_AS}, fingerprint=%s, size=%s, alone=%s, deaths=%s",
        (owner, LEASES.expiry(), how.fingerprint, how.size, how.alone, how.deaths),
        HELD,
        (before.row, before.fence),
    )


def retry(db: Connection, before: Hold, owner: str, how: Taking) -> int:
    """Claim a held mail whose bytes were never archived: its mailbox still has it."""
    return _counted(
        db,
        Event.RETRY,
        "rule=NULL, reason=NULL, because=NULL, trail=NULL, recorded=0, attempts=0, "
        f"{TAKE_AS}, fingerprint=%s, alone=%s, deaths=%s",
        (owner, LEASES.expiry(), how.fingerprint, how.alone, how.deaths),
        f"{HELD} AND archive IS NULL",
        (before.row, before.fence),
    )


def reclaim(db: Connection, row: int, owner: str) -> int:
    """Take a mail out of quarantine, to be decided again. Not if its bytes were never archived."""
    sets = f"{TAKE_AS}, attempts=0, retry_at=0, alone=0, deaths=0"
    return _counted(db, Event.RECLAIM, sets, (owner, LEASES.expiry()), "id=%s AND archive IS NOT NULL", (row,))


def renew(db: Connection, owner: str, rows: Sequence[int]) -> None:
    """Renew the leases of rows that the worker still has."""
    which = f"COALESCE(owner, '')=%s AND id IN ({marks(rows)})"
    _mark(db, Mark.RENEW, EXTEND, LEASES.extension(), which, (owner, *rows))


def keep(db: Connection, holds: Sequence[Hold]) -> int:
    """Lock the rows that are still held, and renew their leases."""
    pairs = " OR ".join([f"({HELD})"] * len(holds))
    # By id: a worker may own 20,000 rows in the end, and the index of owners would be read completely.
    which = f"COALESCE(owner, '')=%s AND ({pairs})"
    arguments = (holds[0].owner, *(word for each in holds for word in (each.row, each.fence)))
    cursor = db.cursor()
    cursor.execute(_statement(EXTEND, among(MARKED[Mark.RENEW], _HIDDEN), which), (*LEASES.extension(), *arguments))
    return cursor.rowcount


def release(db: Connection, owner: str, rows: Sequence[int]) -> None:
    """Leave rows to others, unbegun."""
    which = f"COALESCE(owner, '')=%s AND id IN ({marks(rows)})"
    _do(db, Event.RELEASE, f"{END_AS}, retry_at=%s", (now(),), which, (owner, *rows))


# it fails, or its worker dies ----------------------------------------------------------------------------------------

_FAILED: Final = (
    f"{END_AS}, alone=CASE WHEN %s>0 THEN 0 ELSE alone END, deaths=CASE WHEN %s>0 THEN 0 ELSE deaths END, "
    "retry_at=%s, failure=%s, message_id=COALESCE(%s, message_id), attempts=attempts+%s, misses=misses+%s"
)
"""Only a failure of the message's own shows that a process survived it: then its attempts count, not its deaths."""
_PLACED: Final = "archive=%s, archive_offset=%s, archive_length=%s, sha256=%s, content=%s"


def defer(db: Connection, held: Hold, failure: Failure) -> int:
    """Put a mail off whose bytes are not in the archive."""
    return _counted(db, Event.DEFER, _FAILED, _failed(failure), HELD_AS, held.values)


def blame(db: Connection, row: int, fence: int) -> int:
    """Count a try to fetch a mail that failed although other mail came."""
    sets = "blamed_since=CASE WHEN blamed=0 THEN %s ELSE blamed_since END, blamed=blamed+1"
    return _marked(db, Mark.BLAME, sets, (now(),), HELD, (row, fence))


def set_aside(db: Connection, held: Hold, reason: Reason, failure: Failure) -> int:
    """Hold a mail that cannot be fetched, whether the worker still has it or has deferred it."""
    why = {**stored_reasons.why(reason), "recorded": now(), "admin_told": 0, "sender_told": 0}
    return _counted(
        db,
        Event.SET_ASIDE,
        f"{_set(why)}, {_FAILED}",
        (*why.values(), *_failed(failure)),
        f"{HELD} AND COALESCE(owner, %s)=%s",
        (held.row, held.fence, held.owner, held.owner),
    )


def seal(db: Connection, held: Hold, place: Place, failure: Failure) -> int:
    """Put a mail off whose bytes are durable."""
    values = (*_failed(failure), *_placed(place))
    return _counted(db, Event.SEAL, f"{_FAILED}, {_PLACED}", values, HELD_AS, held.values)


def seal_left(db: Connection, left: Hold, place: Place, sentence: str) -> int:
    """Say where the bytes of a mail are that its worker fetched, and then died over, or released.

    A restored database gives rows and fencing numbers again: a row that another worker has by now is not changed.
    If it died, the mail is taken alone from now on, and the death is counted if it was alone already.
    """
    blame = (
        "deaths=deaths+CASE WHEN owner IS NULL THEN 0 ELSE alone END, "
        f"alone=CASE WHEN owner IS NULL THEN alone ELSE 1 END, {END_AS}, retry_at=%s, failure=%s"
    )
    values = (now(), sentence, *_placed(place))
    which = (left.row, left.fence, left.owner, left.owner)
    return _counted(db, Event.SEAL, f"{blame}, {_PLACED}", values, f"{HELD} AND COALESCE(owner, %s)=%s", which)


def die(db: Connection, owner: str) -> None:
    """Free all that a dead worker had, and had not yet disposed of or notified of.

    A claim keeps its owner, so this may come again; `retry_at` is when the death was noticed first.
    """
    _mark(db, Mark.ABANDON, END, (), "owner=%s AND consumed=0", (owner,))
    _mark(db, Mark.ABANDON, "owner=NULL", (), "owner=%s AND notify=1", (owner,))
    resumed, claimed = f"'{State.RESUMED.value}'", f"'{State.CLAIMED.value}'"
    sets = (
        f"retry_at=CASE WHEN lease>0 THEN %s ELSE retry_at END, {END}, "
        f"deaths=deaths+CASE state WHEN {resumed} THEN alone ELSE 0 END, "
        f"alone=CASE state WHEN {resumed} THEN 1 ELSE alone END, "
        f"owner=CASE state WHEN {claimed} THEN owner ELSE NULL END"
    )
    _do(db, Event.DIE, sets, (now(),), "owner=%s", (owner,))


def expire(db: Connection) -> None:
    """Hold mail again whose worker, wherever that is, has not renewed its lease in time."""
    _do(db, Event.DIE, "owner=NULL", (), f"state='{State.RECLAIMED.value}' AND {OVER}", LEASES.over())


def vanish(db: Connection, rows: Sequence[int], owners: Sequence[str], reason: Reason) -> None:
    """Ignore mail that is gone from its mailbox, unless another worker than these took it over meanwhile."""
    why = {**stored_reasons.why(reason), "recorded": now()}
    which = f"COALESCE(owner, '') IN ({marks(owners)}) AND id IN ({marks(rows)})"
    sets, arguments = f"{_set(why)}, live=NULL, owner=NULL", (*owners, *rows)
    _do(db, Event.VANISH, sets, tuple(why.values()), which, arguments)
    _do(db, Event.LOSE, sets, tuple(why.values()), f"archive IS NULL AND {which}", arguments)


# it is decided -------------------------------------------------------------------------------------------------------


def record(db: Connection, row: int, status: Status, values: Mapping[str, object]) -> None:
    """Record a decision, with the columns of `values`. The row must be held: see `keep`."""
    _do(db, RECORDED[status], _set(values), tuple(values.values()), "id=%s", (row,))


def discard(db: Connection, row: int, reason: Reason) -> int:
    """Discard a held mail, as an administrator said."""
    why = {**stored_reasons.why(reason), "recorded": now()}
    # The event leads here from a worker's hands, too, but not for an administrator.
    which = f"id=%s AND state='{State.HELD.value}'"
    return _counted(db, Event.DISCARD, _set(why), tuple(why.values()), which, (row,))


def forwarded(db: Connection, row: int | None, rule: str, reason: str, *, pending: str, digest: bool) -> None:
    """The forward of a mail that is held by the rule `pending` was accepted, or told of in a digest."""
    event = Event.DIGEST if digest else Event.FORWARD
    _do(db, event, "rule=%s, reason=%s, admin_told=1", (rule, reason), "id=%s AND rule=%s", (row, pending))


# afterwards ----------------------------------------------------------------------------------------------------------


def sender_told(db: Connection, row: int | None) -> None:
    """A notice was sent to the mail's sender. None: it is about no mail."""
    _mark(db, Mark.TELL, "sender_told=1", (), "id=%s", (row,))


def admin_told(db: Connection, row: int | None) -> None:
    """An alert was sent to an administrator. None: it is about no mail."""
    _mark(db, Mark.TELL, "admin_told=1", (), "id=%s", (row,))


def notified(db: Connection, rows: Sequence[int]) -> None:
    """Trac's notifications of these were sent."""
    _mark(db, Mark.NOTIFY, "notify=0", (), f"id IN ({marks(rows)})", tuple(rows))


def explain(db: Connection, row: int, reason: str) -> None:
    """Replace the reason by a longer one."""
    _mark(db, Mark.EXPLAIN, "reason=%s", (reason,), "id=%s", (row,))


def confirm(db: Connection, row: int) -> None:
    """Change a row, so that a flushed commit makes all commits before it durable."""
    _mark(db, Mark.CONFIRM, "lease=%s", (now(),), "id=%s", (row,))


def consume(db: Connection, rows: Sequence[int]) -> None:
    """The mailbox's copies of these have been disposed of."""
    _mark(db, Mark.CONSUME, "consumed=%s", (now(),), f"id IN ({marks(rows)})", tuple(rows))


def retire(db: Connection, rows: Sequence[int]) -> None:
    """The mailbox no longer has these at their locators."""
    _mark(db, Mark.RETIRE, "live=NULL", (), f"id IN ({marks(rows)})", tuple(rows))


class Whereabouts(NamedTuple):
    """Where and how a mailbox lists a message."""

    live: str
    locator: str
    fingerprint: str
    size: int


def hint(db: Connection, row: int, where: Whereabouts, content: str | None) -> None:
    """The mailbox tells another size of the message at this locator, which is the same. `content`: its digest."""
    sets = "fingerprint=%s, size=%s, content=COALESCE(content, %s)"
    _mark(db, Mark.HINT, sets, (where.fingerprint, where.size, content), "id=%s AND live=%s", (row, where.live))


def rekey(db: Connection, row: int, before: str, where: Whereabouts, content: str | None) -> int:
    """The message is found again at another locator than that of the live key `before`. `content`: its digest."""
    sets = "live=%s, locator=%s, fingerprint=%s, size=%s, content=COALESCE(%s, content)"
    return _marked(db, Mark.REKEY, sets, (*where, content), "id=%s AND live=%s", (row, before))


def displace(db: Connection, row: int, live: str) -> int:
    """The mailbox has another message at the locator of this one."""
    return _marked(db, Mark.DISPLACE, "live=%s", (live,), "id=%s", (row,))


def ask(db: Connection, row: int) -> None:
    """Have the next run fetch a mail that is held without its bytes."""
    _mark(db, Mark.ASK, "retry_at=%s", (now(),), "id=%s AND archive IS NULL", (row,))


def purge(db: Connection, archive: str) -> int:
    """The bytes in a batch are removed. Returns how many mails that are."""
    return _marked(db, Mark.PURGE, "archive=NULL, purged=%s", (now(),), "archive=%s", (archive,))


def forget(db: Connection, rows: Sequence[int]) -> None:
    """Remove rows from the journal."""
    states = among((state for state in NEXT[Event.FORGET] if state), _HIDDEN)
    db(f"DELETE FROM mailintake_delivery WHERE {states} AND id IN ({marks(rows)})", tuple(rows))


# inside --------------------------------------------------------------------------------------------------------------


def _failed(failure: Failure) -> Values:
    counted = failure.attempts
    return counted, counted, failure.retry_at, failure.sentence, failure.message_id, counted, failure.misses


def _placed(place: Place) -> Values:
    return place.archive, place.offset, place.length, place.sha256, place.content


def _set(values: Mapping[str, object]) -> str:
    return "=%s, ".join(values) + "=%s"


def _do(db: Connection, event: Event, sets: str, values: Values, which: str, arguments: Iterable[object]) -> None:
    """Let an event happen to the rows that `which` selects and that the table allows it for."""
    db(_moved(event, sets, which), (*values, *arguments))


def _counted(db: Connection, event: Event, sets: str, values: Values, which: str, arguments: Iterable[object]) -> int:
    cursor = db.cursor()
    cursor.execute(_moved(event, sets, which), (*values, *arguments))
    return cursor.rowcount


def _moved(event: Event, sets: str, which: str) -> str:
    way = move(event, _HIDDEN)
    return _statement(f"{sets}, {way.assignment}", way.condition, which)


def _mark(db: Connection, mark: Mark, sets: str, values: Values, which: str, arguments: Iterable[object]) -> None:
    db(_statement(sets, among(MARKED[mark], _HIDDEN), which), (*values, *arguments))


def _marked(db: Connection, mark: Mark, sets: str, values: Values, which: str, arguments: Iterable[object]) -> int:
    cursor = db.cursor()
    cursor.execute(_statement(sets, among(MARKED[mark], _HIDDEN), which), (*values, *arguments))
    return cursor.rowcount


def _statement(sets: str, states: str, which: str) -> str:
    return f"UPDATE mailintake_delivery SET {sets} WHERE {states} AND {which}"
