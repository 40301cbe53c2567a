"""record: commits that a power cut cannot undo, and the database settings that prevent this.

After such a commit something is removed for good: the copy in a mailbox or at a mail server, a file of the archive.

SQLite commits by removing its journal, and flushes that removal only with `synchronous=EXTRA` (sqlite.org/pragma.html,
synchronous; journal modes other than DELETE need no more than FULL for it). Trac leaves FULL, or what `[trac] database`
says. A flush of the folder after the commit would do for DELETE, too, but not for `?synchronous=OFF`, and not for WAL
with `?synchronous=NORMAL`.
"""

from __future__ import annotations

from contextlib import closing, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Final

from trac.db.api import DatabaseManager

from trac_mailintake.intake.errors import TemporaryFailure
from trac_mailintake.tracker.db.transaction import is_mariadb, is_postgresql, is_sqlite, temporary, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac.env import Environment

    from trac_mailintake.tracker.db.transaction import Connection
    from trac_mailintake.tracker.db.turns import Turn

_EXTRA: Final = 3
_OFF: Final = 0
"""SQLite's numbers for the values of `synchronous`."""

_RAISED: Final = (
    "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
)
"""For this transaction only. All other values wait at least for this server's disk."""


@contextmanager
def durable(env: Environment, turn: Turn | None = None) -> Iterator[Connection]:
    """A `transaction` that is on disk at the end of the block, unless `weaknesses` names a setting.

    Raises as `transaction`; TemporaryFailure within another transaction, since that one decides about the commit.
    """
    if DatabaseManager(env)._transaction_local.wdb is not None:  # noqa: SLF001 - Trac has no public way to ask
        raise TemporaryFailure("Nothing can be recorded for good while another transaction of this thread is open.")
    extra = _extra(env) if is_sqlite(env) else nullcontext()
    with temporary(env), extra, transaction(env, turn) as db:
        if is_postgresql(env):
            db.cursor().execute(_RAISED)
        yield db


@contextmanager
def _extra(env: Environment) -> Iterator[None]:
    """Make this thread's connection flush everything on commit, and restore it afterwards for its next user.

    This is set before each transaction, since the pool may hand out any connection, even a new one.
    """
    with closing(DatabaseManager(env).get_connection()) as kept:  # the thread gets this connection until it is closed
        sqlite = _sqlite(kept)
        if sqlite.in_transaction:
            kept.rollback()  # undo a refused commit; its caller has the error
        before = _synchronous(sqlite)
        sqlite.execute(f"PRAGMA synchronous={max(before, _EXTRA)}")
        try:
            yield
        finally:
            with suppress(env.db_exc.Error):
                sqlite.execute(f"PRAGMA synchronous={before}")


def _sqlite(connection: Any) -> Any:  # noqa: ANN401 - sqlite3's connection within Trac's within that of the pool
    return connection.cnx.cnx


def _synchronous(sqlite: Any) -> int:  # noqa: ANN401 - sqlite3's connection
    return int(sqlite.execute("PRAGMA synchronous").fetchone()[0])


def weaknesses(env: Environment) -> tuple[str, ...]:
    """Settings with which a power cut can still lose mail: a sentence for each, with what to set.

    A transaction cannot compensate for any of these. Raises TemporaryFailure.
    """
    with temporary(env):
        if is_sqlite(env):
            found = list(_of_sqlite(env))
        elif is_mariadb(env):
            found = list(_of_mariadb(env))
        else:
            found = list(_of_postgresql(env))
    return tuple(f"A power cut can lose mail: {each}" for each in found)


def _of_sqlite(env: Environment) -> Iterator[str]:
    with closing(DatabaseManager(env).get_connection()) as kept:
        sqlite = _sqlite(kept)
        mode = str(sqlite.execute("PRAGMA journal_mode").fetchone()[0]).upper()
        synchronous = _synchronous(sqlite)
    if mode in ("OFF", "MEMORY"):
        yield (
            f"with journal_mode={mode} SQLite's file is ruined when the power goes in the midst of a commit. "
            f"In [trac] database set journal_mode=WAL, or leave it out."
        )
    if synchronous == _OFF:
        yield (
            "with synchronous=OFF SQLite's file may be ruined, since what else Trac writes is not flushed. "
            "Take that out of [trac] database."
        )


def _of_postgresql(env: Environment) -> Iterator[str]:
    rows = env.db_query(
        "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting='off' ORDER BY name"
    )
    effects = {
        "fsync": "the server flushes nothing to its disk",
        "full_page_writes": "pages that are half written when the power goes cannot be repaired",
    }
    for (name,) in rows:
        yield f"with {name}=off in PostgreSQL {effects[name]}. Set {name}=on in postgresql.conf."


def _of_mariadb(env: Environment) -> Iterator[str]:
    """With a binary log, a commit is only as durable as that log: recovery undoes transactions that are not in it."""
    names = ("innodb_flush_log_at_trx_commit", "log_bin", "sync_binlog", "innodb_flush_method", "innodb_doublewrite")
    (row,) = env.db_query(f"SELECT {', '.join(f'@@GLOBAL.{name}' for name in names)}")
    log, binary, binary_log, method, twice = map(str, row)
    if log != "1":
        yield (
            f"with innodb_flush_log_at_trx_commit={log} the database server flushes its log only now and then, "
            "about once a second. Set it to 1 in the server's configuration."
        )
    if binary == "1" and binary_log != "1":
        yield (
            f"with sync_binlog={binary_log} the database server undoes afterwards what its binary log has lost. "
            "Set it to 1 in the server's configuration."
        )
    if method.lower() in ("nosync", "littlesync"):
        yield f"with innodb_flush_method={method} the database server does not flush. Take it out of its configuration."
    if twice in ("0", "OFF", "DETECT_ONLY"):
        yield (
            "with innodb_doublewrite=OFF pages that are half written when the power goes cannot be repaired. "
            "Set it to ON in the server's configuration."
        )
