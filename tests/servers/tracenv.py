"""A real Trac environment with the plugin enabled, its commands and its pages."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import io
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast
from urllib.parse import urlencode

from trac.admin import console
from trac.env import Environment
from trac.perm import PermissionSystem
from trac.ticket.model import Ticket
from trac.web.session import DetachedSession

from tests.servers.machine import LOOPBACK, ServerFailed, free_port, stop, wait_for_ports

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.servers.smtp_sink import SmtpSink

PASSWORD = "let me in"
"""What every user of tracd's logs in with."""

SQLITE = "sqlite:db/trac.db"

Options = tuple[tuple[str, str, str], ...]
"""Section, name and value of settings in trac.ini."""

_OPTIONS: Options = (
    ("components", "trac_mailintake.*", "enabled"),
    ("logging", "log_type", "file"),
    ("logging", "log_level", "DEBUG"),
    ("notification", "smtp_from", "trac@example.org"),
    ("notification", "smtp_replyto", "trac@example.org"),
    ("notification", "smtp_enabled", "disabled"),
    ("project", "name", "Project of a test"),
    ("project", "url", "http://trac.example.org/"),
    ("trac", "base_url", "http://trac.example.org"),
)


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command said and how it ended."""

    status: int
    out: str
    err: str


class TracEnv:
    """An environment at `path`, on `database`. `python` is the interpreter that runs its commands."""

    def __init__(self, path: Path, *, database: str = SQLITE, python: str = sys.executable) -> None:
        self.path = path
        self.database = database
        self.python = python
        self._env: Environment | None = None

    @classmethod
    def create(cls, path: Path, *, database: str = SQLITE, options: Options = ()) -> Self:
        """A new environment with Trac's default data and no notifications; later `options` win."""
        self = cls(path, database=database)
        merged = {(section, name): value for section, name, value in (*_OPTIONS, *options)}
        merged["trac", "database"] = database
        settings = [(section, name, value) for (section, name), value in merged.items()]
        self._env = Environment(str(path), create=True, options=settings)
        self.upgrade()
        return self

    def copied(self, path: Path, database: str = SQLITE) -> Self:
        """The same environment at another place, much sooner than a new one. On a server, `database` is a copy."""
        self.close()
        shutil.copytree(self.path, path)
        if database != self.database:
            ini = path / "conf" / "trac.ini"
            ini.write_text(ini.read_text(encoding="utf-8").replace(self.database, database), encoding="utf-8")
        return type(self)(path, database=database, python=self.python)

    @property
    def env(self) -> Environment:
        """The environment, opened in this process."""
        if self._env is None:
            self._env = Environment(str(self.path))
        return self._env

    def reopen(self) -> Environment:
        """The environment as a new process would see it: trac.ini, components, caches."""
        self.close()
        return self.env

    def close(self) -> None:
        """Let go of the database and the log. Opens again when asked for."""
        if self._env is not None:
            self._env.shutdown()
            self._env = None

    def upgrade(self) -> None:
        """Make the tables of whatever is enabled, if they are missing."""
        if self.env.needs_upgrade():
            self.env.upgrade(backup=False)
            self.reopen()

    # What is in it ---------------------------------------------------------------------------------------------------

    def set(self, *options: tuple[str, str, str]) -> None:
        """Write settings (section, name, value) to trac.ini, and reopen."""
        for section, name, value in options:
            self.env.config.set(section, name, value)
        self.env.config.save()
        self.reopen()

    def notify_through(self, sink: SmtpSink) -> None:
        """Send notifications to the sink."""
        self.set(
            ("notification", "smtp_enabled", "enabled"),
            ("notification", "smtp_server", sink.host),
            ("notification", "smtp_port", str(sink.port)),
        )

    def grant(self, user: str, *actions: str) -> None:
        """Give permissions to a user, `anonymous` or `authenticated`."""
        for action in actions:
            PermissionSystem(self.env).grant_permission(user, action)

    def know(self, username: str, email: str, name: str = "") -> None:
        """A user who has logged in once and told an address."""
        session = DetachedSession(self.env, username)
        session["email"] = email
        if name:
            session["name"] = name
        session.save()

    def tickets(self) -> list[Ticket]:
        """All tickets, the oldest first."""
        return [Ticket(self.env, row[0]) for row in self.query("SELECT id FROM ticket ORDER BY id")]

    def query(self, sql: str, *arguments: object) -> list[tuple[object, ...]]:
        """The rows of a SELECT."""
        return cast("list[tuple[object, ...]]", self.env.db_query(sql, arguments))

    def log(self) -> str:
        """What Trac has logged."""
        with contextlib.suppress(OSError):
            return (self.path / "log" / "trac.log").read_text(encoding="utf-8")
        return ""

    # Its commands ----------------------------------------------------------------------------------------------------

    def start(self, *words: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """`trac-admin ENV words…` as a process of its own, with pipes, to be waited for or killed by the caller."""
        return subprocess.Popen(
            [self.python, "-m", "trac.admin.console", str(self.path), *words],
            # With -m the current folder comes first on the path; the checkout shall not be what is imported.
            cwd=self.path.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
        )

    def admin(
        self, *words: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None, seconds: float = 600
    ) -> Finished:
        """`trac-admin ENV words…` as a process of its own."""
        with self.start(*words, environment=environment) as process:
            try:
                out, err = process.communicate(stdin, timeout=seconds)
            except BaseException:
                process.kill()
                raise
        return Finished(process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))

    def command(self, *words: str, stdin: bytes = b"") -> Finished:
        """`trac-admin ENV words…` within this process: the same code path without the start."""
        out, err = io.StringIO(), io.StringIO()
        before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = console.run([str(self.path), *words])
        finally:
            sys.stdin = before
        return Finished(int(status or 0), out.getvalue(), err.getvalue())

    def serve(self, *users: str) -> Tracd:
        """Its pages, for users who log in with PASSWORD."""
        return Tracd(self, users)


