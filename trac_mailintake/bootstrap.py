"""The composition root: an environment becomes everything that takes in its mail. Nothing else builds collaborators."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from trac_mailintake.hookspecs import Opening
from trac_mailintake.intake.forked_parser import Ahead
from trac_mailintake.intake.pipeline import Intake
from trac_mailintake.intake.release import ReleasingRules, ReleasingTracker
from trac_mailintake.intake.round import Round
from trac_mailintake.intake.settings import Kind, Parameter, SettingError
from trac_mailintake.mail.parse import parse
from trac_mailintake.mail.prefetch import read
from trac_mailintake.plugins.hooks import Rules
from trac_mailintake.sources import kinds
from trac_mailintake.tracker.adapter import TracTracker
from trac_mailintake.tracker.archive.store import FileArchive
from trac_mailintake.tracker.config.servers import Servers
from trac_mailintake.tracker.config.services import Services
from trac_mailintake.tracker.db.read_connection import OneConnection
from trac_mailintake.tracker.db.sqlite_cache import keep_more_pages
from trac_mailintake.tracker.db.transaction import named
from trac_mailintake.tracker.deliveries.recorder import DatabaseRecorder
from trac_mailintake.tracker.lookups import TracReader
from trac_mailintake.tracker.outgoing.outbox import Outbox
from trac_mailintake.tracker.people.directory import Directory
from trac_mailintake.tracker.tickets.stage_attachments import Staging
from trac_mailintake.tracker.workers import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from trac.env import Environment

    from trac_mailintake.intake.ports import Reader, Source, Watch
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.tracker.journal.journal import Entry

PATIENCE = 10
"""Seconds that a person is kept waiting for a mail server, however long its own time-out is."""

_ARCHIVE_MAX_SIZE = Parameter("[mailintake] archive_max_size", Kind.SIZE, 256 * 1024**2, "", minimum=1024)


@dataclass(frozen=True, slots=True)
class Settings:
    """What is needed to look at services and change them: no worker, so nothing to close."""

    rules: Rules
    servers: Servers
    services: Services

    def open(
        self, service: Service, *, trace: Callable[[str], None] | None = None, patience: int | None = None
    ) -> Source:
        """The service's source, not connected yet; `patience` in seconds shortens the server's time-out."""
        server = self.servers.get(service.server) if service.server else None
        if server is not None and patience is not None:
            server = replace(server, timeout=min(server.timeout, patience))

        def password() -> str:
            return self.servers.password(server) if server else ""

        kind = self.rules.kinds[service.kind]
        return kind.open(Opening(service, server, service.afterwards, password, trace))

    def waiting(self, service: Service) -> int:
        """How many mails lie in the service's mailbox now. Raises SourceError."""
        source = self.open(service, patience=PATIENCE)
        try:
            return len(source.list())
        finally:
            source.close()


@dataclass(frozen=True, slots=True)
class Assembly:
    """Everything that takes in mail, for one worker. Close it: that gives the worker's name up."""

    settings: Settings
    worker: Worker
    recorder: DatabaseRecorder
    outbox: Outbox
    intake: Intake
    round: Round
    releasing: Callable[[int | None, str], Intake]
    """What files held mail in the ticket (a new one when it is None) that a user chose, whose rights count."""
    ahead: Ahead | None

    def retry(self, entry: Entry) -> None:
        """Decide about a held mail once more; what is not recorded is held again. Raises SettingError."""
        self._take(entry, self.intake)

    def release(self, entry: Entry, ticket: int | None, user: str = "") -> None:
        """File a held mail in `ticket`, or in a new one, past all screens. Raises SettingError.

        The rights of `user` count, those of the sender when it is "".
        """
        self._take(entry, self.releasing(ticket, user))

    def _take(self, entry: Entry, intake: Intake) -> None:
        service = self.settings.services.get(entry.service)
        delivery = self.recorder.reclaim(entry.id)
        if delivery is not None:
            intake.take(service, [delivery])

    def close(self) -> None:
        """This worker is done: what it claimed is free for others, what it staged is gone.

        Raises TemporaryFailure; then the next run takes this worker for dead, and clears up after it.
        """
        if self.ahead is not None:
            self.ahead.close()
        self.recorder.close()
        self.worker.close()


def settings_of(env: Environment, extra: Sequence[object] = ()) -> Settings:
    """Rules, servers and services; `extra` are the plugins that the environment brings. Looks for no plugin yet."""
    return _settings(env, TracReader(env, Directory(env)), extra)


def _settings(env: Environment, reader: Reader, extra: Sequence[object]) -> Settings:
    rules = Rules(reader, (kinds,), extra)
    return Settings(rules, Servers(env), Services(env, lambda: rules))


def assemble_intake(env: Environment, extra: Sequence[object] = (), watch: Watch | None = None) -> Assembly:
    """Everything, with a new worker; `watch` ends it if it hangs. Raises SettingError when an option is wrong."""
    limit = archive_limit(env)
    keep_more_pages(env)
    worker = Worker(env)
    staging = Staging(env, worker.owner)
    tracker = TracTracker(env, staging)
    settings = _settings(env, tracker.reader, extra)
    recorder = DatabaseRecorder(env, worker, staging, settings.rules, tracker.recall)
    # A command is watched. Not in tracd: a fork copies what other threads hold, but not the threads.
    ahead = (
        Ahead(read, watch.seconds, staging.ahead, tracker.recall.foresee)
        if watch is not None and threading.active_count() == 1
        else None
    )
    deciding = OneConnection(env)
    taking = partial(Intake, recorder=recorder, parse=parse, watch=watch, named=partial(named, env), deciding=deciding)
    if ahead is not None:
        taking = partial(taking, parse=ahead, expect=ahead.expect)
    intake = taking(tracker, rules=settings.rules)
    rounds = Round(intake, recorder, FileArchive(env, worker), limit)

    def releasing(ticket: int | None, user: str) -> Intake:
        return taking(ReleasingTracker(tracker, user), rules=ReleasingRules(settings.rules, ticket))

    return Assembly(settings, worker, recorder, Outbox(env, worker), intake, rounds, releasing, ahead)


@contextmanager
def mail_queue(env: Environment) -> Iterator[Outbox]:
    """The mail queue by itself, with a new worker, for who takes no mail. Raises TemporaryFailure."""
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
