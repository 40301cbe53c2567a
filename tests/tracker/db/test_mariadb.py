"""What MariaDB does otherwise than the others: snapshots, deadlocks, lost connections, large statements, letters."""

from __future__ import annotations

import threading
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from trac.ticket.model import Ticket
from trac.util.datefmt import datetime_now, utc

from tests.builders import comment, new_ticket
from tests.rig import SERVICE, Rig, mail
from tests.servers.mariadb import MariaDB
from tests.servers.required import running
from tests.servers.tracenv import TracEnv
from tests.tracker.conftest import Desk, write
from trac_mailintake.bootstrap import settings_of
from trac_mailintake.intake.errors import Stale, TemporaryFailure
from trac_mailintake.intake.model import Status
from trac_mailintake.tracker.adapter import OneConnection
from trac_mailintake.tracker.db.transaction import Collision, transaction
from trac_mailintake.tracker.deliveries.ownership import instance
from trac_mailintake.tracker.tickets.stage_attachments import Staging

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trac_mailintake.tracker.db.transaction import Connection


@pytest.fixture
def desk(mariadb_env: TracEnv) -> Iterator[Desk]:
    """A desk where outsiders may write."""
    mariadb_env.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
    with closing(Staging(mariadb_env.env, "a-worker")) as staging:
        yield Desk(mariadb_env, staging)


@pytest.fixture
def rig(mariadb_env: TracEnv, tmp_path: Path) -> Rig:
    """An environment with a service."""
    return Rig(mariadb_env, tmp_path)


