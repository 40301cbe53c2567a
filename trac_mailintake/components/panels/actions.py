"""*Run now*, *Send now*, and counting waiting mail: slow actions, limited to the time that a person waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac_mailintake.bootstrap import PATIENCE
from trac_mailintake.components.options import MailIntakeSystem
from trac_mailintake.intake.errors import Misconfiguration, SourceError, TemporaryFailure
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.runs import open_intake
from trac_mailintake.runs.run_service import ServiceRun
from trac_mailintake.runs.time_limit import within

if TYPE_CHECKING:
    from trac.env import Environment

    from trac_mailintake.bootstrap import Settings
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.intake.times import Seconds

_FAILURES: Final = (SettingError, Misconfiguration, SourceError, TemporaryFailure)


@dataclass(frozen=True, slots=True)
class Done:
    """The result of an action, in a sentence, and whether it succeeded."""

    sentence: str
    well: bool


def run(env: Environment, name: str, until: Seconds) -> Done:
    """Run one round of a service; start no batch after `until` (a `time.monotonic()`)."""
    if not MailIntakeSystem(env).fetches:
        return Done("Nothing is fetched: [mailintake] fetch = disabled in trac.ini.", well=False)
    try:
        with open_intake.intake(env) as assembly:
            service = assembly.settings.services.get(name)
            if not service.enabled or service.stopped:
                return Done(f"Service {name} was not run: enable it first.", well=False)
            if service.pushed:
                return Done(f"Service {name} was not run: a mail server hands it its mail.", well=False)
            done = ServiceRun(env, assembly).serve(name, until=until, patience=PATIENCE)
    except _FAILURES as error:
        return Done(f"Service {name} could not be run: {error}", well=False)
    left = ""
    if done.remaining:
        left = (
            f" The time was up: {_mails(done.remaining)} {'waits' if done.remaining == 1 else 'wait'} for the next run."
        )
    return Done(f"{done.line}.{left}", well=not done.error)


def flush(env: Environment) -> Done:
    """Try to send all waiting mail of the outbox."""
    try:
        with open_intake.intake(env) as assembly:
            flushed = assembly.outbox.flush(force=True)
    except _FAILURES as error:
        return Done(f"The mail queue could not be sent: {error}", well=False)
    return Done(
        f"Mail queue: {flushed.sent} sent, {flushed.waiting} waiting. {flushed.failure}", well=not flushed.waiting
    )


def waiting(settings: Settings, service: Service) -> Done:
    """How many messages the first run of a service will find, what it will do with them, and where it moves them."""
    try:
        found = within(PATIENCE, lambda: settings.survey(service))
    except SourceError as error:
        return Done(f"How many mails wait could not be found out: {error}.", well=False)
    begins = {
        "all": "the first run takes all that lies there",
        "now": "the first run leaves what lies there, and takes what comes later",
    }
    first = begins.get(service.start, f"the first run takes those since {service.start}")
    number = _mails(found.waiting)
    mails = f"{number} {'waits' if found.waiting == 1 else 'wait'} in the mailbox; {first}."
    target = found.target or (f"{found.trouble}." if found.trouble else "")
    advice = f"{found.advice}." if found.advice else ""
    return Done(" ".join(filter(None, (mails, target, advice))), well=not found.trouble)


def _mails(number: int) -> str:
    return "1 mail" if number == 1 else f"{number} mails"
