"""record: basics for all SQL: time, keys, lists of values, transactions, and which failures are temporary."""

from __future__ import annotations

import errno
import hashlib
import time
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from trac.db.api import DatabaseManager
from trac.db.pool import TimeoutError as NoConnection

from trac_mailintake.intake.errors import Stale, TemporaryFailure
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db.statement_batching import together
from trac_mailintake.tracker.db.turns import Turn
from trac_mailintake.tracker.file_owner import denied, rightful_owner

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from trac.env import Environment

T = TypeVar("T")


class Cursor(Protocol):
    """The part of a DB-API cursor that we use."""

    rowcount: int

    def execute(self, sql: str, arguments: Sequence[object] = ...) -> object:
        """Run one statement."""


class Connection(Protocol):
    """The part of Trac's connection that we use in a transaction (trac/db/util.py)."""

    def __call__(self, sql: str, arguments: Sequence[object] = ...) -> list[tuple[Any, ...]]:
        """Run one statement. Returns the rows of a SELECT."""

    def cursor(self) -> Cursor:
        """A cursor, for its count of rows."""


SECOND: Final = Microseconds(1_000_000)
MINUTE: Final = Microseconds(60 * SECOND)
HOUR: Final = Microseconds(60 * MINUTE)
DAY: Final = Microseconds(24 * HOUR)

CHUNK = 200
"""Most values in an SQL list: old SQLite versions allow 999 in a statement."""

_COLLISIONS: Final = frozenset({1020, 1213, "40001", "40P01"})
"""MariaDB: record has changed since last read, deadlock. PostgreSQL: serialization failure, deadlock."""
_WITHIN_TRANSACTION: Final = 1568
"""MariaDB's refusal to change the isolation of a transaction that has begun."""
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENFILE, errno.EMFILE, errno.ENOMEM}


class Collision(Stale, TemporaryFailure):
    """Another worker wrote the same rows at the same time, and the database rolled back this transaction.

    A decision is repeated at once (Stale); anything else is a temporary failure.
    """


