"""The composition root: an environment becomes everything that takes in its mail. Nothing else builds collaborators."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trac_mailintake.hookspecs import Opening
from trac_mailintake.intake.pipeline import Intake
from trac_mailintake.intake.round import Round
from trac_mailintake.intake.settings import Kind, Parameter, SettingError
from trac_mailintake.mail.parser import parse
from trac_mailintake.plugins import Rules
from trac_mailintake.sources import kinds
from trac_mailintake.tracker.adapter import TracTracker
from trac_mailintake.tracker.archive import FileArchive
from trac_mailintake.tracker.attachments import Staging
from trac_mailintake.tracker.outbox import Outbox
from trac_mailintake.tracker.reader import TracReader
from trac_mailintake.tracker.recorder import DatabaseRecorder
from trac_mailintake.tracker.servers import Servers
from trac_mailintake.tracker.services import Services
from trac_mailintake.tracker.users import Directory
from trac_mailintake.tracker.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trac.env import Environment

    from trac_mailintake.intake.ports import Reader, Source
    from trac_mailintake.intake.settings import Service

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

    def close(self) -> None:
        """This worker is done: what it claimed is free for others, what it staged is gone.

        Raises TemporaryFailure; then the next run takes this worker for dead, and clears up after it.
        """
        self.recorder.close()
        self.worker.close()


def settings_of(env: Environment, extra: Sequence[object] = ()) -> Settings:
    """Rules, servers and services; `extra` are the plugins that the environment brings. Looks for no plugin yet."""
    return _settings(env, TracReader(env, Directory(env)), extra)


def _settings(env: Environment, reader: Reader, extra: Sequence[object]) -> Settings:
    rules = Rules(reader, (kinds,), extra)
    return Settings(rules, Servers(env), Services(env, lambda: rules))


def assemble_intake(env: Environment, extra: Sequence[object] = ()) -> Assembly:
    """Everything, with a new worker. Raises SettingError when an option is wrong."""
    limit = archive_limit(env)
    worker = Worker(env)
    staging = Staging(env, worker.owner)
    tracker = TracTracker(env, staging)
    settings = _settings(env, tracker.reader, extra)
    recorder = DatabaseRecorder(env, worker, staging, settings.rules)
    intake = Intake(tracker, recorder, settings.rules, parse)
    archive = FileArchive(env, worker)
    return Assembly(settings, worker, recorder, Outbox(env, worker), intake, Round(intake, recorder, archive, limit))


def archive_limit(env: Environment) -> int:
    """The largest mail that is archived, in bytes. Raises SettingError."""
    value = _ARCHIVE_MAX_SIZE.read(env.config.get("mailintake", "archive_max_size", "256M"))
    if not isinstance(value, int):
        raise SettingError(_ARCHIVE_MAX_SIZE.name, value, _ARCHIVE_MAX_SIZE.kind.value)
    return value
