"""A private MariaDB server that flushes little and lets the user `trac` in without a password."""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from tests.servers.machine import (
    LOOPBACK,
    ServerMissing,
    account,
    free_port,
    is_root,
    open_folder,
    program,
    run,
    stop,
    wait_for_ports,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymysql.cursors import Cursor

_ACCOUNT = """\
CREATE USER IF NOT EXISTS trac@'%';
GRANT ALL ON *.* TO trac@'%';
"""

# Fifty tables for each environment: nobody waits until the disk has them.
_FAST = (
    "--innodb-file-per-table=0",
    "--innodb-flush-method=nosync",
    "--skip-innodb-doublewrite",
    "--sync-frm=0",
)


class MariaDB:
    """A running server on `host` and `port`.

    With `kept` what was committed outlives the death of its process, though not that of the machine.
    """

    host = LOOPBACK

    def __init__(self, *, kept: bool = False, options: tuple[str, ...] = ()) -> None:
        """`options` are those of the server's program, besides."""
        self.kept = kept
        self._more = options
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        """Start; raises ServerMissing, ServerFailed."""
        if importlib.util.find_spec("pymysql") is None:
            message = "PyMySQL is not installed"
            raise ServerMissing(message)
        self._server, installer = program("mariadbd"), program("mariadb-install-db")
        owner = account("mysql") if is_root() else None
        self.home = open_folder("mailintake-mariadb-")
        self.port = free_port()
        (self.home / "account.sql").write_text(_ACCOUNT, encoding="ascii")
        if owner:
            os.chown(self.home, owner.pw_uid, owner.pw_gid)
        # Not through runuser: it stops for good when all processes of a run are stopped and let go on.
        self._owner = owner
        # Two servers that begin at once would meet in a common folder for temporary files.
        self._cluster = ("--no-defaults", f"--datadir={self.home}/cluster", f"--tmpdir={self.home}")
        environment = {"PATH": os.environ["PATH"]}
        prefix = (program("runuser"), "-u", "mysql", "--") if owner else ()
        run(*prefix, installer, *self._cluster, "--skip-test-db", env=environment, cwd=self.home)
        self.resume()
        return self

    def halt(self) -> None:
        """Stop at once, as a crash would: whoever is connected loses the line."""
        os.kill(int((self.home / "pid").read_text(encoding="ascii")), signal.SIGKILL)
        self._process.wait(10)

    def resume(self) -> None:
        """Start, or start again after `halt`, on the same port with the same databases."""
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._server, *self._cluster, *self._options()],
                stdout=log,
                stderr=log,
                cwd=self.home,
                user=self._owner.pw_uid if self._owner else None,
                group=self._owner.pw_gid if self._owner else None,
                extra_groups=() if self._owner else None,
            )
        try:
            wait_for_ports([self.port], process=self._process, seconds=60)
        except BaseException as failure:
            failure.add_note((self.home / "log").read_text(encoding="utf-8", errors="replace"))
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        """Stop, and remove everything: so nothing needs to be written any more, for which it would take ten seconds."""
        if self._process.poll() is None and (self.home / "pid").exists():
            self.halt()
        stop(self._process)
        shutil.rmtree(self.home, ignore_errors=True)

    def _options(self) -> tuple[str, ...]:
        return (
            f"--port={self.port}",
            f"--bind-address={self.host}",
            f"--socket={self.home}/socket",
            f"--pid-file={self.home}/pid",
            f"--init-file={self.home}/account.sql",
            "--skip-name-resolve",
            f"--innodb-flush-log-at-trx-commit={2 if self.kept else 0}",
            "--innodb-buffer-pool-size=64M",
            *(() if self.kept else _FAST),
            *self._more,
        )

    def fresh_database(self) -> str:
        """A connection string for Trac with an empty database of its own."""
        name = f"test{next(self._numbers)}"
        with self._connected() as cursor:
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        # Else Trac connects twice each time: to ask for the database's charset, and with it.
        return f"mysql://trac@{self.host}:{self.port}/{name}?charset=utf8mb4"

    def copied(self, database: str) -> str:
        """A connection string with a database that is like another one."""
        fresh = self.fresh_database()
        of, to = (urlsplit(each).path[1:] for each in (database, fresh))
        with self._connected() as cursor:
            cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema=%s", (of,))
            for (table,) in cursor.fetchall():
                cursor.execute(f"CREATE TABLE {to}.`{table}` LIKE {of}.`{table}`")
                cursor.execute(f"INSERT INTO {to}.`{table}` SELECT * FROM {of}.`{table}`")
        return fresh

    @contextmanager
    def _connected(self) -> Iterator[Cursor]:
        """A connection that commits each statement."""
        import pymysql  # noqa: PLC0415 - where it is missing, so is this server

        # Where it may encrypt, PyMySQL reads all authorities of the machine, which takes longer than the rest.
        options = {"autocommit": True, "ssl_disabled": True}
        connection = pymysql.connect(host=self.host, port=self.port, user="trac", **options)
        with connection, connection.cursor() as cursor:
            yield cursor
