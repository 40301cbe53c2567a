"""A private PostgreSQL cluster that trusts everybody on the loopback interface and flushes nothing."""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
from contextlib import closing
from glob import glob
from typing import Self

from tests.servers.machine import LOOPBACK, ServerMissing, account, free_port, is_root, open_folder, program, run

_DEBIAN = "/usr/lib/postgresql/*/bin"
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
# `locale` of the tests must not decide how text is compared; and nothing else of the environment is of use here.
_ENVIRONMENT = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}

_FROM = "@@"
"""Stands for the schema that is copied; its own name becomes that of the copy."""
_ROWS = f"""
SELECT CASE WHEN relkind = 'r' THEN format('INSERT INTO %%I.%%I SELECT * FROM {_FROM}.%%I;', nspname, relname, relname)
    ELSE format('SELECT setval(%%L, last_value, is_called) FROM {_FROM}.%%I;', nspname || '.' || relname, relname) END
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = %(schema)s AND relkind IN ('r', 'S')
"""


class Postgres:
    """A running cluster on `host` and `port`, with the user and the database `trac`.

    With `durable` it flushes as it would in earnest, for benchmarks.
    """

    host = LOOPBACK

    def __init__(self, *, durable: bool = False) -> None:
        self.durable = durable
        self._numbers = itertools.count(1)
        self._copying: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Start; raises ServerMissing, ServerFailed."""
        if importlib.util.find_spec("psycopg2") is None:
            message = "psycopg2 is not installed"
            raise ServerMissing(message)
        # The newest version, should there be several.
        folders = sorted(glob(_DEBIAN), reverse=True)
        self._initdb, self._pg_ctl = program("initdb", *folders), program("pg_ctl", *folders)
        self._createdb, self._pg_dump = program("createdb", *folders), program("pg_dump", *folders)
        if is_root():
            account("postgres")
        self.home = open_folder("mailintake-postgres-")
        self.port = free_port()
        try:
            self._start()
        except BaseException:
            shutil.rmtree(self.home, ignore_errors=True)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and remove everything."""
        self.halt()
        shutil.rmtree(self.home, ignore_errors=True)

    def halt(self) -> None:
        """Stop at once, as a crash would: whoever is connected loses the line."""
        self._as_owner(self._pg_ctl, "-D", f"{self.home}/cluster", "-m", "immediate", "-w", "stop")

    def resume(self) -> None:
        """Start again after `halt`, on the same port with the same databases."""
        options = f"-p {self.port} -h {self.host} -k {self.home} -c max_connections=100"
        if not self.durable:
            options += "".join(f" -c {setting}" for setting in _FAST)
        self._as_owner(
            self._pg_ctl, "-D", f"{self.home}/cluster", "-w", "-l", f"{self.home}/log", "-o", options, "start"
        )

    def _start(self) -> None:
        if is_root():
            owner = account("postgres")
            os.chown(self.home, owner.pw_uid, owner.pw_gid)
        cluster = f"{self.home}/cluster"
        self._as_owner(
            *(self._initdb, "-D", cluster, "-U", "trac", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        )
        self.resume()
        self._as_owner(self._createdb, "-h", self.host, "-p", str(self.port), "-U", "trac", "trac")

    def _as_owner(self, *words: str) -> None:
        """Run a program of PostgreSQL, which all refuse to be root."""
        prefix = (program("runuser"), "-u", "postgres", "--") if is_root() else ()
        run(*prefix, *words, env=_ENVIRONMENT, cwd=self.home)

    def fresh_schema(self) -> str:
        """A connection string for Trac with a schema that nobody has used; Trac makes it."""
        return f"postgres://trac@{self.host}:{self.port}/trac?schema=test{next(self._numbers)}"

    def copied(self, database: str) -> str:
        """A connection string with a schema that is like another one."""
        import psycopg2  # noqa: PLC0415 - where it is missing, so is this server

        fresh = self.fresh_schema()
        of, to = (each.rpartition("=")[2] for each in (database, fresh))
        connection = psycopg2.connect(host=self.host, port=self.port, user="trac", dbname="trac")
        with closing(connection), connection, connection.cursor() as cursor:
            if of not in self._copying:
                cursor.execute(_ROWS, {"schema": of})
                self._copying[of] = self._shape(of) + "".join(row for (row,) in cursor.fetchall())
            statements = self._copying[of].replace(f"{of}.", f"{to}.").replace(f"SCHEMA {of};", f"SCHEMA {to};")
            cursor.execute(statements.replace(_FROM, of))
        return fresh

    def _shape(self, schema: str) -> str:
        """The statements that make a schema without rows."""
        said = self.home / f"{schema}.sql"
        place = ("-h", self.host, "-p", str(self.port), "-U", "trac", "-n", schema, "-f", str(said))
        self._as_owner(self._pg_dump, *place, "--schema-only", "--no-owner", "trac")
        lines = [line for line in said.read_text(encoding="utf-8").splitlines() if not line.startswith("\\")]
        return "\n".join(lines)
