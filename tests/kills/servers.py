"""The servers of a session: Dovecot, PostgreSQL, an SMTP server that keeps mail in files; and empty environments."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Final, Self

from tests.servers.dovecot import Dovecot
from tests.servers.machine import open_folder
from tests.servers.postgres import Postgres
from tests.servers.smtp_sink import Sent, SmtpSink
from tests.servers.tracenv import SQLITE, TracEnv

if TYPE_CHECKING:
    from pathlib import Path


WATCHER: Final = "watcher@example.org"
"""Whom Trac notifies of everything."""

MAIL_SERVERS: Final = frozenset({"imap", "pop3"})


class Outbox:
    """The SMTP server, in a process of its own, since we fork; what it is sent is a file each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        reading, writing = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            os.close(reading)
            self._serve(writing)
        os.close(writing)
        with open(reading, encoding="ascii") as file:
            self.port = int(file.read())

    def _serve(self, writing: int) -> None:
        folder, numbers = self.folder, itertools.count()

        class Keeping(list[Sent]):
            """Writes down what is appended. The name appears once the mail is whole."""

            def append(self, sent: Sent) -> None:
                name = f"{next(numbers):08d}"
                (folder / f"{name}.part").write_bytes(" ".join(sent.recipients).encode() + b"\n" + sent.content)
                (folder / f"{name}.part").rename(folder / f"{name}.mail")

        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            sink = SmtpSink()
            sink.sent = Keeping()
            with sink:
                os.write(writing, str(sink.port).encode())
                os.close(writing)
                parent = os.getppid()
                while os.getppid() == parent:
                    time.sleep(0.5)
        finally:
            os._exit(0)

    def sent(self) -> list[tuple[list[str], bytes]]:
        """The recipients and the bytes of each mail so far."""
        made = []
        for path in sorted(self.folder.glob("*.mail")):
            recipients, _, content = path.read_bytes().partition(b"\n")
            made.append((recipients.decode().split(), content))
        return made

    def clear(self) -> None:
        """Forget what was sent."""
        for path in self.folder.glob("*.mail"):
            path.unlink()

    def close(self) -> None:
        """Stop."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _commit_at_once(postgres: Postgres) -> None:
    """Write each commit before it is reported, as PostgreSQL does by itself, or a killed backend would undo some."""
    import psycopg2  # noqa: PLC0415 - where it is missing, so is this server

    connection = psycopg2.connect(host=postgres.host, port=postgres.port, user="trac", dbname="trac")
    with closing(connection), connection, connection.cursor() as cursor:
        cursor.execute("ALTER ROLE trac SET synchronous_commit = on")


class Servers:
    """What the scenes of a session share, below `folder`."""

    def __init__(self, kinds: frozenset[str], databases: tuple[str, ...], staff: str) -> None:
        self._kinds, self._databases, self._staff = kinds, databases, staff
        self._stack = ExitStack()
        self._templates: dict[str, TracEnv] = {}
        self.dovecots: tuple[Dovecot, ...] = ()
        self.postgres: Postgres | None = None

    def __enter__(self) -> Self:
        """Start; raises ServerMissing, ServerFailed."""
        with ExitStack() as stack:
            self.folder = open_folder("mailintake-kills-")
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self.outbox = Outbox(self.folder / "outbox")
            stack.callback(self.outbox.close)
            if self._kinds & MAIL_SERVERS:
                # Without MOVE and UIDPLUS a mail is moved in two steps, between which a run can die.
                servers = (Dovecot(), Dovecot(without=("MOVE", "UIDPLUS")))
                self.dovecots = tuple(stack.enter_context(server) for server in servers)
            if "postgres" in self._databases:
                self.postgres = stack.enter_context(Postgres())
                _commit_at_once(self.postgres)
            for name in self._databases:
                self._template(name)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and remove everything."""
        self._stack.close()

    def _template(self, name: str) -> None:
        """Make an environment in a fork: nothing of it may be open here."""
        database = self.postgres.fresh_schema() if name == "postgres" and self.postgres else SQLITE
        options = (
            ("logging", "log_level", "INFO"),
            ("notification", "smtp_enabled", "enabled"),
            ("notification", "smtp_server", self.outbox_host),
            ("notification", "smtp_port", str(self.outbox.port)),
            ("notification", "smtp_always_cc", WATCHER),
            ("attachment", "max_size", "10000000"),
        )
        path = self.folder / name
        child = os.fork()
        if not child:
            status = 1
            try:
                trac = TracEnv.create(path, database=database, options=options)
                trac.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
                trac.know("carol", self._staff)
                trac.close()
                status = 0
            finally:
                os._exit(status)
        if os.waitpid(child, 0)[1]:
            message = f"no environment could be made on {name}"
            raise RuntimeError(message)
        self._templates[name] = TracEnv(path, database=database)

    outbox_host = SmtpSink.host

    def environment(self, database: str, path: Path) -> TracEnv:
        """A fresh environment at `path`."""
        template = self._templates[database]
        copy = self.postgres.copied(template.database) if database == "postgres" and self.postgres else SQLITE
        return template.copied(path, copy)

    @property
    def postmaster(self) -> int:
        """The process of PostgreSQL that starts all others; 0 if there is none."""
        if self.postgres is None:
            return 0
        return int((self.postgres.home / "cluster" / "postmaster.pid").read_text(encoding="ascii").split()[0])
