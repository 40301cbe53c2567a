"""A past: rows as years of mail leave them, without the mail. What happened when is the same each time.

Three services; of a hundred mails sixty are new requests, thirty-one are answers, the rest was held, ignored, refused,
forwarded or a copy. The last few are in work or were deferred; some users were made, some notices were sent.
"""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Final

from trac_mailintake.tracker.db.transaction import DAY, SECOND, key, now

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trac.env import Environment

    from trac_mailintake.tracker.db.transaction import Connection

YEARS: Final = 3
PURGED: Final = 365
"""Days after which the bytes of a mail are gone."""
SERVICES: Final = ("support", "sales", "billing")
_OUTCOMES: Final = (
    *[("created", "new")] * 60,
    *[("commented", "message-id")] * 26,
    *[("commented", "subject")] * 5,
    *[("ignored", "automatic")] * 3,
    *[("duplicate", "duplicate")] * 2,
    *[("discarded", "administrator"), ("rejected", "blocked"), ("forwarded", "bulk"), ("ignored", "catchemail")],
)
_HELD: Final = 1_000
"""One in so many is held still."""
_OPEN: Final = 40
"""So many of the newest are in work, or were deferred."""
_PEOPLE: Final = 5_000
_ROWS: Final = 200
"""So many rows are written by one statement."""
_WORDS: Final = ("invoice", "printer", "password", "login", "export", "customer", "error", "screen", "report", "update")
_TRAIL: Final = (
    '[["screen", "sender", "From is known: the user person{0}."], ["route", "new", "No rule knows a ticket."], '
    '["handle", "create", "A new ticket of component1."]]'
)

Row = dict[str, object]


