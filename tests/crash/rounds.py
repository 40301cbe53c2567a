"""What a test lets other processes do, and what they see: each function runs in a process of its own (`zygote`)."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import random
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

# Imported here for all the processes to come: they shall start at once.
import trac.attachment
import trac.ticket.web_ui
import trac.web.chrome
from trac.admin.api import AdminCommandError
from trac.db.api import DatabaseManager

from tests.crash.faults import NONE, failing
from tests.crash.loaded import open_loaded
from trac_mailintake import bootstrap
from trac_mailintake.builtin.handlers import create_or_comment
from trac_mailintake.components.cli.archive import ArchiveActions
from trac_mailintake.components.cli.journal.commands import JournalActions
from trac_mailintake.components.cli.journal.held import HeldActions
from trac_mailintake.components.cli.running import commands
from trac_mailintake.components.cli.running import run as running
from trac_mailintake.components.deliver import deliver
from trac_mailintake.components.run_commands import RoundCommands
from trac_mailintake.plugins import registry
from trac_mailintake.runs.sysexits import SysExit
from trac_mailintake.sources import imap, pop3
from trac_mailintake.tracker.archive import records
from trac_mailintake.tracker.config.servers import Servers
from trac_mailintake.tracker.config.services import Services
from trac_mailintake.tracker.lifecycle import states
from trac_mailintake.tracker.outgoing import waiting
from trac_mailintake.tracker.tickets.place_attachments import target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from trac.env import Environment

    from tests.crash.faults import Harm

_PRELOADED: Final = (
    *(trac.attachment, trac.ticket.web_ui, trac.web.chrome),
    *(bootstrap, registry, waiting, create_or_comment, commands, running, imap, pop3),
)

SERVICE: Final = "support"
HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Done:
    """How a round went: outside calls, which of them failed, the status of the command, what it said."""

    calls: int
    failed: str
    status: int
    said: str


_open: dict[Path, Environment] = {}


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Environment]:
    """An environment, closed when the block is over; the same one within, for opening one takes its time."""
    if path in _open:
        yield _open[path]
        return
    # The file descriptors that count are those of this process alone.
    env = _open[path] = open_loaded(path)
    try:
        yield env
    finally:
        del _open[path]
        env.shutdown()


def prepare(path: Path, server: Mapping[str, str], service: Mapping[str, str]) -> None:
    """Store the service (and its mail server, if it needs one)."""
    with opened(path) as env:
        if server:
            Servers(env).add("post", server)
        Services(env, lambda: bootstrap.settings_of(env).rules).add(SERVICE, service)


def enable(path: Path) -> None:
    """`mailintake service enable support`."""
    with opened(path) as env:
        Services(env, lambda: bootstrap.settings_of(env).rules).set(SERVICE, {"enabled": "true"})


def in_turn(*calls: tuple[Callable[..., object], tuple[object, ...]]) -> list[object]:
    """Several functions in one process; what each returned."""
    return [function(*arguments) for function, arguments in calls]


def run(path: Path, fault: Harm = NONE) -> Done:
    """`mailintake run support --force`, as the command does it."""
    said = io.StringIO()
    with opened(path) as env, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        with failing(fault) as meter:
            try:
                status = RoundCommands(env)._run(SERVICE, "--force")
            except AdminCommandError as error:
                said.write(str(error))
                status = 2
        return Done(meter.calls, meter.failed, int(status), said.getvalue())


def forget(path: Path) -> None:
    """Put a database back that knows the service, and none of its mail; the archive stays."""
    with opened(path) as env, env.db_transaction as db:
        for table in ("mailintake_delivery", "mailintake_message_id", "ticket", "ticket_change", "attachment"):
            db(f"DELETE FROM {table}")
        shutil.rmtree(os.path.join(env.attachments_dir, "ticket"), ignore_errors=True)


def refile(path: Path, fault: Harm = NONE) -> Done:
    """`mailintake archive refile --yes`, as the command does it."""
    said = io.StringIO()
    with opened(path) as env, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        with failing(fault) as meter:
            status = ArchiveActions(env).refile("--yes")
        return Done(meter.calls, meter.failed, int(status), said.getvalue())


def age_archive(path: Path) -> None:
    """The files of the archive are of years ago."""
    archive = path / "files" / "mailintake" / "archive"
    old = archive / "2020" / "01" / "02"
    old.mkdir(parents=True)
    for batch in archive.glob("*/*/*/*.mails"):
        batch.rename(old / batch.name)


def purge(path: Path) -> str:
    """`mailintake purge`; what it says, or raises."""
    said = io.StringIO()
    with opened(path) as env, contextlib.redirect_stdout(said):
        try:
            JournalActions(env).purge()
        except AdminCommandError as error:
            said.write(str(error))
    return said.getvalue()


def run_due(path: Path) -> None:
    """`mailintake run`, as cron does it: also where a mail server hands mail over, for what is to be sent."""
    with opened(path) as env, contextlib.redirect_stdout(io.StringIO()):
        RoundCommands(env)._run()


def hand_over(path: Path, mails: Path, fault: Harm = NONE) -> Done:
    """What a mail server does with the mails that it has for us: a pipe for each, until it is taken.

    It keeps the order of the mails, so it does not go on to the next before this one is taken.
    """
    said = io.StringIO()
    status = 0
    with opened(path) as env, failing(fault) as meter:
        for mail in sorted(mails.iterdir()):
            with mail.open("rb") as stream:
                sys.stdin = io.TextIOWrapper(stream)
                answer = deliver(env, SERVICE)
            said.write(answer.line + "\n")
            status = answer.status
            if status is not SysExit.OK:
                break
            mail.unlink()
    return Done(meter.calls, meter.failed, status, said.getvalue())


def clear(path: Path) -> None:
    """Forget all tickets, all mail, and the services: the environment is as it was when it was made."""
    tables = ["ticket", "ticket_change", "ticket_custom", "attachment", "notify_watch"]
    ours = "server", "service", "delivery", "message_id", "outbox", "notice", "contact", "mailbox"
    tables += [f"mailintake_{name}" for name in ours]
    with opened(path) as env:
        with env.db_transaction as db:
            if DatabaseManager(env).connection_uri.startswith("postgres:"):
                db(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY")
            else:
                for table in tables:
                    db(f"DELETE FROM {table}")
        shutil.rmtree(env.files_dir, ignore_errors=True)


def retry_held(path: Path) -> list[str]:
    """Retry what is held, as an administrator does; the subjects, which are known only afterwards."""
    subjects = []
    with opened(path) as env, contextlib.redirect_stdout(io.StringIO()):
        for (number,) in env.db_query("SELECT id FROM mailintake_delivery WHERE state='held' ORDER BY id"):
            HeldActions(env).retry(str(number))
            subjects += env.db_query("SELECT subject FROM mailintake_delivery WHERE id=%s", (number,))
    return [subject for (subject,) in subjects]


def undo_links(path: Path, share: float, seed: int) -> int:
    """What a power cut may do: a share of the links that some intent still names are gone, perhaps with their folder.

    Copies, where there are no links, are gone or cut short. Returns how many went.
    """
    chance = random.Random(seed)  # noqa: S311 - the same each time, not secrets
    gone = 0
    with opened(path) as env:
        for intent in (path / "files" / "mailintake" / "staging").glob("*/*.intent"):
            for line in map(json.loads, intent.read_text("utf-8").splitlines()):
                if isinstance(line[0], str):  # a note about a copy
                    continue
                linked = Path(target(env, line[0], line[1]))
                staged = intent.parent / line[2]
                if linked.exists() and staged.exists() and chance.random() < share:
                    _undo(linked, chance, copied=not staged.samefile(linked))
                    gone += 1
    return gone


def _undo(path: Path, chance: random.Random, *, copied: bool) -> None:
    if copied and chance.random() < 0.5:
        os.truncate(path, chance.randrange(path.stat().st_size or 1))
        return
    path.unlink()
    with contextlib.suppress(OSError):  # others lie there
        path.parent.rmdir()


def without_links() -> None:
    """From now on this process cannot make hard links in the folder of attachments, as on some file systems."""

    def refuse(event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.link" and f"{os.sep}attachments{os.sep}" in str(arguments[1]):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    sys.addaudithook(refuse)


def hour_passes(path: Path) -> None:
    """All that the environment remembers happened an hour earlier."""
    shift = HOUR * 1_000_000
    with opened(path) as env, env.db_transaction as db:
        db(
            "UPDATE mailintake_delivery SET lease=lease-%s, retry_at=retry_at-%s, recorded=recorded-%s, "
            "consumed=CASE WHEN consumed=0 THEN 0 ELSE consumed-%s END",
            (shift,) * 4,
        )
        db("UPDATE mailintake_outbox SET lease=lease-%s, retry_at=retry_at-%s", (shift,) * 2)


# what there is


def sealed(path: Path) -> set[str]:
    """The SHA-256 of each mail in a sealed batch of the archive."""
    batches = (path / "files" / "mailintake" / "archive").rglob("*.mails")
    return {mail.record.sha256 for batch in batches for mail in records.read(str(batch))}


@dataclass(frozen=True, slots=True)
class Seen:
    """One ticket: its comments in their order, the SHA-256 of its attachments by name."""

    number: int
    summary: str
    description: str
    comments: tuple[str, ...]
    attachments: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the journal; `archived` is the SHA-256 of its slice of the archive."""

    outcome: str | None
    rule: str | None
    reason: str | None
    ticket: int | None
    subject: str | None
    consumed: bool
    notify: int
    attempts: int
    archived: str