def now() -> Microseconds:
    """The present moment (Trac's utimestamp)."""
    return Microseconds(time.time_ns() // 1000)


def key(*words: str) -> str:
    """SHA-256 (hex) of several words, which are joined unambiguously."""
    return hashlib.sha256("\0".join(words).encode("utf-8", "surrogatepass")).hexdigest()


def marks(values: Sequence[object]) -> str:
    """Placeholders for a list of values in SQL."""
    return ",".join(["%s"] * len(values))


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The values in lists of at most `size`."""
    chunk: list[T] = []
    for value in values:
        chunk.append(value)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


@contextmanager
def temporary(env: Environment) -> Iterator[None]:
    """Turn temporary failures into TemporaryFailure or Collision; see `named`."""
    try:
        yield
    except Exception as error:
        known = named(env, error)
        if known is error:
            raise
        raise known from error


@contextmanager
def transaction(env: Environment, turn: Turn | None = None) -> Iterator[Connection]:
    """Trac's transaction, but always finished at the end of the block. Raises as `temporary`.

    On SQLite it has the write lock from the beginning, in its `turn`; a caller who wants to know how much of that is
    used up makes the turn. Within another transaction it is part of that one.

    Trac leaves a transaction open if its commit was refused (SQLite: locked, disk full), so this thread's next one
    would continue it. It also keeps a lost connection (MariaDB), which this thread would then use for ever.
    """
    db = None
    with temporary(env), _turn(env, turn) as mine:
        try:
            with env.db_transaction as db:
                if mine is not None:
                    _lock(db, mine)
                _look_at_what_is_committed(env, db)
                with together(db.cnx) if is_postgresql(env) else nullcontext():
                    yield db
        except BaseException:
            if db is not None and db.cnx:
                with suppress(Exception):
                    db.rollback()
                db.close()
            raise


def _turn(env: Environment, turn: Turn | None) -> AbstractContextManager[Turn | None]:
    """No turn within another transaction: it has the write lock that the holder of the turn may wait for."""
    if not is_sqlite(env) or DatabaseManager(env)._transaction_local.wdb is not None:  # noqa: SLF001 - Trac has no public way to ask
        return nullcontext()
    return turn or Turn(env)


def _lock(db: Any, turn: Turn) -> None:  # noqa: ANN401 - Trac's connection, with sqlite3's in it
    """Take SQLite's write lock; this waits as long as Trac lets it."""
    if db.cnx.cnx.in_transaction:
        db.rollback()  # undo a refused commit; its caller has the error
    db("BEGIN IMMEDIATE")
    turn.begin()


def _look_at_what_is_committed(env: Environment, db: Connection) -> None:
    """Use READ COMMITTED on MariaDB, whose default shows a transaction the data of its first SELECT throughout.

    Otherwise a ticket that was changed meanwhile would look unchanged, and two comments would get the same number.
    """
    if not is_mariadb(env):
        return
    try:
        db("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    except env.db_exc.OperationalError as error:
        if error.args[0] != _WITHIN_TRANSACTION:
            raise


def by_index(env: Environment, column: str) -> str:
    """An ORDER BY that forces an index, for a query that needs the first few of perhaps very many rows.

    Without it PostgreSQL may read the table from the beginning, since it expects frequent values everywhere.
    On MariaDB it would sort, since Trac's indexes there cover only the first characters.
    """
    return "" if is_mariadb(env) else f"ORDER BY {column}"


def is_sqlite(env: Environment) -> bool:
    """Whether its database is SQLite."""
    return str(DatabaseManager(env).connection_uri).startswith("sqlite:")


def is_postgresql(env: Environment) -> bool:
    """Whether its database is PostgreSQL."""
    return str(DatabaseManager(env).connection_uri).startswith("postgres:")


def is_mariadb(env: Environment) -> bool:
    """Whether its database is MariaDB or MySQL."""
    return str(DatabaseManager(env).connection_uri).startswith("mysql:")


def named(env: Environment, error: Exception) -> Exception:
    """A TemporaryFailure for failures that pass by themselves: database locked or gone, disk full or broken, no memory.

    A Collision if another worker wrote the same rows. Any other exception is returned unchanged.
    """
    if _collided(env, error):
        return Collision(str(error))
    if _database_down(env, error):
        # PyMySQL's last error is that there is nothing to roll back; the cause is in the errors before it.
        first = error.__context__ if type(error) is env.db_exc.Error and error.__context__ else error
        return TemporaryFailure(f"The database could not be used: {str(first).strip()}")
    if isinstance(error, MemoryError):
        return TemporaryFailure("There was not enough memory.")
    return _disk_down(env, error) if isinstance(error, OSError) else error


def _disk_down(env: Environment, error: OSError) -> Exception:
    if isinstance(error, PermissionError) and error.filename:
        why = str(error.strerror) if rightful_owner(env.path) else denied(env.path, error.filename)
        return TemporaryFailure(why)
    if error.errno not in _DISK:
        return error
    where = f" ({error.filename})" if error.filename else ""
    return TemporaryFailure(f"The disk could not be used: {error.strerror}{where}")


def _collided(env: Environment, error: Exception) -> bool:
    """Whether a unique key already existed, or the database rolled back this transaction in favour of another."""
    if isinstance(error, env.db_exc.IntegrityError):
        return True
    if not isinstance(error, env.db_exc.OperationalError):
        return False
    return bool(_COLLISIONS.intersection((getattr(error, "pgcode", None), *error.args[:1])))


def _database_down(env: Environment, error: Exception) -> bool:
    """Whether the database refused the statement, or could not be reached."""
    known = (env.db_exc.OperationalError, env.db_exc.InterfaceError, NoConnection)
    return isinstance(error, known) or type(error) is env.db_exc.Error
