"""Mail from a mail server's pipe: `mailintake-deliver ENV SERVICE < mail`, answering as sysexits.h says.

The mail server keeps the mail when the answer is 75, so that is the answer to whatever is not sure.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, assert_never

from trac.env import open_environment

from trac_mailintake.components import bridge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.env import Environment

    from trac_mailintake.bootstrap import Assembly
    from trac_mailintake.intake.model import Status

_WORDS = 2


class SysExit(IntEnum):
    """What an MTA is answered (sysexits.h)."""

    OK = 0
    DATAERR = 65
    """There is no mail in what was handed over: it bounces."""
    UNAVAILABLE = 69
    """An administrator has disabled the service: it bounces."""
    TEMPFAIL = 75
    """The mail server keeps the mail and tries again."""
    NOPERM = 77
    """Rejected: it bounces."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The exit status, and a line that the mail server logs or puts into the bounce."""

    status: SysExit
    line: str


def deliver(env: Environment, name: str) -> Answer:
    """Take one mail from standard input. Never raises: whatever is not sure is a temporary failure."""
    try:
        return _deliver(env, name)
    except Exception as error:
        env.log.exception("Mail for the service %s was not taken", name)
        return Answer(SysExit.TEMPFAIL, f"Not taken for now: {type(error).__name__}: {error}")


def _deliver(env: Environment, name: str) -> Answer:
    from trac_mailintake.sources.local.stdin import PipeSource  # noqa: PLC0415 - what only a mail needs
    from trac_mailintake.tracker.outgoing.stopped import stop  # noqa: PLC0415 - as above

    source = PipeSource(sys.stdin.buffer, name)
    with bridge.watched_intake(env) as assembly:
        services = assembly.settings.services
        service = services.get(name)
        if not service.enabled:
            return Answer(SysExit.UNAVAILABLE, f"The service {name} is disabled.")
        if service.stopped:
            return Answer(SysExit.TEMPFAIL, f"The service {name} has stopped: {service.stopped}")
        listing = source.list()
        if not listing:
            return Answer(SysExit.DATAERR, "There was no mail on standard input.")
        services.begin(name)
        assembly.recorder.sweep()
        report = assembly.round.run(service, source)
        if report.overrun:
            stop(env, services, name, report.overrun)
            return Answer(SysExit.TEMPFAIL, f"The service {name} has stopped: {report.overrun}")
        answer = _answer(env, name, listing[0].locator, report.error or report.down)
        error = answer.line if answer.status is SysExit.TEMPFAIL else ""
        services.finish(name, error=error, result=answer.line)
        if answer.status is not SysExit.TEMPFAIL:
            _flush(env, assembly)
        return answer


def _answer(env: Environment, name: str, locator: str, failure: str) -> Answer:
    """What the journal says of this very mail: also when it was handed over before."""
    from trac_mailintake.intake.model import Status  # noqa: PLC0415 - what only a mail needs
    from trac_mailintake.tracker.journal.journal import Journal  # noqa: PLC0415 - as above
    from trac_mailintake.tracker.journal.search import IN_WORK, Filter  # noqa: PLC0415 - as above

    entries = Journal(env).entries(Filter(service=name, locator=locator), limit=1)
    if failure or not entries:
        return Answer(SysExit.TEMPFAIL, failure or "Not taken for now.")
    entry = entries[0]
    ticket = f" #{entry.ticket}" if entry.ticket else ""
    if entry.outcome == IN_WORK:
        return Answer(SysExit.TEMPFAIL, "Another worker has this very mail in hand.")
    rule = f" ({entry.rule})" if entry.rule else ""
    return Answer(_status(Status(entry.outcome)), f"{entry.outcome}{ticket}{rule}: {entry.reason or entry.failure}")


def _flush(env: Environment, assembly: Assembly) -> None:
    """Send what is due. The mail is taken, so whatever goes wrong here is for the next run."""
    try:
        assembly.recorder.announce_owed()
        assembly.outbox.flush()
    except Exception:
        env.log.exception("Not everything that is due could be sent")


def _status(status: Status) -> SysExit:
    """The column *exit of `deliver`* in docs/behaviour.md#outcomes."""
    from trac_mailintake.intake.model import Status  # noqa: PLC0415 - what only a mail needs

    match status:
        case Status.REJECTED:
            return SysExit.NOPERM
        case Status.DEFERRED:
            return SysExit.TEMPFAIL
        case (
            Status.CREATED
            | Status.COMMENTED
            | Status.DUPLICATE
            | Status.IGNORED
            | Status.FORWARDED
            | Status.DISCARDED
            | Status.HELD
        ):
            return SysExit.OK
        case _:
            assert_never(status)


def main(arguments: Sequence[str] | None = None) -> int:
    """What the console script does once Trac could be imported. Says what happened on standard error."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if len(words) != _WORDS:
        # Not EX_USAGE, on which a mail server bounces: a mistake in its configuration must not cost mail.
        answer = Answer(SysExit.TEMPFAIL, "Usage: mailintake-deliver ENV SERVICE < mail")
    else:
        answer = _open_and_deliver(*words)
    from trac_mailintake.components.terminal import plain  # noqa: PLC0415 - once Trac could be imported

    sys.stderr.write(f"{' '.join(plain(answer.line).split())}\n")
    return answer.status


def _open_and_deliver(path: str, service: str) -> Answer:
    try:
        env = open_environment(path)
    except Exception as error:  # noqa: BLE001 - as in `deliver`
        return Answer(SysExit.TEMPFAIL, f"Trac's environment {path} cannot be opened: {error}")
    try:
        return deliver(env, service)
    finally:
        env.shutdown()