@dataclass(frozen=True, slots=True)
class State:
    """Everything that intake left in an environment. `strays` are files that nothing refers to, or the reverse."""

    tickets: tuple[Seen, ...]
    rows: tuple[Row, ...]
    ids: int
    outbox: int
    strays: tuple[str, ...]


def look(path: Path) -> State:
    """Look at everything."""
    with opened(path) as env:
        attached = {
            (int(number), name): target(env, int(number), name)
            for number, name in env.db_query("SELECT id, filename FROM attachment WHERE type='ticket'")
        }
        return State(
            tuple(_tickets(env, attached)),
            tuple(_rows(env)),
            env.db_query("SELECT COUNT(*) FROM mailintake_message_id WHERE outgoing=0")[0][0],
            env.db_query("SELECT COUNT(*) FROM mailintake_outbox")[0][0],
            tuple(_strays(env, attached)),
        )


def _tickets(env: Environment, attached: Mapping[tuple[int, str], str]) -> Iterator[Seen]:
    comments: dict[int, list[str]] = {}
    for number, text in env.db_query(
        "SELECT ticket, newvalue FROM ticket_change WHERE field='comment' ORDER BY ticket, time"
    ):
        comments.setdefault(number, []).append(text)
    for number, summary, description in env.db_query("SELECT id, summary, description FROM ticket ORDER BY id"):
        files = {name: _digest(path) for (ticket, name), path in attached.items() if ticket == number}
        yield Seen(number, summary, description, tuple(comments.get(number, ())), files)


