"""record: what all SQL here needs: time, keys, lists of values, and which failures pass by themselves."""

from __future__ import annotations

import errno
import hashlib
import time
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from trac.db.api import DatabaseManager
from trac.db.pool import TimeoutError as NoConnection

from trac_mailintake.intake.ports import Stale, TemporaryFailure
from trac_mailintake.tracker.db.statement_batching import together

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trac.env import Environment

T = TypeVar("T")


class Cursor(Protocol):
    """What we use of a DB-API cursor."""

    rowcount: int

    def execute(self, sql: str, arguments: Sequence[object] = ...) -> object:
        """Run one statement."""


class Connection(Protocol):
    """What we use of Trac's connection inside a transaction (trac/db/util.py)."""

    def __call__(self, sql: str, arguments: Sequence[object] = ...) -> list[tuple[Any, ...]]:
        """Run one statement; the rows of a SELECT."""

    def cursor(self) -> Cursor:
        """A cursor, for its count of rows."""


SECOND = 1_000_000
"""Microseconds."""
DAY = 24 * 3600 * SECOND

CHUNK = 200
"""How many values a list in SQL has at most: old SQLite takes 999 in a statement."""

_COLLISIONS: Final = frozenset({1020, 1213, "40001", "40P01"})
"""Of MariaDB: the row has changed since it was read, deadlock. Of PostgreSQL: serialization failure, deadlock."""
_WITHIN_TRANSACTION: Final = 1568
"""MariaDB's refusal to change the isolation of a transaction that has begun."""
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENFILE, errno.EMFILE, errno.ENOMEM}


class Collision(Stale, TemporaryFailure):
    """Another worker wrote the same at the same moment, and the database undid this one's transaction.

    What can be decided anew is decided anew at once; what cannot, passes by itself.
    """


def now() -> int:
    """Microseconds since 1970, UTC (Trac's utimestamp)."""
    return time.time_ns() // 1000


def key(*words: str) -> str:
    """SHA-256 (hex) of several words, none of which can be mistaken for two."""
    return hashlib.sha256("\0".join(words).encode("utf-8", "surrogatepass")).hexdigest()


def marks(values: Sequence[object]) -> str:
    """Placeholders for a list of values in SQL."""
    return ",".join(["%s"] * len(values))


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The values, some at a time."""
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
    """Raise what passes by itself as a TemporaryFailure, or as a Collision; see `named`."""
    try:
        yield
    except Exception as error:
        known = named(env, error)
        if known is error:
            raise
        raise known from error


@contextmanager
def transaction(env: Environment) -> Iterator[Connection]:
    """Trac's transaction, over when the block is over, however it ended. Raises as `temporary`.

    Trac leaves one open whose commit was refused (SQLite: locked, disk full), and this thread's next one would be that;
    and it keeps a connection that was lost (MariaDB), which would be this thread's for ever.
    """
    db = None
    with temporary(env):
        try:
            with env.db_transaction as db:
                _look_at_what_is_committed(env, db)
                with together(db.cnx) if is_postgresql(env) else nullcontext():
                    yield db
        except BaseException:
            if db is not None and db.cnx:
                with suppress(Exception):
                    db.rollback()
                db.close()
            raise


def _look_at_what_is_committed(env: Environment, db: Connection) -> None:
    """MariaDB shows a transaction all the while what was there at its first SELECT, as the others do not.

    A ticket that somebody changed meanwhile would be taken for unchanged, and two comments would get one number.
    """
    if not is_mariadb(env):
        return
    try:
        db("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    except env.db_exc.OperationalError as error:
        if error.args[0] != _WITHIN_TRANSACTION:
            raise


def by_index(env: Environment, column: str) -> str:
    """The order of an index, for a query that takes the first few of what may be very many rows.

    Without one PostgreSQL may read the table from its beginning on, since it takes what is frequent to be everywhere.
    MariaDB would sort: Trac's indexes there are of the first characters only.
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
    """What passes by itself as a TemporaryFailure: the database locked or gone, the disk full or broken, no memory.

    A Collision when another worker wrote the same meanwhile. Anything else is returned as it is.
    """
    if _collided(env, error):
        return Collision(str(error))
    if _database_down(env, error):
        # What PyMySQL says last is that there is nothing left to roll back; why so is in what came before.
        first = error.__context__ if type(error) is env.db_exc.Error and error.__context__ else error
        return TemporaryFailure(f"The database could not be used: {str(first).strip()}")
    if isinstance(error, MemoryError):
        return TemporaryFailure("There was not enough memory.")
    if isinstance(error, OSError) and error.errno in _DISK:
        where = f" ({error.filename})" if error.filename else ""
        return TemporaryFailure(f"The disk could not be used: {error.strerror}{where}")
    return error


def _collided(env: Environment, error: Exception) -> bool:
    """Whether a key was there already, or this transaction was undone so that another one could go on."""
    if isinstance(error, env.db_exc.IntegrityError):
        return True
    if not isinstance(error, env.db_exc.OperationalError):
        return False
    return bool(_COLLISIONS.intersection((getattr(error, "pgcode", None), *error.args[:1])))


def _database_down(env: Environment, error: Exception) -> bool:
    """Whether the database refused, or was not there."""
    known = (env.db_exc.OperationalError, env.db_exc.InterfaceError, NoConnection)
    return isinstance(error, known) or type(error) is env.db_exc.Error
