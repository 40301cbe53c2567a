"""No query reads a whole table that grows: each database is asked how it would run all that is asked of it in a round.

The queries are those that Trac notes ([trac] debug_sql) while mail of all sorts is taken, looked at and purged, with
years of mail in the journal. One that is added, and finds no index, fails here.
"""

from __future__ import annotations

import json
import logging
import re
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.past import count_rows, fill
from tests.rig import Rig, id_of, mail
from tests.servers.tracenv import SQLITE
from trac_mailintake.tracker.db.transaction import key
from trac_mailintake.tracker.deliveries.retention import purge
from trac_mailintake.tracker.journal.journal import Journal
from trac_mailintake.tracker.journal.search import OUTCOMES, Filter, Stretch
from trac_mailintake.tracker.message_ids.known import CROWD
from trac_mailintake.tracker.message_ids.ticket_mails import mails_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from trac.env import Environment

    from tests.servers.tracenv import TracEnv

ROWS: Final = 20_000
GROWING: Final = re.compile(r"mailintake_(?:delivery|message_id|contact|outbox|notice)(?:\b|_)")
_PLANNED: Final = re.compile(r"\s*(?:SELECT|UPDATE|DELETE)\b")
_LEAST: Final = re.compile(r"SELECT MIN\(service\)")
AUTOMATIC: Final = "Auto-Submitted: auto-replied"

Query = tuple[str, "Sequence[object]"]


class Notes(logging.Handler):
    """The queries that Trac notes in its log, each text once with its first arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.queries: dict[str, Sequence[object]] = {}
        self._last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Trac notes a query, and then its arguments."""
        word, _, rest = record.msg.partition(": ")
        if word not in ("SQL", "args") or not rest.startswith("%") or not isinstance(record.args, tuple):
            return
        [value] = record.args
        if word == "SQL":
            self._last = str(value)
            self.queries.setdefault(self._last, ())
        elif isinstance(value, (list, tuple)):
            self.queries[self._last] = self.queries[self._last] or value

    def each(self) -> Iterator[Query]:
        """The queries; on PostgreSQL some are sent together."""
        for together, arguments in self.queries.items():
            left = iter(arguments)
            for query in together.split("; "):
                yield query, tuple(islice(left, query.count("%s")))


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def trac(request: pytest.FixtureRequest) -> Iterator[TracEnv]:
    """An environment on each database."""
    trac: TracEnv = request.getfixturevalue(f"{request.param}_env")
    yield trac
    trac.close()


def plan(env: Environment, query: Query) -> list[str]:
    """What a database would read all of, of the tables that grow, to answer a query."""
    kind = str(env.config.get("trac", "database")).partition(":")[0]
    with env.db_transaction as db:
        cursor: Any = db.cursor()
        if kind == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {query[0]}", query[1])
            # SCAN is of all rows, by an index or without; a search for the first of MIN or MAX is called SEARCH.
            return [detail for *_, detail in cursor if detail.startswith("SCAN") and GROWING.search(detail)]
        if kind == "postgres":
            cursor.execute(f"EXPLAIN (FORMAT JSON) {query[0]}", query[1])
            found = cursor.fetchone()[0]
            return list(_whole_in_postgres(found if isinstance(found, list) else json.loads(found)))
        cursor.execute(f"EXPLAIN {query[0]}", query[1])
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        # Trac's indexes on MariaDB are of the first characters only, so that MIN cannot be read from one.
        fits = _LEAST.match(query[0]) is None
        return [
            str(row) for row in rows if row["type"] in ("ALL", "index") and fits and GROWING.match(str(row["table"]))
        ]


def _whole_in_postgres(plans: list[dict[str, Any]]) -> Iterator[str]:
    """Scans of a table, and of an index at no place of it, or of so much of it that it is no use."""
    nodes = [(each["Plan"], False) for each in plans]
    while nodes:
        node, limited = nodes.pop()
        limited = limited or node["Node Type"] == "Limit"
        nodes += [(child, limited) for child in node.get("Plans", [])]
        read = "Scan" in node["Node Type"] and node.get("Relation Name", node.get("Index Name", ""))
        if read and GROWING.match(read) and not ("Index Cond" in node or "Bitmap Heap" in node["Node Type"]):
            yield str({name: node.get(name) for name in ("Node Type", "Relation Name", "Index Name", "Filter")})
        elif read and GROWING.match(read) and node["Plan Rows"] > ROWS / 4 and not limited:
            yield str(node)


