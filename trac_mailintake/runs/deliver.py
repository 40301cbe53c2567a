"""Takes one mail that a mail server hands over through a pipe, and answers with an exit status of sysexits.h.

After the status 75 the mail server keeps the mail, so this is the answer whenever the outcome is not certain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trac_mailintake.intake.model import Status
from trac_mailintake.runs.run_service import ServiceRun
from trac_mailintake.runs.sysexits import SysExit, exit_of
from trac_mailintake.sources.local.stdin import PipeSource
from trac_mailintake.tracker.config.circuit_breaker import CircuitBreaker
from trac_mailintake.tracker.journal.journal import Journal
from trac_mailintake.tracker.journal.search import Filter
from trac_mailintake.tracker.lifecycle.states import IN_WORK

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from trac.env import Environment

    from trac_mailintake.bootstrap import Assembly
    from trac_mailintake.intake.ports import Source
    from trac_mailintake.runs.result import RoundResult
    from trac_mailintake.tracker.config.circuit_breaker import Standing

    Opened = Callable[[], AbstractContextManager[Assembly]]


@dataclass(frozen=True, slots=True)
class Answer:
    """The exit status, and a line that the mail server logs or puts into the bounce."""

    status: SysExit
    line: str


def deliver(env: Environment, opened: Opened, name: str, stream: BinaryIO) -> Answer:
    """Take the mail in `stream` for the service `name`. Never raises: without a certain outcome it answers TEMPFAIL."""
    try:
        return _deliver(env, opened, name, stream)
    except BaseException as error:
        env.log.exception("Mail for the service %s was not taken", name)
        return Answer(SysExit.TEMPFAIL, f"Not taken for now: {type(error).__name__}: {error}")


def _deliver(env: Environment, opened: Opened, name: str, stream: BinaryIO) -> Answer:
    source = PipeSource(stream, name)
    breaker = CircuitBreaker(env)
    standing = breaker.standing(name)
    refused = _refused(name, standing)
    if refused is not None:
        return refused
    listing = source.list()
    if not listing:
        return Answer(SysExit.DATAERR, "There was no mail on standard input.")
    stopped = standing is not None and bool(standing.stopped)
    if stopped and not breaker.try_one(name):
        standing = breaker.standing(name)
        return _stopped(name, standing.why if standing else "")
    with opened() as assembly:
        return _take(env, assembly, name, source, listing[0].locator, trying=stopped)


def _refused(name: str, standing: Standing | None) -> Answer | None:
    """The answer for a service that takes no mail now; None if it may take this one, or does not exist."""
    if standing is None:
        return None
    if not standing.enabled:
        return Answer(SysExit.UNAVAILABLE, f"The service {name} is disabled.")
    return _stopped(name, standing.why) if standing.stopped and not standing.may_try else None


def _stopped(name: str, why: str) -> Answer:
    return Answer(SysExit.TEMPFAIL, f"The service {name} has stopped: {why}")


def _take(env: Environment, assembly: Assembly, name: str, source: Source, locator: str, *, trying: bool) -> Answer:
    answers: list[Answer] = []

    def conclude(done: RoundResult) -> tuple[str, str]:
        answer = _answer(env, done, locator)
        answers.append(answer)
        return (answer.line if answer.status is SysExit.TEMPFAIL else ""), answer.line

    assembly.recovery.sweep()
    done = ServiceRun(env, assembly).serve(name, source=source, trying=trying, conclude=conclude)
    # If the database failed before `conclude` had an answer, there is none; if it failed later, the answer stands.
    answer = answers[0] if answers else Answer(SysExit.TEMPFAIL, done.error)
    if answer.status is not SysExit.TEMPFAIL or done.stopped:
        _flush(env, assembly)
    return answer


def _answer(env: Environment, done: RoundResult, locator: str) -> Answer:
    """The answer for this mail, by its row in the journal, which may be from before. Raises TemporaryFailure."""
    if done.stopped:
        return _stopped(done.service, done.stopped)
    if done.error:
        return Answer(SysExit.TEMPFAIL, done.error)
    entries = Journal(env).entries(Filter(service=done.service, locator=locator), limit=1)
    if not entries:
        return Answer(SysExit.TEMPFAIL, "Not taken for now.")
    entry = entries[0]
    ticket = f" #{entry.ticket}" if entry.ticket else ""
    if entry.outcome == IN_WORK:
        return Answer(SysExit.TEMPFAIL, "Another worker has this very mail in hand.")
    rule = f" ({entry.rule})" if entry.rule else ""
    return Answer(exit_of(Status(entry.outcome)), f"{entry.outcome}{ticket}{rule}: {entry.reason or entry.failure}")


def _flush(env: Environment, assembly: Assembly) -> None:
    """Send what is due. The answer is settled by now, so failures are only logged, and the next run tries again."""
    try:
        assembly.recorder.announce_owed()
        assembly.outbox.flush()
    except Exception:
        env.log.exception("Some outgoing mail that is due could not be sent; the next run tries again")
