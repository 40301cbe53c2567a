"""What must hold, whatever broke: deliveries in = outcomes out; one of everything; the journal tells the truth."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Final

from tests.crash import mails, many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.crash.rounds import Row, State
    from tests.faults.children import End
    from tests.faults.model import Struck
    from tests.faults.scene import Scene

FILED: Final = ("created", "commented")


def problems(end: End, scene: Scene, struck: Struck) -> list[str]:
    """What is not as it would be had nothing broken, but for what this fault may leave."""
    box, sent = scene.box, scene.sent
    found = [*struck.wrong, *end.orphans]
    found += _of_mails(end.state, sent, struck)
    found += _of_journal(end.state, sent, struck)
    found += _of_forwards(end.state, scene.extra)
    found += box.problems([*sent, *scene.extra], struck.gone)
    if any(end.unfinished):
        found.append(f"unfinished (deliveries, notifications, letters): {end.unfinished}")
    return found


def name_of(number: int) -> str:
    """How `tests.crash.many` calls the mail of that number."""
    return f"answer {number}" if number % 4 == 3 else f"Request {number}"


def _of_mails(state: State, sent: Sequence[bytes], struck: Struck) -> list[str]:
    """One ticket, one comment, one copy of each attachment: in its place, and nothing else."""
    # An answer whose request was away for a while, or for good, may have become a ticket of its own.
    late = set(struck.gone)
    if struck.held or struck.again or struck.gone:
        late.update(range(len(sent)))
    filed = many.filed(state, {f"Request {number}" for number in late})
    found = [f"{name}: {count} times" for name, count in filed.items() if count != 1]
    wanted = {name_of(number): number for number in range(len(sent))}
    found += [f"lost: {name}" for name, number in wanted.items() if name not in filed and number not in struck.gone]
    if not struck.apart:
        # What a reader had archived when it was killed stays if its mail is listed no more, and the journal names it.
        named = " ".join(row.reason or "" for row in state.rows if row.rule == "vanished")
        found += [f"stray: {each}" for each in state.strays if os.path.basename(each) not in named]
        found += [
            f"files of {each.summary}: {dict(each.attachments)}" for each in state.tickets if not many.whole(each)
        ]
    return found


def _of_journal(state: State, sent: Sequence[bytes], struck: Struck) -> list[str]:
    """One outcome for each delivery, and what it says is so."""
    found = [f"no outcome: {row.subject} ({row.reason})" for row in state.rows if row.outcome is None]
    found += [f"a notification is owed: {row.subject}" for row in state.rows if row.notify]
    rows = [row for row in state.rows if row.outcome in FILED]
    others = Counter((row.outcome, row.rule) for row in state.rows if row.outcome not in (*FILED, "forwarded", None))
    allowed = {("duplicate", "duplicate"), ("ignored", "vanished")} if struck.again or struck.gone else set()
    found += [
        f"{count} {outcome} ({rule})" for (outcome, rule), count in others.items() if (outcome, rule) not in allowed
    ]
    if not struck.apart:
        archived = Counter(row.archived for row in rows)
        wanted = Counter(map(mails.digest, sent))
        missing = wanted - archived
        if archived - wanted or missing.total() > len(struck.gone):
            found.append("the archive does not hold each mail once")
    if state.ids != len(rows):
        found.append(f"{state.ids} ids for {len(rows)} mails")
    found += [f"not noted as disposed of: {row.subject}" for row in rows if not row.consumed]
    return found + [text for row in rows if (text := _untrue(state, row))]


def _of_forwards(state: State, extra: Sequence[bytes]) -> list[str]:
    """Each of those that are to be forwarded was, and is archived."""
    forwarded = Counter(row.archived for row in state.rows if row.outcome == "forwarded")
    wanted = Counter(map(mails.digest, extra))
    return [] if forwarded == wanted else [f"{forwarded.total()} forwarded, not {wanted.total()}"]


def _untrue(state: State, row: Row) -> str:
    """What a row says that is not so."""
    ticket = next((each for each in state.tickets if each.number == row.ticket), None)
    if ticket is None:
        return f"{row.subject}: there is no ticket {row.ticket}"
    if row.outcome == "created" and ticket.summary != row.subject:
        return f"{row.subject}: ticket {row.ticket} is {ticket.summary!r}"
    if row.outcome == "commented" and row.subject != f"Re: {ticket.summary}":
        return f"{row.subject}: it does not belong to ticket {row.ticket}, {ticket.summary!r}"
    return ""
