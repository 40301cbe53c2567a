"""fetch: the identity of this environment, the owner of a mailbox, and what is known of a mailbox's server.

See docs/behaviour.md#another-environment and docs/behaviour.md#what-identifies-a-delivery.
"""

from __future__ import annotations

import operator
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from trac.db.api import DatabaseManager
from trac.util.datefmt import from_utimestamp

from trac_mailintake.intake.errors import Stale
from trac_mailintake.intake.model import Afterwards
from trac_mailintake.tracker.db.transaction import key, now, transaction
from trac_mailintake.tracker.deliveries.rows import account_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trac.env import Environment

    from trac_mailintake.intake.model import Account
    from trac_mailintake.intake.times import Microseconds
    from trac_mailintake.tracker.db.transaction import Connection

_NAMED: Final = "named "

_OF_POSTGRES: Final = """
    SELECT oid, (SELECT oid FROM pg_namespace WHERE nspname=current_schema()),
    CASE WHEN has_function_privilege('pg_control_system()', 'execute')
    THEN (SELECT system_identifier FROM pg_control_system()) END
    FROM pg_database WHERE datname=current_database()"""
"""The oids of database and schema, and the cluster's identifier if this user may read it."""
_CHANGES: Final = 3
"""After so many changes in a row, a mailbox's server does not keep its promise."""
STAYS: Final = frozenset({Afterwards.LEAVE, Afterwards.SEEN})
"""What leaves a mail in its mailbox."""
_COMPLAINTS: Final = """
    SELECT box.label, service.name, service.afterwards, COALESCE(box.changes, 0), COALESCE(box.kept, 0)
    FROM mailintake_mailbox box JOIN mailintake_service service ON service.name=box.service
    WHERE service.enabled=1 AND (COALESCE(box.changes, 0)>=%s OR COALESCE(box.kept, 0)>0) ORDER BY box.label"""
_OF_MYSQL: Final = "SELECT @@hostname, @@port, @@datadir, DATABASE()"


@dataclass(frozen=True, slots=True)
class Instance:
    """What an environment is told apart by.

    `key`: `[mailintake] instance`, or else the inodes of its `VERSION` file and its SQLite database, or what the
    database server says of the database. A copy of the files, of the database, or of both has another one.

    `hints` are of that file: device, file system, and time of the last change of its inode. None is reliable by itself.
    A device may be numbered anew when the host starts; so may the file system of XFS; `chown` and `chmod` change the
    time. On another file system a copy may get the same inode, but then no hint is the same.
    """

    key: str
    hints: tuple[str, ...] = ()

    @classmethod
    def stored(cls, text: str) -> Self:
        """What `str` gave."""
        if text.startswith(_NAMED):
            return cls(text)
        key, *hints = text.split(" ")
        return cls(key, tuple(hints))

    def __str__(self) -> str:
        return " ".join((self.key, *self.hints))

    def is_same(self, other: Instance) -> bool:
        """Whether the other one is this environment, perhaps after a restart of the host."""
        return self.key == other.key and (self.hints == other.hints or any(map(operator.eq, self.hints, other.hints)))


def instance(env: Environment) -> Instance:
    """The identity of this environment. One that was restored from a backup has another one."""
    named = env.config.get("mailintake", "instance").strip()
    if named:
        return Instance(f"{_NAMED}{named}"[:100])
    path = os.path.join(env.path, "VERSION")
    found = os.stat(path)
    hints = (f"{found.st_dev:x}", f"{os.statvfs(path).f_fsid:x}", f"{found.st_ctime_ns:x}")
    return Instance(key(str(found.st_ino), _of_database(env))[:40], hints)


def of_version_1(env: Environment) -> str:
    """The identity as the tables of version 1 have it."""
    return key(_place(os.path.join(env.path, "VERSION")), _of_database(env, place=_place))


def _place(path: str) -> str:
    """Device and inode of a file."""
    found = os.stat(path)
    return f"{found.st_dev}:{found.st_ino}"


def _inode(path: str) -> str:
    return str(os.stat(path).st_ino)


