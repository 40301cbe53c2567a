"""A service on a Maildir in a real Trac environment, and what one does with it in tests."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trac_mailintake.bootstrap import assemble_intake, settings_of
from trac_mailintake.intake.stages.claim import Bounds
from trac_mailintake.tracker.archive.store import found
from trac_mailintake.tracker.lifecycle.states import DECIDED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.tracenv import Finished, TracEnv
    from trac_mailintake.bootstrap import Assembly
    from trac_mailintake.intake.report import Report

SERVICE = "support"
_numbers = itertools.count(1)


def mail(subject: str = "A question", *fields: str, sender: str = "ann@example.com", body: str = "How?\n") -> bytes:
    """A mail with an id of its own; `fields` are whole header lines."""
    number = next(_numbers)
    lines = [
        f"From: Ann <{sender}>",
        "To: support@example.org",
        f"Subject: {subject}",
        f"Message-ID: <m{number}@example.com>",
        "Date: Mon, 02 Nov 2026 10:00:00 +0000",
        *fields,
    ]
    return ("\n".join(lines) + "\n\n" + body).encode()


def id_of(message: bytes) -> str:
    """The Message-ID of a mail made by `mail`."""
    return next(line for line in message.decode().splitlines() if line.startswith("Message-ID: ")).split(" ")[1]


class Rig:
    """One environment, one Maildir, one service called `support`."""

    def __init__(self, trac: TracEnv, folder: Path, **settings: str) -> None:
        """Strangers may create and append; `settings` are the service's."""
        self.trac = trac
        self.maildir = folder / "Maildir"
        for name in ("new", "cur", "tmp"):
            (self.maildir / name).mkdir(parents=True)
        trac.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
        typed = {"kind": "maildir", "path": str(self.maildir), "afterwards": "delete", **settings}
        settings_of(trac.env).services.add(SERVICE, typed)

    def set(self, **settings: str) -> None:
        """Change the service's settings."""
        settings_of(self.trac.env).services.set(SERVICE, settings)

    def drop(self, *messages: bytes) -> None:
        """Deliver mails into the Maildir."""
        for message in messages:
            name = f"{1_700_000_000 + next(_numbers)}.M1P1.host"
            (self.maildir / "tmp" / name).write_bytes(message)
            (self.maildir / "tmp" / name).rename(self.maildir / "new" / name)

    @property
    def left(self) -> list[bytes]:
        """The mails that lie in the Maildir."""
        return [path.read_bytes() for part in ("new", "cur") for path in sorted((self.maildir / part).iterdir())]

    @contextmanager
    def worker(self, *extra: object) -> Iterator[Assembly]:
        """Everything that takes in mail, with `extra` plugins."""
        assembly = assemble_intake(self.trac.env, extra)
        try:
            yield assembly
        finally:
            assembly.close()

    def run(self, *extra: object, limit: int | None = None) -> Report:
        """One round of the service, with all that a run does besides."""
        with self.worker(*extra) as assembly:
            assembly.recovery.sweep()
            service = assembly.settings.services.get(SERVICE)
            report = assembly.spine.run(service, assembly.settings.open(service), Bounds(limit))
            assembly.outbox.flush()
        return report

    def deliver(self, message: bytes) -> Finished:
        """Hand a mail to the pipe service `pipe` through `trac-admin`, as an MTA would."""
        return self.trac.admin("mailintake", "deliver", "pipe", stdin=message)

    def journal(self) -> list[dict[str, Any]]:
        """All rows of deliveries, the oldest first."""
        names = "id state rule reason ticket comment consumed recorded archive notify attempts failure live owner"
        sql = f"SELECT {', '.join(names.split())} FROM mailintake_delivery ORDER BY id"
        rows = [dict(zip(names.split(), row, strict=True)) for row in self.trac.query(sql)]
        decided = {state.value for state in DECIDED}
        return [{**row, "outcome": row["state"] if row["state"] in decided else None} for row in rows]

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        """Outcome and rule of each delivery, the oldest first."""
        return [(row["outcome"], row["rule"]) for row in self.journal()]


class Remote(Rig):
    """One environment, and the service called `support` on a mail server."""

    def __init__(self, trac: TracEnv, protocol: str, port: int, **settings: str) -> None:
        """Likewise. Any password will do."""
        self.trac = trac
        trac.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
        made = settings_of(trac.env)
        at = {"protocol": protocol, "host": "localhost", "port": str(port), "security": "none", "timeout": "5"}
        made.servers.add("post", {**at, "username": "ann", "password": "secret of a test"})
        made.services.add(SERVICE, {"kind": protocol, "server": "post", "afterwards": "delete", **settings})

    def archived(self) -> list[bytes]:
        """The bytes of all that was filed, the oldest first."""
        sql = "SELECT archive, archive_offset, archive_length FROM mailintake_delivery WHERE archive<>'' ORDER BY id"
        return [found(self.trac.env, *row).read() for row in self.trac.env.db_query(sql)]
