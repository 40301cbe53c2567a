"""A private MariaDB server that flushes little and lets the user `trac` in without a password."""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import subprocess
from typing import Self

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

_ACCOUNT = """\
CREATE USER trac@'%';
GRANT ALL ON *.* TO trac@'%';
"""


class MariaDB:
    """A running server on `host` and `port`."""

    host = LOOPBACK

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        """Start; raises ServerMissing, ServerFailed."""
        if importlib.util.find_spec("pymysql") is None:
            message = "PyMySQL is not installed"
            raise ServerMissing(message)
        server, installer = program("mariadbd"), program("mariadb-install-db")
        owner = account("mysql") if is_root() else None
        self.home = open_folder("mailintake-mariadb-")
        self.port = free_port()
        (self.home / "account.sql").write_text(_ACCOUNT, encoding="ascii")
        if owner:
            os.chown(self.home, owner.pw_uid, owner.pw_gid)
        prefix = (program("runuser"), "-u", "mysql", "--") if owner else ()
        cluster = ("--no-defaults", f"--datadir={self.home}/cluster")
        run(*prefix, installer, *cluster, "--skip-test-db", env={"PATH": os.environ["PATH"]}, cwd=self.home)
        with (self.home / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*prefix, server, *cluster, *self._options()], stdout=log, stderr=log, cwd=self.home
            )
        try:
            wait_for_ports([self.port], process=self._process, seconds=60)
        except BaseException as failure:
            failure.add_note((self.home / "log").read_text(encoding="utf-8", errors="replace"))
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and remove everything."""
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
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=64M",
        )

    def fresh_database(self) -> str:
        """A connection string for Trac with an empty database of its own."""
        import pymysql  # noqa: PLC0415 - where it is missing, so is this server

        name = f"test{next(self._numbers)}"
        connection = pymysql.connect(host=self.host, port=self.port, user="trac")
        with connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        return f"mysql://trac@{self.host}:{self.port}/{name}"
