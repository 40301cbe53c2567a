"""The database: locked past its time-out, its connections cut, gone and back."""

from __future__ import annotations

import configparser
import sqlite3
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from tests.crash.faults import Fault, Way
from tests.faults.model import SERVERS, Common, Struck
from tests.faults.scene import connected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.model import Options
    from tests.faults.scene import Bench, Scene

_TABLES: Final = ("mailintake_delivery", "mailintake_service", "ticket", "mailintake_message_id", "attachment")
_PATIENT: Final = 1
"""Seconds that the product's connections wait for a lock."""


@dataclass(frozen=True, slots=True)
class Locked(Common):
    """Somebody else holds a lock for longer than the connections wait, or not quite so long."""

    def options(self, bench: Bench) -> Options:
        """SQLite's time-out is Trac's own setting; the servers' are theirs."""
        return (("trac", "database", f"sqlite:db/trac.db?timeout={_PATIENT}"),) if self.databases == ("sqlite",) else ()

    def strike(self, scene: Scene) -> Struck:
        """The lock is taken while a round stands still before a call, and let go some time after."""
        scene.prepare()
        locked: list[bool] = []
        lock = _file_locked if scene.case.database == "sqlite" else _table_locked
        with _impatient(scene):
            forked = scene.begin(Fault(scene.any_call(), Way.PAUSED))
            if not forked.stopped():
                forked.wait()
                return Struck(hit=False)
            with lock(scene) as got:
                locked.append(got)
                forked.resume()
                forked.running(scene.chance.uniform(0.1, 2.5 * _PATIENT) if got else 0)
            forked.wait()
        return Struck(hit=any(locked))


@contextmanager
def _file_locked(scene: Scene) -> Iterator[bool]:
    """SQLite's write lock, or its exclusive one; false when the round itself has it."""
    connection = sqlite3.connect(scene.env / "db" / "trac.db", timeout=0, isolation_level=None)
    got = False
    with suppress(sqlite3.OperationalError):
        connection.execute(scene.chance.choice(("BEGIN IMMEDIATE", "BEGIN EXCLUSIVE")))
        got = True
    try:
        yield got
    finally:
        connection.close()


@contextmanager
def _table_locked(scene: Scene) -> Iterator[bool]:
    """A whole table; false when the round itself has a lock on it."""
    database, table = scene.case.database, scene.chance.choice(_TABLES)
    within = name_of(scene.env)
    with connected(database, getattr(scene.bench, database)) as cursor:
        if database == "postgres":
            locking = ("BEGIN", f"LOCK TABLE {within}.{table} IN ACCESS EXCLUSIVE MODE NOWAIT")
            letting_go = "ROLLBACK"
        else:
            locking = ("SET SESSION lock_wait_timeout=0", f"LOCK TABLES {within}.{table} WRITE")
            letting_go = "UNLOCK TABLES"
        got = False
        with suppress(Exception):  # the round has it
            for statement in locking:
                cursor.execute(statement)
            got = True
        try:
            yield got
        finally:
            cursor.execute(letting_go)


@contextmanager
def _impatient(scene: Scene) -> Iterator[None]:
    """The server's new connections wait for no lock longer than a second."""
    bench, database = scene.bench, scene.case.database
    changes = {
        "sqlite": ((), ()),
        "postgres": ((f"ALTER ROLE trac SET lock_timeout='{_PATIENT}s'",), ("ALTER ROLE trac RESET lock_timeout",)),
        "mariadb": (
            (f"SET GLOBAL lock_wait_timeout={_PATIENT}", f"SET GLOBAL innodb_lock_wait_timeout={_PATIENT}"),
            ("SET GLOBAL lock_wait_timeout=DEFAULT", "SET GLOBAL innodb_lock_wait_timeout=DEFAULT"),
        ),
    }
    before, after = changes[database]
    for statement in before:
        bench.sql(database, statement)
    try:
        yield
    finally:
        for statement in after:
            bench.sql(database, statement)


@dataclass(frozen=True, slots=True)
class Cut(Common):
    """An administrator ends the connections of a round."""

    def strike(self, scene: Scene) -> Struck:
        """Before any call to the outside."""
        scene.prepare()
        cut: list[int] = []
        hit, _ = scene.at_call(scene.any_call(), lambda: cut.extend(_cut(scene)))
        return Struck(hit=hit and bool(cut))


def _cut(scene: Scene) -> list[int]:
    """End all connections of environments; their numbers."""
    bench = scene.bench
    if scene.case.database == "postgres":
        rows = bench.sql(
            "postgres",
            "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE backend_type='client backend' AND pid<>pg_backend_pid()",
        )
        return [row[0] for row in rows]
    others = "SELECT id FROM information_schema.processlist WHERE id<>CONNECTION_ID() AND user='trac'"
    found = bench.sql("mariadb", others)
    for (number,) in found:
        with suppress(Exception):  # it is gone by itself
            bench.sql("mariadb", f"KILL {number}")
    return [number for (number,) in found]


@dataclass(frozen=True, slots=True)
class Restarted(Common):
    """The server stops in the midst of a round, is away for a while, and comes back."""

    def strike(self, scene: Scene) -> Struck:
        """Away for up to a second; a second round may meet nothing at all."""
        scene.prepare()
        server: Any = getattr(scene.bench, scene.case.database)
        forked = scene.begin(Fault(scene.any_call(), Way.PAUSED))
        stopped = forked.stopped()
        if not stopped:
            forked.wait()
            return Struck(hit=False)
        server.halt()
        back = threading.Timer(scene.chance.uniform(0, 1), server.resume)
        back.start()
        try:
            forked.resume()
            forked.wait()
            if scene.chance.random() < 0.5:
                scene.meet()
        finally:
            back.join()
        return Struck()


def name_of(env: Path) -> str:
    """The schema or database of an environment on a server, from its trac.ini."""
    settings = configparser.RawConfigParser(strict=False)
    settings.read(env / "conf" / "trac.ini", encoding="utf-8")
    uri = settings.get("trac", "database")
    return uri.partition("?schema=")[2] or urlsplit(uri).path[1:]


FAULTS: Final = (
    Locked("database-locked", databases=("sqlite",)),
    Locked("table-locked", databases=SERVERS),
    Cut("connections-cut", databases=SERVERS),
    Restarted("database-restarted", databases=SERVERS),
)