def fill(env: Environment, count: int, *, first: int = 1, tickets: int = 0, analyze: bool = True) -> None:
    """Write the rows of `count` mails, numbered from `first` on, and let the database count them.

    Of the tickets they are in only `tickets`, the newest, are made: what Trac does with many is not of interest here.
    """
    chance = random.Random(count)  # noqa: S311 - the same past each time, not secrets
    start = now() - YEARS * 365 * DAY
    step = (now() - start) // (count + 1)
    for done in range(0, count, 10_000):
        places = range(done, min(done + 10_000, count))
        rows = [_delivery(chance, first + place, start + place * step, place / count) for place in places]
        for row in rows[-_OPEN if done + 10_000 >= count else len(rows) :]:
            _reopen(row)
        with env.db_transaction as db:
            _insert(db, "mailintake_delivery", rows)
            _insert(db, "mailintake_message_id", (each for row in rows for each in _ids(row)))
            _insert(db, "mailintake_outbox", (_letter(row) for row in rows if _told(row)))
    with env.db_transaction as db:
        _insert(db, "mailintake_contact", (_contact(number, start) for number in range(first, first + count // 10)))
        newest = (first + count) * 6 // 10
        _insert(db, "ticket", (_ticket(number, start) for number in range(newest - tickets + 1, newest + 1)))
        for table in (
            "mailintake_delivery",
            "mailintake_message_id",
            "mailintake_outbox",
            "mailintake_contact",
            "ticket",
        ):
            if db(f"SELECT id FROM {table} LIMIT 1"):
                db.update_sequence(db.cursor(), table)
    if analyze:
        count_rows(env)


def count_rows(env: Environment) -> None:
    """What a database does by itself now and then: look at how values are spread."""
    tables = ("delivery", "message_id", "outbox", "contact")
    with env.db_transaction as db:
        for table in tables:
            word = "ANALYZE TABLE" if env.config.get("trac", "database").startswith("mysql") else "ANALYZE"
            cursor = db.cursor()
            cursor.execute(f"{word} mailintake_{table}")
            if word != "ANALYZE":
                cursor.fetchall()


def _delivery(chance: random.Random, number: int, when: int, age: float) -> Row:
    """One mail; `age` is 0 for the oldest, and nearly 1 for the newest."""
    outcome, rule = _OUTCOMES[chance.randrange(len(_OUTCOMES))]
    if chance.randrange(_HELD) == 0:
        outcome, rule = "held", "rate-sender"
    # The first service has three quarters, the last one mail in fifty.
    service = SERVICES[min(int(chance.random() ** 6 * 4), 2)] if number % 50 else SERVICES[2]
    person = chance.randrange(_PEOPLE)
    filed = outcome in ("created", "commented")
    purged = outcome != "held" and age < 1 - PURGED / 365 / YEARS
    ticket = number * 6 // 10 + 1 if outcome == "created" else max(1, number * 6 // 10 - chance.randrange(500))
    return {
        **_claim(number, service, when),
        "owner": f"worker-{number // 200}",
        "state": outcome,
        "rule": rule,
        "reason": f"It is {rule}, as {service} says of mail like this.",
        "ticket": ticket if filed or outcome == "duplicate" else None,
        "comment": number % 7 if outcome == "commented" else None,
        "filed": when if filed else 0,
        "author": f"person{person:04}" if filed else "",
        "recorded": when + SECOND,
        "consumed": when + 2 * SECOND if outcome not in ("ignored", "held") else 0,
        "purged": when + PURGED * DAY if purged else 0,
        "archive": None
        if purged
        else f"archive/2026/{number // 2000 % 12 + 1:02}/{number // 100 % 28 + 1:02}/{number // 50}.mails",
        "archive_offset": 4000 * (number % 50),
        "archive_length": 4000,
        "sha256": key("content", str(number)),
        "message_id": f"<{number}@mail.example.com>",
        "subject": f"{chance.choice(_WORDS)} {chance.choice(_WORDS)} {chance.choice(_WORDS)} ({number})".capitalize(),
        "sender": f"person{person:04}@example.com",
        "sent": when - SECOND,
        "trail": _TRAIL.format(person),
        "sender_key": key(f"person{person:04}@example.com"),
        "counted": when,
    }


def _reopen(row: Row) -> None:
    """Let a mail be in work still, or deferred: nothing became of it yet, and its mailbox lists it."""
    number, service, when = int(str(row["id"])), str(row["service"]), int(str(row["arrived"]))
    row.update(_claim(number, service, when), live=key("past", str(number)))
    if number % 2:
        row.update(state="claimed", owner="a-worker-that-is-gone", lease=when)
    else:
        row.update(
            state="deferred", failure="The database could not be used.", message_id=f"<{number}@mail.example.com>"
        )


def _claim(number: int, service: str, when: int) -> Row:
    """What is known of a mail before anything became of it, with every column that is written later."""
    return {
        "id": number,
        "live": None,
        "service": service,
        "account": key("imap", service),
        "label": f"imap://{service}@mail.example.com/INBOX",
        "locator": f"1:{number}",
        "fingerprint": f"1:{number}:4000",
        "size": 4000,
        "arrived": when,
        **dict.fromkeys(("owner", "failure", "rule", "reason", "ticket", "comment", "archive")),
        **dict.fromkeys(("author", "sha256", "message_id", "subject", "sender", "trail", "sender_key", "removed")),
        **dict.fromkeys(("lease", "alone", "deaths", "attempts", "retry_at", "filed", "recorded", "consumed"), 0),
        **dict.fromkeys(("notify", "archive_offset", "archive_length", "sent", "counted", "sender_told"), 0),
        **dict.fromkeys(("admin_told", "acknowledge", "purged"), 0),
        "fence": 1,
    }


def _ids(row: Row) -> Iterator[Row]:
    """The mail's own id, and that of the notification about it."""
    if row["state"] in ("created", "commented"):
        common = {"ticket": row["ticket"], "recorded": row["recorded"]}
        own = str(row["message_id"])
        copy = key(str(row["service"]), own)
        yield {"hash": key(own), "copy": copy, "outgoing": 0, "delivery": row["id"], **common}
        yield {"hash": key("out", own), "copy": None, "outgoing": 1, "delivery": None, **common}


def _told(row: Row) -> bool:
    """Whether somebody got a letter about it."""
    return row["state"] in ("forwarded", "held") or int(str(row["id"])) % 10 == 0


def _letter(row: Row) -> Row:
    held = row["state"] != "forwarded"
    return {
        "kind": "notice" if held else "forward",
        "delivery": row["id"],
        "service": row["service"],
        "recipient": row["sender"],
        "subject": "Your mail waits",
        "body": "",
        "fence": 1,
        "lease": 0,
        "attempts": 1,
        "retry_at": row["recorded"],
        "created": row["recorded"],
        "sent": now() - DAY,
        "digest": 0,
    }


def _contact(number: int, when: int) -> Row:
    address = f"guest{number:05}@example.net"
    made = {"delivery": number, "notify": 0, "created": when + number, "made": when + number, "service": SERVICES[0]}
    unused = dict.fromkeys(("fence", "lease", "attempts", "retry_at"), 0)
    return {
        "hash": key(address),
        "address": address,
        "name": "A guest",
        "username": address.partition("@")[0],
        **made,
        **unused,
    }


def _ticket(number: int, when: int) -> Row:
    words = {"summary": f"Request {number}", "description": "How?", "reporter": f"person{number % _PEOPLE:04}"}
    return {"id": number, "type": "defect", "time": when, "changetime": when, "status": "new", **words}


def _insert(db: Connection, table: str, rows: Iterable[Row]) -> None:
    """Write rows with the same columns, many in a statement."""
    each = iter(rows)
    while some := list(itertools.islice(each, _ROWS)):
        names = ",".join(some[0])
        marks = f"({','.join(['%s'] * len(some[0]))})"
        values: list[object] = [value for row in some for value in row.values()]
        db(f"INSERT INTO {table} ({names}) VALUES {','.join([marks] * len(some))}", values)