def everyday(rig: Rig) -> None:
    """Mail of all sorts, taken."""
    first, orphan = mail("The first"), mail("Lost", "In-Reply-To: <nobody@example.com>")
    rig.drop(first, first, mail("Away", AUTOMATIC), mail("Re: The first", f"In-Reply-To: {id_of(first)}"), orphan)
    rig.drop(mail("About [#11990]"), mail("Re: old", "References: <9000@mail.example.com>"))
    assert rig.run().error == ""
    rig.set(bulk="forward", forward="boss@example.org", createusers="true")
    rig.drop(*(mail("Hello", sender=f"new{number}@example.com") for number in range(3)))
    rig.drop(mail("Away too", AUTOMATIC), mail("Lost", "In-Reply-To: <somebody@example.com>"))
    rig.run()
    crowd = mail("Alarm", "References: <9001@mail.example.com> <nobody@example.com>")
    with rig.trac.env.db_transaction as db:  # a machine that gives all its mails one id
        for number in range(2 * CROWD):
            db(
                "INSERT INTO mailintake_message_id (hash, copy, outgoing, ticket) VALUES (%s, %s, 0, 1)",
                (key(id_of(crowd)), key("copy", str(number))),
            )
    rig.drop(crowd)
    rig.run()
    rig.drop(mail("Re: Alarm", f"In-Reply-To: {id_of(crowd)}"))
    rig.run()
    rig.trac.command("mailintake", "run", "--force")


def looks(rig: Rig) -> None:
    """All that shows the journal, with every filter."""
    env = rig.trac.env
    journal = Journal(env)
    filters = [
        *(Filter(outcome=outcome) for outcome in OUTCOMES),
        *(Filter(service=service) for service in ("support", "billing", "unheard of")),
        *(Filter(), Filter(rule="new"), Filter(sender="person0001"), Filter(text="printer"), Filter(ticket=700)),
        Filter(service="support", outcome="created", text="nowhere"),
        Filter(service="support", locator="nowhere"),
    ]
    for wanted in filters:
        for stretch in (Stretch(), Stretch(before=900), Stretch(after=0), Stretch(after=900)):
            journal.page(wanted, stretch, 50)
    journal.names()
    mails_of(rig.trac.env, 700)
    journal.held()
    journal.held("support")
    journal.waiting()
    rig.trac.command("mailintake", "status")
    rig.trac.command("mailintake", "held", "list")
    rig.trac.command("mailintake", "journal", "list", "outcome=held")
    rig.trac.command("mailintake", "queue", "list")
    rig.trac.command("mailintake", "held", "retry", "all")


def cleans_up(rig: Rig) -> None:
    """A purge that has something to do, as the daily one does it."""
    rig.trac.set(("mailintake", "journal_days", "400"), ("mailintake", "archive_days", "300"))
    old = rig.trac.path / "files" / "mailintake" / "archive" / "2020" / "01" / "01"
    old.mkdir(parents=True)
    (old / "1.mails").write_bytes(b"")
    assert purge(rig.trac.env).rows > 100


def test_nothing_that_is_asked_reads_a_whole_table(trac: TracEnv, tmp_path: Path) -> None:
    """Not while mail is taken, nor when somebody looks at the journal, nor at night."""
    trac.set(("trac", "debug_sql", "enabled"), ("notification", "smtp_enabled", "enabled"))
    rig = Rig(trac, tmp_path)
    fill(trac.env, ROWS, tickets=100, analyze=trac.database != SQLITE)
    notes = Notes()
    logger = trac.env.log
    logger.addHandler(notes)
    try:
        everyday(rig)
        looks(rig)
        cleans_up(rig)
    finally:
        logger.removeHandler(notes)
    asked = {sql: args for sql, args in notes.each() if GROWING.search(sql) and _PLANNED.match(sql)}
    assert len(asked) > 40, sorted(asked)
    assert any("ORDER BY id DESC LIMIT 1)" in sql for sql in asked), "no id was asked about that many mails have"
    assert any("SELECT id, service, sender, sender_key, trail" in sql for sql in asked), "no id was contested"
    fill(trac.env, ROWS, first=2 * ROWS, analyze=trac.database != SQLITE)
    whole = _whole(trac.env, asked)
    count_rows(trac.env)  # an administrator may have done so on SQLite, too
    whole |= _whole(trac.env, asked)
    assert not whole, "\n".join(f"{sql}\n    {found}" for sql, found in whole.items())


def _whole(env: Environment, asked: dict[str, Sequence[object]]) -> dict[str, list[str]]:
    return {sql: found for sql, args in asked.items() if (found := plan(env, (sql, args)))}