def _of_database(env: Environment, place: Callable[[str], str] = _inode) -> str:
    connector, arguments = DatabaseManager(env).get_connector()
    match type(connector).__name__:
        case "SQLiteConnector":
            return place(arguments["path"])
        case "PostgreSQLConnector":
            return repr(tuple(env.db_query(_OF_POSTGRES)[0]))
        case _:
            return repr(tuple(env.db_query(_OF_MYSQL)[0]))


def admit(env: Environment, account: Account) -> str:
    """See `ports.Mailbox.admit`. Raises TemporaryFailure."""
    try:
        return _admit(env, account)
    except Stale:
        return _admit(env, account)  # another worker, here or elsewhere, claimed it at the same moment


def _admit(env: Environment, account: Account) -> str:
    with transaction(env) as db:
        mine = instance(env)
        claimed = _claimed(db, account)
        if claimed is None:
            _write(db, account, mine)
        elif str(mine) == claimed[0]:
            pass
        elif mine.is_same(Instance.stored(claimed[0])) or claimed[0] == of_version_1(env):
            db("UPDATE mailintake_mailbox SET instance=%s WHERE account=%s", (str(mine), account_key(account)))
        else:
            since = from_utimestamp(claimed[1]).strftime("%Y-%m-%d")
            return (
                f"{account.label} was claimed by another instance of this environment on {since}. If this is a copy,"
                " leave the mail to the original; if it is the original, moved or restored: `mailintake claim`"
            )
    return ""


def claim(env: Environment, account: Account) -> bool:
    """Make this environment the owner of a mailbox. Returns whether it was not already. Raises TemporaryFailure."""
    with transaction(env) as db:
        mine = instance(env)
        claimed = _claimed(db, account)
        if claimed is not None and mine.is_same(Instance.stored(claimed[0])):
            return False
        db("DELETE FROM mailintake_mailbox WHERE account=%s", (account_key(account),))
        _write(db, account, mine)
    return True


def _claimed(db: Connection, account: Account) -> tuple[str, Microseconds] | None:
    """The owner of a mailbox, and since when; None if there is none."""
    rows = db("SELECT instance, since FROM mailintake_mailbox WHERE account=%s", (account_key(account),))
    return (rows[0][0], rows[0][1]) if rows else None


def _write(db: Connection, account: Account, mine: Instance) -> None:
    db(
        "INSERT INTO mailintake_mailbox (account, label, instance, since) VALUES (%s, %s, %s, %s)",
        (account_key(account), account.label, str(mine), now()),
    )


# what a mailbox's server keeps to ------------------------------------------------------------------------------------


class Habits(NamedTuple):
    """What is known of a mailbox's server. `epoch`: see `Listed`; None before the first listing.

    `changes`: in how many runs in a row the epoch was another one. `kept`: how many mails are still listed although the
    server said that it removed them.
    """

    epoch: str | None = None
    changes: int = 0
    kept: int = 0


def habits(env: Environment, account: Account) -> Habits:
    """What is known of the server of a mailbox."""
    sql = "SELECT epoch, COALESCE(changes, 0), COALESCE(kept, 0) FROM mailintake_mailbox WHERE account=%s"
    rows = env.db_query(sql, (account_key(account),))
    return Habits(*rows[0]) if rows else Habits()


def note_habits(db: Connection, account: Account, service: str, found: Habits) -> None:
    """Store what the service found."""
    db(
        "UPDATE mailintake_mailbox SET epoch=%s, changes=%s, kept=%s, service=%s WHERE account=%s",
        (*found, service, account_key(account)),
    )


def complaints(env: Environment) -> Iterator[str]:
    """What mailboxes of enabled services show that their servers do not keep to: a sentence for each."""
    for label, service, afterwards, changes, kept in env.db_query(_COMPLAINTS, (_CHANGES,)):
        word = Afterwards(afterwards.partition(":")[0])
        if changes >= _CHANGES and word in STAYS:
            yield (
                f"{service}: {label} numbers its mail anew in each session (UIDVALIDITY), so its server cannot leave"
                " mail: each run reads all of it again. Set afterwards=delete or move."
            )
        if kept and word not in STAYS:
            mails = "1 mail" if kept == 1 else f"{kept} mails"
            yield (
                f"{service}: {label} still lists {mails} that its server said it had removed. Nothing is filed twice,"
                " but the mailbox fills up; look at the server, or remove them there."
            )
