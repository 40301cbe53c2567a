"""The composition root: builds everything from a Trac environment. Nothing else builds collaborators."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Self

from trac_mailintake.hookspecs import Opening
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.ports import Advising, Parser, Ports, Runtime, Targeting
from trac_mailintake.intake.settings import Kind, Parameter, SettingError
from trac_mailintake.intake.spine import Spine
from trac_mailintake.intake.stages.parse import Ahead
from trac_mailintake.intake.stages.release import ANY, ReleasingRules, ReleasingTracker
from trac_mailintake.intake.stages.unserved import UnservedRules
from trac_mailintake.intake.times import Seconds
from trac_mailintake.mail.parse import parse
from trac_mailintake.mail.prefetch import read
from trac_mailintake.plugins.hooks import Rules
from trac_mailintake.sources import kinds
from trac_mailintake.tracker.adapter import OneConnection, TracTracker
from trac_mailintake.tracker.archive.store import FileArchive
from trac_mailintake.tracker.config.servers import Servers
from trac_mailintake.tracker.config.services import Services
from trac_mailintake.tracker.db.transaction import named
from trac_mailintake.tracker.deliveries.claims import DatabaseClaims
from trac_mailintake.tracker.deliveries.mailbox import DatabaseMailbox
from trac_mailintake.tracker.deliveries.recorder import DatabaseRecorder
from trac_mailintake.tracker.deliveries.recovery import Recovery
from trac_mailintake.tracker.deliveries.session import Session
from trac_mailintake.tracker.lookups import TracReader
from trac_mailintake.tracker.outgoing.outbox import Outbox
from trac_mailintake.tracker.people.directory import Directory
from trac_mailintake.tracker.restore.refiling import Refiling
from trac_mailintake.tracker.tickets.stage_attachments import Staging
from trac_mailintake.tracker.workers import Onlooker, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trac.env import Environment

    from trac_mailintake.intake.ports import Reader, Source, Watch
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.plugins.registry import Known
    from trac_mailintake.tracker.deliveries.mailbox import Absence
    from trac_mailintake.tracker.journal.journal import Entry

PATIENCE = Seconds(10)
"""How long a person waits for a mail server at most, even if the server's own time-out is longer."""

_ARCHIVE_MAX_SIZE = Parameter("[mailintake] archive_max_size", Kind.SIZE, 256 * 1024**2, "", minimum=1024)


@dataclass(frozen=True, slots=True)
class Survey:
    """The number of messages in a mailbox, and where mail is moved to: a sentence, or why there is no such folder."""

    waiting: int
    target: str = ""
    trouble: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything needed to show and change services. It has no worker, so there is nothing to close."""

    rules: Rules
    servers: Servers
    services: Services

    def open(
        self, service: Service, *, trace: Callable[[str], None] | None = None, patience: Seconds | None = None
    ) -> Source:
        """The service's source, not connected yet; `patience` shortens the server's time-out."""
        server = self.servers.get(service.server) if service.server else None
        if server is not None and patience is not None:
            server = replace(server, timeout=min(server.timeout, patience))

        def password() -> str:
            return self.servers.password(server) if server else ""

        kind = self.rules.kinds[service.kind]
        return kind.open(Opening(service, server, service.afterwards, password, trace))

    def survey(self, service: Service) -> Survey:
        """What a new service finds in its mailbox. Raises SourceError if that cannot be read."""
        source = self.open(service, patience=PATIENCE)
        try:
            return Survey(len(source.list()), *_target(source), _advice(source))
        finally:
            source.close()

    def advice(self, service: Service) -> str:
        """What the mail server lacks for a service; "" if nothing. Raises SourceError if that cannot be found out."""
        source = self.open(service, patience=PATIENCE)
        try:
            return _advice(source)
        finally:
            source.close()

    def target(self, service: Service) -> tuple[str, str]:
        """A sentence about the folder that mail is moved to, or "", and why there is none, or "".

        Makes that folder if it is missing.
        """
        try:
            source = self.open(service, patience=PATIENCE)
        except SourceError as error:
            return "", str(error)
        try:
            return _target(source)
        finally:
            source.close()


def _advice(source: Source) -> str:
    return source.advice() if isinstance(source, Advising) else ""


def _target(source: Source) -> tuple[str, str]:
    if not isinstance(source, Targeting):
        return "", ""
    try:
        return source.target(), ""
    except SourceError as error:
        return "", str(error)


@dataclass(frozen=True, slots=True)
class Assembly:
    """Everything needed to file mail, for one worker. Close it to release the worker's name."""

    settings: Settings
    worker: Worker
    mailbox: DatabaseMailbox
    claims: DatabaseClaims
    recorder: DatabaseRecorder
    recovery: Recovery
    refiling: Refiling
    outbox: Outbox
    spine: Spine
    releasing: Callable[[int | None, str], Spine]
    """Builds the Spine that files held mail in a chosen ticket (None: a new one) with the permissions of a user."""
    ahead: Ahead | None
    session: Session
    ports: Ports

    def absent(self, absence: Absence, label: str) -> Self:
        """The same for rounds without a mailbox. If the `label` of one is given, its mail is held (`unserved`)."""
        mailbox = DatabaseMailbox(self.session, absence)
        rules = UnservedRules(label) if label else self.settings.rules
        return replace(self, mailbox=mailbox, spine=Spine(replace(self.ports, mailbox=mailbox, rules=rules)))

    def retry(self, entry: Entry) -> None:
        """Decide about a held message again. If nothing is recorded, it stays held. Raises SettingError."""
        services = self.settings.services
        if entry.service not in services.names():
            raise SettingError("service", entry.service, "a service that exists; this one was removed: release it")
        self._take(services.get(entry.service), entry, self.spine)

    def release(self, entry: Entry, ticket: int | None, user: str = "") -> None:
        """File a held message in `ticket` (None: a new one), bypassing all screens. Raises SettingError.

        Uses the permissions of `user`, or those of the sender if `user` is "". If the service was removed, the mail is
        filed as a new service would do it.
        """
        services = self.settings.services
        known = entry.service in services.names()
        service = services.get(entry.service) if known else services.stand_in(entry.service)
        self._take(service, entry, self.releasing(ticket, user))

    def _take(self, service: Service, entry: Entry, spine: Spine) -> None:
        delivery = self.claims.reclaim(entry.id)
        if delivery is not None:
            spine.take(service, [delivery])

    def close(self) -> None:
        """End this worker: release its claims and remove what it staged.

        Raises TemporaryFailure. In that case the next run treats this worker as dead, and cleans up after it.
        """
        if isinstance(self.worker, Onlooker):
            return
        if self.ahead is not None:
            self.ahead.close()
        self.recovery.close()
        self.worker.close()


