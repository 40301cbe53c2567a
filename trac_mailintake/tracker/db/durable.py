"""record: a commit that a power cut does not undo, and what keeps a database from promising that.

After it something goes that cannot be had again: the copy in a mailbox or at a mail server, a file of the archive.

SQLite commits by removing its journal, and flushes that removal only with `synchronous=EXTRA` (sqlite.org/pragma.html,
synchronous; journal modes other than DELETE need no more than FULL for it). Trac leaves FULL, or what `[trac] database`
says. A flush of the folder after the commit would do for DELETE, too, but not for `?synchronous=OFF`, and not for WAL
with `?synchronous=NORMAL`.
"""

from __future__ import annotations

from contextlib import closing, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Final

from trac.db.api import DatabaseManager

from trac_mailintake.intake.ports import TemporaryFailure
from trac_mailintake.tracker.db.transaction import is_mariadb, is_postgresql, is_sqlite, temporary, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac.env import Environment

    from trac_mailintake.tracker.db.transaction import Connection

_EXTRA: Final = 3
_OFF: Final = 0
"""SQLite's numbers for what `synchronous` is set to."""

_RAISED: Final = (
    "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
)
"""For the transaction only. All other settings wait for this server's disk at least, and maybe for another's."""


@contextmanager
def durable(env: Environment) -> Iterator[Connection]:
    """A `transaction` that is on the disk when the block is over, as far as `weaknesses` names nothing.

    Raises as `transaction`; TemporaryFailure inside another one, since nothing is committed before that is over.
    """
    if DatabaseManager(env)._transaction_local.wdb is not None:  # noqa: SLF001 - Trac tells nobody whether one is open
        raise TemporaryFailure("Nothing can be recorded for good while another transaction of this thread is open.")
    extra = _extra(env) if is_sqlite(env) else nullcontext()
    with temporary(env), extra, transaction(env) as db:
        if is_postgresql(env):
            db.cursor().execute(_RAISED)
        yield db


@contextmanager
def _extra(env: Environment) -> Iterator[None]:
    """Let this thread's connection flush all that a commit changes; afterwards it is as it was, for others get it next.

    It must be set before the transaction begins, and each time: the pool hands out any connection, which may be new.
    """
    with closing(DatabaseManager(env).get_connection()) as kept:  # until then the thread gets this one whenever it asks
        sqlite = _sqlite(kept)
        if sqlite.in_transaction:
            kept.rollback()  # what was refused at its commit: its author was told that it failed
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
    """Why a power cut could lose mail all the same: a sentence for each setting, with what to set.

    None of these can be made good by a transaction. Raises TemporaryFailure.
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
    """With its binary log on, a commit is as durable as that log: recovery undoes what is prepared and not in it."""
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