def meanwhile(function: Callable[[], object]) -> None:
    """Let another thread do something, with a connection of its own, and wait for it."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as failure:  # noqa: BLE001 - the test raises it
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    if failures:
        raise failures[0]


def edit(trac: TracEnv, number: int, text: str = "", **fields: str) -> None:
    """What somebody does in a browser."""
    ticket = Ticket(trac.env, number)
    for name, value in fields.items():
        ticket[name] = value
    ticket.save_changes("somebody", text)


# what is read within a transaction


def test_a_comment_counts_those_that_others_made_since_the_transaction_began(desk: Desk) -> None:
    """By default MariaDB shows what was there at the first SELECT: two comments would both be number 1."""
    number = desk.file(new_ticket()).ticket
    prepared = desk.prepare(comment(number, text="By mail"))
    with transaction(desk.trac.env) as db:
        assert db("SELECT COUNT(*) FROM ticket_change") == [(0,)]
        meanwhile(lambda: edit(desk.trac, number, "In a browser"))
        write(desk.trac.env, prepared, datetime_now(utc))
    numbers = desk.trac.query("SELECT oldvalue, newvalue FROM ticket_change WHERE field='comment' ORDER BY time")
    assert numbers == [("1", "In a browser"), ("2", "By mail")]


def test_a_field_that_others_changed_since_the_transaction_began_is_seen(desk: Desk) -> None:
    """What the mail would change is decided anew, and theirs is not lost."""
    desk.trac.grant("anonymous", "TICKET_CHGPROP", "TICKET_EDIT_CC")
    number = desk.file(new_ticket()).ticket
    prepared = desk.prepare(comment(number, cc=("ann@example.org",)))
    with pytest.raises(Stale), transaction(desk.trac.env) as db:  # noqa: PT012 - the block is the transaction
        db("SELECT id FROM ticket")
        meanwhile(lambda: edit(desk.trac, number, cc="bob@example.org"))
        write(desk.trac.env, prepared, datetime_now(utc))
    assert Ticket(desk.trac.env, number)["cc"] == "bob@example.org"


def test_questions_over_one_connection_see_what_others_commit(mariadb_env: TracEnv) -> None:
    """Whether they are asked within a transaction or not."""
    env, asked = mariadb_env.env, "SELECT COUNT(*) FROM mailintake_server"

    def work() -> list[object]:
        found = [env.db_query(asked)[0][0]]
        meanwhile(lambda: two_servers(mariadb_env))
        found.append(env.db_query(asked)[0][0])
        with transaction(env) as db:
            meanwhile(lambda: set_port_of_one(mariadb_env))
            return [*found, db("SELECT port FROM mailintake_server WHERE name='one'")[0][0]]

    assert OneConnection(env)(work) == [0, 2, 7]


def test_the_isolation_is_that_of_our_transactions_alone(desk: Desk) -> None:
    """The connection goes back to Trac as it came."""
    asked = "SELECT @@tx_isolation"
    with transaction(desk.trac.env) as db:
        db("SELECT id FROM ticket")
    with desk.trac.env.db_transaction as db:
        assert db(asked) == [("REPEATABLE-READ",)]


def test_a_transaction_within_another_is_part_of_it(desk: Desk) -> None:
    """MariaDB refuses to change the isolation of one that has begun."""
    with desk.trac.env.db_transaction as outer:
        outer("SELECT id FROM ticket")
        with transaction(desk.trac.env) as db:
            db("INSERT INTO mailintake_server (name) VALUES ('one')")
    assert desk.trac.query("SELECT name FROM mailintake_server") == [("one",)]


# what another one holds


def two_servers(trac: TracEnv) -> None:
    """Two rows that two transactions want to change."""
    with trac.env.db_transaction as db:
        db("INSERT INTO mailintake_server (name, port) VALUES ('one', 0), ('two', 0)")


def set_port_of_one(trac: TracEnv) -> None:
    """One of them changes."""
    with transaction(trac.env) as db:
        set_port(db, "one", 7)


def set_port(db: Connection, name: str, port: int) -> None:
    """One statement that locks one row."""
    db("UPDATE mailintake_server SET port=%s WHERE name=%s", (port, name))


def test_who_is_undone_by_a_deadlock_decides_anew(mariadb_env: TracEnv) -> None:
    """One of two that wait for one another is undone, whole, and told so; the other goes on."""
    two_servers(mariadb_env)
    env = mariadb_env.env
    both = threading.Barrier(2, timeout=30)
    collisions: list[Collision] = []

    def lock(first: str, second: str, port: int) -> None:
        try:
            with transaction(env) as db:
                set_port(db, first, port)
                both.wait()
                set_port(db, second, port)
        except Collision as collision:
            collisions.append(collision)

    threads = [threading.Thread(target=lock, args=words) for words in (("one", "two", 1), ("two", "one", 2))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(collisions) == 1
    assert isinstance(collisions[0], Stale)
    assert isinstance(collisions[0], TemporaryFailure)
    (one,), (two,) = mariadb_env.query("SELECT port FROM mailintake_server ORDER BY name")
    assert one == two != 0


def test_who_read_what_has_changed_decides_anew(mariadb_env: TracEnv) -> None:
    """`innodb_snapshot_isolation`, the default from MariaDB 11.6 on, refuses instead of writing over it."""
    two_servers(mariadb_env)
    env = mariadb_env.env

    def change() -> None:
        with transaction(env) as db:
            set_port(db, "one", 1)

    with pytest.raises(Collision), transaction(env) as db:  # noqa: PT012 - the block is the transaction
        db("ROLLBACK")
        db("SET SESSION innodb_snapshot_isolation=ON")
        db("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        db("SELECT * FROM mailintake_server")
        meanwhile(change)
        set_port(db, "one", 2)
    assert mariadb_env.query("SELECT port FROM mailintake_server WHERE name='one'") == [(1,)]


def test_who_waits_too_long_for_a_lock_writes_nothing(mariadb_env: TracEnv) -> None:
    """MariaDB undoes only the statement that waited; we undo all of it."""
    two_servers(mariadb_env)
    env = mariadb_env.env

    def wait() -> None:
        with pytest.raises(TemporaryFailure, match="Lock wait timeout"), transaction(env) as db:  # noqa: PT012 - the block is the transaction
            db("SET SESSION innodb_lock_wait_timeout=1")
            set_port(db, "two", 2)
            set_port(db, "one", 2)

    with transaction(env) as db:
        set_port(db, "one", 1)
        meanwhile(wait)
    assert mariadb_env.query("SELECT port FROM mailintake_server ORDER BY name") == [(1,), (0,)]


# the connection


def kill_connections(server: MariaDB) -> None:
    """What an administrator, or `wait_timeout` after a long night, does to all connections."""
    import pymysql  # noqa: PLC0415 - where it is missing, these tests are skipped

    with pymysql.connect(host=server.host, port=server.port, user="trac") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist WHERE user='trac' AND id<>CONNECTION_ID()")
        for (number,) in cursor.fetchall():
            cursor.execute(f"KILL {number}")


def test_a_connection_that_died_while_it_was_idle_is_replaced(rig: Rig, mariadb: MariaDB) -> None:
    """Between two rounds of one process: nobody notices."""
    with rig.worker() as assembly:
        for subject in ("Before", "After"):
            rig.drop(mail(subject))
            service = assembly.settings.services.get(SERVICE)
            report = assembly.spine.run(service, assembly.settings.open(service))
            assert (report.down, report.counts[Status.CREATED]) == ("", 1)
            kill_connections(mariadb)
    assert [ticket["summary"] for ticket in rig.trac.tickets()] == ["Before", "After"]


def test_a_connection_that_dies_within_a_transaction_is_ours_to_mend(mariadb_env: TracEnv, mariadb: MariaDB) -> None:
    """No mail's fault, nothing half written, and the thread's next transaction has another connection."""
    two_servers(mariadb_env)
    env = mariadb_env.env
    with pytest.raises(TemporaryFailure, match=r"gone away|Lost connection"), transaction(env) as db:  # noqa: PT012 - the block is the transaction
        set_port(db, "one", 1)
        kill_connections(mariadb)
        set_port(db, "two", 1)
    with transaction(env) as db:
        set_port(db, "two", 2)
    assert mariadb_env.query("SELECT port FROM mailintake_server ORDER BY name") == [(0,), (2,)]


@contextmanager
def stopped(server: ExitStack) -> Iterator[None]:
    """The server is down from here on."""
    server.close()
    yield


@pytest.mark.slow
def test_a_server_that_is_down_is_no_mails_fault(tmp_path: Path) -> None:
    """Neither with an open connection, nor while connecting."""
    with ExitStack() as server:
        trac = TracEnv.create(tmp_path / "env", database=server.enter_context(running(MariaDB())).fresh_database())
        with closing(trac):
            with pytest.raises(TemporaryFailure, match="database"), transaction(trac.env) as db, stopped(server):
                db("DELETE FROM mailintake_server")
            with pytest.raises(TemporaryFailure, match="database"), transaction(trac.env):
                pytest.fail("there is no server")


# what is written


EMOJI = "🎉 \U0001f1e9\U0001f1ea 日本語"


def test_letters_beyond_the_first_plane_are_kept_everywhere(rig: Rig) -> None:
    """Subject, text, the sender's name, a file's name, the journal: `utf8mb4` from end to end."""
    lines = (
        f"From: {EMOJI} <ann@example.com>",
        f"Subject: {EMOJI}",
        "Message-ID: <emoji@example.com>",
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="x"',
        "",
        "--x",
        "Content-Type: text/plain; charset=utf-8",
        "",
        EMOJI,
        "--x",
        f'Content-Disposition: attachment; filename="{EMOJI}.txt"',
        "",
        "file",
        "--x--",
    )
    rig.drop("\n".join(lines).encode())
    rig.run()
    [ticket] = rig.trac.tickets()
    assert (ticket["summary"], EMOJI in ticket["description"], EMOJI in ticket["reporter"]) == (EMOJI, True, True)
    assert rig.trac.query("SELECT filename FROM attachment") == [(f"{EMOJI}.txt",)]
    assert rig.trac.query("SELECT subject FROM mailintake_delivery") == [(EMOJI,)]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param("Subject: {}", id="subject"),
        pytest.param("To: {}", id="to"),
        pytest.param("Cc: {} <many@example.org>", id="cc"),
        pytest.param("References: <{}@example.org>", id="references"),
        pytest.param("Message-ID: <{}@example.org>", id="message-id"),
        pytest.param("From: {} <ann@example.com>", id="from"),
        pytest.param("X-Mailer: {}", id="other"),
    ],
)
def test_a_field_larger_than_a_statement_may_be_stops_nobody(rig: Rig, fields: str) -> None:
    """`max_allowed_packet` is 16 MB: what is larger cuts the connection, and would for each mail behind it."""
    name, _, value = fields.partition(": ")
    ours = {"From": "ann@example.com", "Subject": "Large", "Message-ID": "<large@example.com>"}
    ours[name] = value.format("long " * (20 << 18))
    head = "".join(f"{key}: {text}\n" for key, text in ours.items())
    rig.drop(head.encode() + b"\nText.\n", mail("The next one"))
    report = rig.run()
    assert report.down == ""
    assert [row["outcome"] for row in rig.journal()][1:] == ["created"]
    assert rig.journal()[0]["outcome"] in ("created", "held")
    assert rig.left == []


def test_a_text_larger_than_a_statement_may_be_is_filed(rig: Rig) -> None:
    """The ticket has its beginning, the file all of it."""
    rig.drop(mail("Large", body="A line of the text, and it is not short.\n" * 500_000), mail("The next one"))
    rig.run()
    assert [row["outcome"] for row in rig.journal()] == ["created", "created"]


def test_names_that_differ_in_a_letters_case_are_two(mariadb_env: TracEnv) -> None:
    """Trac wants `utf8mb4_bin`: keys are compared as they are written."""
    with mariadb_env.env.db_transaction as db:
        db("INSERT INTO mailintake_message_id (hash, copy) VALUES ('abc', 'abc'), ('ABC', 'ABC')")
    assert len(mariadb_env.query("SELECT id FROM mailintake_message_id WHERE hash='abc'")) == 1


def test_a_table_has_an_index_over_whole_keys(mariadb_env: TracEnv) -> None:
    """Keys are no longer than what MariaDB indexes of them: a unique index over a prefix would take two for one."""
    rows = mariadb_env.query(
        "SELECT table_name, column_name, sub_part FROM information_schema.statistics "
        "WHERE table_schema=DATABASE() AND table_name LIKE %s AND non_unique=0 AND sub_part IS NOT NULL",
        "mailintake%",
    )
    assert {(str(table).removeprefix("mailintake_"), column): part for table, column, part in rows} == {
        ("server", "name"): 100,
        ("service", "name"): 100,
        ("delivery", "live"): 64,
        ("message_id", "copy"): 64,
        ("contact", "hash"): 64,
        ("contact", "username"): 150,
        ("notice", "hash"): 64,
        ("mailbox", "account"): 64,
    }


def test_names_longer_than_their_key_are_refused(rig: Rig) -> None:
    """Two that begin alike would be one to the index."""
    services = settings_of(rig.trac.env).services
    with pytest.raises(ValueError, match="up to 60"):
        services.add("s" * 101, {"kind": "maildir", "path": str(rig.maildir)})


def test_an_environment_is_told_by_its_database(rig: Rig) -> None:
    """The instance is the same for each process of it."""
    assert instance(rig.trac.env) == instance(rig.trac.reopen())