def settings_of(env: Environment, extra: Iterable[object] = (), known: Known | None = None) -> Settings:
    """Rules, servers and services. `extra` are the environment's own plugins, `known` remembers which were there.

    Installed plugins are not loaded yet.
    """
    return _settings(env, TracReader(env, Directory(env)), extra, known)


def _settings(env: Environment, reader: Reader, extra: Iterable[object], known: Known | None) -> Settings:
    rules = Rules(reader, (kinds,), extra, known=known)
    return Settings(rules, Servers(env), Services(env, lambda: rules))


def assemble_intake(
    env: Environment,
    extra: Iterable[object] = (),
    watch: Watch | None = None,
    known: Known | None = None,
    *,
    deciding: bool = False,
) -> Assembly:
    """Build everything, with a new worker; `watch` ends it if it hangs. Raises SettingError if an option is wrong.

    `extra` and `known` as in `settings_of`. `deciding`: only to find out what would become of a mail, without any file.
    """
    limit = archive_limit(env)
    worker = Onlooker(env) if deciding else Worker(env)
    staging = Staging(env, worker.owner)
    tracker = TracTracker(env, staging)
    settings = _settings(env, tracker.reader, extra, known)
    session = Session(env, worker, limit)
    mailbox, claims = DatabaseMailbox(session), DatabaseClaims(session)
    recorder = DatabaseRecorder(session, staging, settings.rules, tracker.recall)
    ahead = _ahead(watch, staging, tracker)
    runtime = Runtime(ahead or Parser(parse), OneConnection(env), partial(named, env), watch)
    ports = Ports(tracker, settings.rules, mailbox, claims, recorder, FileArchive(env, worker), runtime, limit)
    return Assembly(
        settings=settings,
        worker=worker,
        mailbox=mailbox,
        claims=claims,
        recorder=recorder,
        recovery=Recovery(session, staging),
        refiling=Refiling(session),
        outbox=Outbox(env, worker),
        spine=Spine(ports),
        releasing=partial(_releasing, ports, tracker, settings.rules),
        ahead=ahead,
        session=session,
        ports=ports,
    )


def _releasing(ports: Ports, tracker: TracTracker, rules: Rules, ticket: int | None, user: str) -> Spine:
    defaults = {each.name: each.default for each in rules.parameters(ANY)}
    releasing = ReleasingRules(rules, ticket, defaults)
    return Spine(replace(ports, tracker=ReleasingTracker(tracker, user), rules=releasing))


def _ahead(watch: Watch | None, staging: Staging, tracker: TracTracker) -> Ahead | None:
    """The process that parses ahead. Only commands are watched.

    tracd must not fork: a fork copies the locks of other threads, but not the threads.
    """
    if watch is None or threading.active_count() > 1:
        return None
    return Ahead(read, watch.seconds, staging.ahead, tracker.recall.foresee)


@contextmanager
def mail_queue(env: Environment) -> Iterator[Outbox]:
    """The mail queue alone, with a new worker, for callers that file no mail. Raises TemporaryFailure."""
    worker = Worker(env)
    try:
        yield Outbox(env, worker)
    finally:
        worker.close()


def archive_limit(env: Environment) -> int:
    """The largest mail that is archived, in bytes. Raises SettingError."""
    value = _ARCHIVE_MAX_SIZE.read(env.config.get("mailintake", "archive_max_size", "256M"))
    if not isinstance(value, int):
        raise SettingError(_ARCHIVE_MAX_SIZE.name, value, _ARCHIVE_MAX_SIZE.kind.value)
    return value
