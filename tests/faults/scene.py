"""Where a try takes place: servers and environments that all tries share, and what is new for each."""

from __future__ import annotations

import configparser
import itertools
import shutil
import tempfile
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.crash import mails
from tests.crash import scene as crash
from tests.crash.faults import Fault, Peace, Way
from tests.crash.zygote import Forked, call
from tests.faults import children
from tests.faults.boxes import open_box
from tests.faults.model import chance
from tests.servers.delayproxy import DelayProxy
from tests.servers.dovecot import Dovecot
from tests.servers.machine import ServerMissing
from tests.servers.mariadb import MariaDB
from tests.servers.postgres import Postgres
from tests.servers.smtp_sink import SmtpSink
from tests.servers.tracenv import SQLITE

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.crash.faults import Harm
    from tests.crash.places import Step
    from tests.crash.zygote import Ended
    from tests.faults.boxes import Box
    from tests.faults.children import End
    from tests.faults.model import Case, Options
    from tests.faults.model import Fault as Breaking


class Bench:
    """Servers, each started when it is first asked for, and an environment on each database."""

    def __enter__(self) -> Self:
        """Nothing is started yet."""
        self._stack = ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="mailintake-faults-"))
        self.folder.chmod(0o755)
        self._numbers = itertools.count()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything, and remove it."""
        self._stack.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def renew(self) -> None:
        """Give up all servers and environments, in whatever state they are; others are made when they are needed."""
        with suppress(Exception):  # one that is gone cannot be stopped
            self._stack.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.__dict__.clear()
        self.__enter__()

    @cached_property
    def dovecot(self) -> Dovecot:
        """IMAP and POP3."""
        return self._stack.enter_context(Dovecot())

    @cached_property
    def sink(self) -> SmtpSink:
        """The outgoing server."""
        return self._stack.enter_context(SmtpSink())

    @cached_property
    def proxies(self) -> dict[str, DelayProxy]:
        """A line to Dovecot for each protocol, that can be cut."""
        lines = {protocol: DelayProxy(getattr(self.dovecot, protocol)) for protocol in ("imap", "pop3")}
        return {protocol: self._stack.enter_context(line) for protocol, line in lines.items()}

    @cached_property
    def postgres(self) -> Postgres:
        """A cluster whose commits outlive the death of its processes, though not that of the machine."""
        server = self._stack.enter_context(Postgres())
        self.sql("postgres", "ALTER ROLE trac SET synchronous_commit=on", server)
        return server

    @cached_property
    def mariadb(self) -> MariaDB:
        """A server, likewise."""
        return self._stack.enter_context(MariaDB(kept=True))

    def sql(self, database: str, statement: str, server: Postgres | MariaDB | None = None) -> list[tuple[Any, ...]]:
        """Run one statement as the administrator of the server; the rows that it returned."""
        with connected(database, server or getattr(self, database)) as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    @cached_property
    def absent(self) -> dict[str, str]:
        """The sources and databases that this machine cannot have, and why."""
        needed = {"imap": "dovecot", "pop3": "dovecot", "postgres": "postgres", "mariadb": "mariadb"}
        reasons = {}
        for each, server in needed.items():
            try:
                getattr(self, server)
            except ServerMissing as missing:
                reasons[each] = str(missing)
        return reasons

    # environments

    @cached_property
    def _templates(self) -> dict[str, Path]:
        return {}

    def template(self, database: str) -> Path:
        """The environment on a database from which those of the tries are made, or which they share."""
        if database not in self._templates:
            place = SQLITE
            if database == "postgres":
                place = self.postgres.fresh_schema()
            elif database == "mariadb":
                place = self.mariadb.fresh_database()
            path = crash.make(self.folder / f"env-{database}", place)
            (path / "trac.ini").write_bytes((path / "conf" / "trac.ini").read_bytes())
            self._templates[database] = path
        return self._templates[database]

    @contextmanager
    def scene(self, case: Case, fault: Breaking) -> Iterator[Scene]:
        """A fresh scene for a fault."""
        folder = self.folder / f"try{next(self._numbers)}"
        folder.mkdir()
        env = self.template(case.database)
        if case.database == "sqlite":
            env = Path(shutil.copytree(env, folder / "env"))
        configure(env, fault.options(self))
        remote = case.source in ("imap", "pop3")
        port = self.proxies[case.source].port if remote else 0
        box = open_box(case.source, case.afterwards, folder, self.dovecot if remote else None, port)
        sent, extra = mails.load(case.total), fault.extra()
        undone = ExitStack()
        try:
            scene = Scene(self, case, folder, env, box, sent, extra, chance(case.seed, "fault"), undone)
            yield scene
        finally:
            undone.close()
            box.remove()
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Scene:
    """One try: a mailbox with mails, an environment, and the numbers that its seed gives."""

    bench: Bench
    case: Case
    folder: Path
    env: Path
    box: Box
    sent: list[bytes]
    extra: list[bytes]
    chance: random.Random
    undone: ExitStack
    """What is to be undone when the try is over."""

    def deliver(self) -> None:
        """Put the mails into the mailbox."""
        self.box.place.deliver(*self.sent, *self.extra)

    def prepare(self, **service: str) -> None:
        """Store server and service; `service` is typed besides what the mailbox needs."""
        server, typed = self.box.settings
        clear = self.case.database != "sqlite"
        self.call(partial(children.prepare, clear=clear), self.env, server, {**typed, **service})

    def round(self, harm: Harm | None = None) -> Step:
        """A round."""
        return self.box.round(self.env, harm or Peace())

    def meet(self, harm: Harm | None = None, around: AbstractContextManager[object] | None = None) -> Ended:
        """A round in a process that comes to harm; how it ended."""
        function, arguments = self.round(harm)
        return call(children.harmed, around or nullcontext(), (function, arguments))

    def at_call(self, number: int, deed: Callable[[], object]) -> tuple[bool, Ended]:
        """A round that stands still before that call to the outside while something is done; whether it came so far."""
        forked = self.begin(Fault(number, Way.PAUSED))
        stopped = forked.stopped()
        if stopped:
            try:
                deed()
                forked.resume()
            except BaseException:
                forked.kill()
                raise
        return stopped, forked.wait()

    def any_call(self) -> int:
        """The number of a call to the outside that a round makes, more or less: some rounds are over before."""
        return self.chance.randint(1, 60 + 28 * len(self.sent))

    def begin(self, harm: Harm | None = None) -> Forked:
        """A round in a process of its own, which goes on while the caller does something else."""
        function, arguments = self.round(harm)
        return Forked(function, *arguments)

    def end(self, *, retry: bool = False) -> End:
        """Go on until nothing is left to do, and look."""
        self.box.place.later()
        end: End = self.call(partial(children.to_the_end, retry=retry), self.env, self.round())
        return end

    def call(self, function: Callable[..., object], *arguments: object) -> Any:  # noqa: ANN401 - whatever it returns
        """Call a function in a process of its own that has no reason to fail."""
        return crash.well(call(function, *arguments))


def configure(env: Path, options: Options) -> None:
    """Write trac.ini as it was when the environment was made, with these options besides."""
    settings = configparser.RawConfigParser(strict=False)
    settings.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    settings.read(env / "trac.ini", encoding="utf-8")
    for section, name, value in options:
        if not settings.has_section(section):
            settings.add_section(section)
        settings.set(section, name, value)
    with (env / "conf" / "trac.ini").open("w", encoding="utf-8") as file:
        settings.write(file)


@contextmanager
def connected(database: str, server: Postgres | MariaDB) -> Iterator[Any]:
    """A cursor of an administrator's, each statement committed as it is run."""
    if database == "postgres":
        import psycopg2  # noqa: PLC0415 - where it is missing, so is this server

        connection = psycopg2.connect(host=server.host, port=server.port, user="trac", dbname="trac")
    else:
        import pymysql  # noqa: PLC0415 - likewise

        connection = pymysql.connect(host=server.host, port=server.port, user="trac", ssl_disabled=True)
    try:
        if database == "postgres":
            connection.autocommit = True
        else:
            connection.autocommit(True)  # noqa: FBT003 - PyMySQL's way to say it
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()