def _rows(env: Environment) -> Iterator[Row]:
    for *row, archive, offset, length in env.db_query(
        "SELECT state, rule, reason, ticket, subject, consumed, notify, attempts, "
        "archive, archive_offset, archive_length FROM mailintake_delivery ORDER BY id"
    ):
        state, rule, reason, ticket, subject, consumed, notify, attempts = row
        outcome = None if states.State(state) in states.UNDECIDED else state
        digest = _digest(os.path.join(_root(env), archive), offset, length) if archive else ""
        yield Row(outcome, rule, reason, ticket, subject, bool(consumed), notify, attempts, digest)


def _root(env: Environment) -> str:
    return os.path.join(env.files_dir, "mailintake")


def _digest(path: str, offset: int = 0, length: int = -1) -> str:
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            return hashlib.sha256(file.read(length)).hexdigest()
    except FileNotFoundError:
        return "missing"


def _strays(env: Environment, attached: Mapping[tuple[int, str], str]) -> Iterator[str]:
    """Files without a row, rows without a file, and whatever dead workers left."""
    files = set(_files(os.path.join(env.attachments_dir, "ticket")))
    yield from sorted(files.symmetric_difference(attached.values()))
    referred = {archive for (archive,) in env.db_query("SELECT DISTINCT archive FROM mailintake_delivery") if archive}
    archive = os.path.join(_root(env), "archive")
    for path in _files(archive):
        if os.path.relpath(path, _root(env)) not in referred:
            yield path
    for name in ("staging", "workers"):
        folder = os.path.join(_root(env), name)
        if os.path.isdir(folder):
            yield from (os.path.join(folder, left) for left in os.listdir(folder))


def _files(folder: str) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        yield from (os.path.join(place, name) for name in names)


def at_once(path: Path, moment: float) -> Done:
    """`run`, begun when `time.monotonic()` says so: it is the same for all processes of a machine."""
    time.sleep(max(0.0, moment - time.monotonic()))
    return run(path)
