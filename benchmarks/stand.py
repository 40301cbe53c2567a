"""The test stand: an environment, a mailbox and a service to measure; what was filed is compared afterwards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trac.attachment import Attachment
from trac.ticket.model import Ticket

from benchmarks.load import ADDRESS, Kind, people
from benchmarks.manipulators import Witness
from tests.servers.dovecot import PASSWORD
from tests.servers.tracenv import SQLITE, TracEnv
from trac_mailintake.intake.model import Status
from trac_mailintake.runs import open_intake
from trac_mailintake.tracker.journal.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from benchmarks.load import Mail
    from tests.servers.tracenv import Options
    from trac_mailintake.intake.report import Report
    from trac_mailintake.tracker.journal.journal import Entry

SERVICE: Final = "support"
MAX_ATTACHMENT: Final = 4 * 1024**2
_NEUTRAL: Final = re.compile(r"[!\\\s\u200b\u00a0]+")
"""What is added to keep plain text from being taken for markup, and blanks."""


class Stand:
    """One environment with two hundred known users, permissions as Trac comes with, no notifications."""

    def __init__(
        self, path: Path, *, database: str = SQLITE, max_attachment: int = MAX_ATTACHMENT, options: Options = ()
    ) -> None:
        """Make it; `options` are further settings (section, name, value) in trac.ini."""
        own = (
            ("attachment", "max_size", str(max_attachment)),
            ("components", "benchmarks.*", "enabled"),
            ("logging", "log_level", "INFO"),
        )
        self.trac = TracEnv.create(path, database=database, options=(*own, *options))
        self.env = self.trac.env
        with self.env.db_transaction:
            for person in people():
                self.trac.know(person.username, person.address, person.name)

    def service(self, **typed: str) -> None:
        """The service that is measured."""
        open_intake.settings(self.env).services.add(SERVICE, {"address": ADDRESS, "afterwards": "delete", **typed})

    def maildir(self, path: Path, contents: Iterable[bytes]) -> None:
        """A service on a new Maildir with these mails."""
        fill_maildir(path, contents)
        self.service(kind="maildir", path=str(path))

    def imap(self, port: int, user: str, **typed: str) -> None:
        """A service on the inbox of a user of the Dovecot at `port`."""
        server = {"protocol": "imap", "host": "127.0.0.1", "port": str(port), "security": "none"}
        open_intake.settings(self.env).servers.add("post", {**server, "username": user, "password": PASSWORD})
        self.service(kind="imap", server="post", **typed)

    def run(self) -> Report:
        """What `trac-admin ENV mailintake run` does once it has started."""
        with open_intake.watched_intake(self.env) as assembly:
            assembly.recovery.sweep()
            assembly.recorder.announce_owed()
            service = assembly.settings.services.get(SERVICE)
            report = assembly.spine.run(service, assembly.settings.open(service))
            assembly.outbox.flush()
        return report

    def run_command(self) -> None:
        """`trac-admin ENV mailintake run` as a process of its own."""
        done = self.trac.admin("mailintake", "run")
        assert done.status == 0, done

    def insert(self, mails: Sequence[Mail]) -> None:
        """The bare loop: a ticket and a commit for each, without mail, checks or attachments."""
        for mail in mails:
            ticket = Ticket(self.env)
            ticket["summary"] = mail.subject
            ticket["description"] = mail.text
            ticket["reporter"] = mail.author.username
            ticket["status"] = "new"
            ticket.insert()

    def close(self) -> None:
        """Let go of the database."""
        self.trac.close()

    # what came of it

    def check(self, report: Report, mails: Sequence[Mail]) -> None:
        """Compare what is stored with what was sent, byte by byte where bytes count; raises AssertionError."""
        replies = sum(mail.kind is Kind.REPLY for mail in mails)
        wanted = {Status.CREATED: len(mails) - replies, Status.COMMENTED: replies}
        assert +report.counts == +type(report.counts)(wanted), (report, wanted)
        rows = {entry.message_id: entry for entry in Journal(self.env).entries(limit=len(mails) + 1)}
        assert len(rows) == len(mails), f"{len(rows)} rows in the journal"
        for mail in mails:
            self._check(mail, rows)
        witness = Witness(self.env)
        attached = sum(bool(mail.attachment) for mail in mails)
        # What changed meanwhile is decided anew, and asked about again.
        assert witness.tickets >= len(mails), f"asked about {witness.tickets} tickets only"
        assert witness.attachments >= attached, f"asked about {witness.attachments} attachments only"

    def _check(self, mail: Mail, rows: Mapping[str, Entry]) -> None:
        entry = rows[mail.message_id]
        assert entry.ticket == mail.ticket, (mail.number, entry.ticket, mail.ticket, entry.rule)
        assert entry.consumed, f"mail {mail.number} was not disposed of"
        assert entry.raw is not None
        assert entry.raw.read().replace(b"\r\n", b"\n") == mail.content, f"the archive differs in mail {mail.number}"
        ticket = Ticket(self.env, mail.ticket)
        if mail.kind is Kind.REPLY:
            stored = str(ticket.get_change(cnum=entry.comment)["fields"]["comment"]["new"])
        else:
            stored = str(ticket["description"])
            assert ticket["summary"] == mail.subject, f"the summary of mail {mail.number} differs"
            assert ticket["reporter"] == mail.author.username, f"mail {mail.number} has another reporter"
        assert _letters(stored).startswith(_letters(mail.text)), f"the text of mail {mail.number} differs: {stored}"
        if mail.attachment:
            (attachment,) = Attachment.select(self.env, "ticket", mail.ticket)
            assert attachment.filename == mail.filename, (attachment.filename, mail.filename)
            with attachment.open() as file:
                assert file.read() == mail.attachment, f"the attachment of mail {mail.number} differs"


def _letters(text: str) -> str:
    return _NEUTRAL.sub("", text)


def fill_maildir(path: Path, contents: Iterable[bytes]) -> None:
    """A new Maildir with these mails, in this order."""
    for folder in ("new", "cur", "tmp"):
        (path / folder).mkdir(parents=True)
    for number, content in enumerate(contents):
        (path / "new" / f"{1_790_000_000 + number}.M{number:06}P1.bench").write_bytes(content)