@dataclass(frozen=True, slots=True)
class Page:
    """An answer of tracd's."""

    status: int
    text: str
    headers: Mapping[str, str]


@dataclass
class Tracd:
    """A running tracd for one environment, at `url`."""

    trac: TracEnv
    users: Sequence[str] = ()

    def __enter__(self) -> Self:
        """Start; raises ServerFailed."""
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        hashed = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()  # noqa: S324 - htpasswd's format
        passwords = self.trac.path / "conf" / "htpasswd"
        passwords.write_text("".join(f"{user}:{{SHA}}{hashed}\n" for user in self.users), encoding="utf-8")
        self._output = (self.trac.path / "log" / "tracd.log").open("wb")
        self._process = subprocess.Popen(
            [
                *(self.trac.python, "-m", "trac.web.standalone", "--single-env", f"--hostname={LOOPBACK}"),
                *(f"--port={self.port}", f"--basic-auth={self.trac.path.name},{passwords},trac", str(self.trac.path)),
            ],
            cwd=self.trac.path.parent,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        try:
            wait_for_ports([self.port], process=self._process, seconds=60)
        except BaseException as failure:
            failure.add_note((self.trac.path / "log" / "tracd.log").read_text(encoding="utf-8"))
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        stop(self._process)
        self._output.close()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def worked(self) -> float:
        """The seconds of the processor that it has used so far: user and system time (proc_pid_stat(5))."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8", errors="replace")
        return sum(map(int, stat.rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")

    def visitor(self, user: str = "") -> Visitor:
        """A browser without a screen, logged in as `user`, or as nobody."""
        visitor = Visitor(self.port)
        if user:
            login = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode("ascii")
            answer = visitor.ask("GET", "/login", headers={"Authorization": f"Basic {login}"})
            if "trac_auth" not in visitor.cookies:
                message = f"{user} could not log in: {answer.status}"
                raise ServerFailed(message)
        return visitor


class Visitor:
    """Somebody with cookies. Redirections are not followed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}

    def get(self, path: str) -> Page:
        """A page."""
        return self.ask("GET", path)

    def post(self, path: str, fields: Mapping[str, str]) -> Page:
        """Send a form of the page at `path`, with the token that came with the page."""
        if "trac_form_token" not in self.cookies:
            self.get(path)
        form = {"__FORM_TOKEN": self.cookies.get("trac_form_token", ""), **fields}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, headers=headers, body=urlencode(form))

    def ask(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: str | None = None) -> Page:
        """One request and its answer."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=60)
        try:
            connection.request(method, path, body, {"Cookie": cookie, **(headers or {})})
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name.strip()] = value.strip()
        return Page(answer.status, text, dict(answer.headers))
