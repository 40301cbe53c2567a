"""`mailintake probe`: sends a probe, and prints each step that it reaches."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from trac.admin.api import AdminCommandError

from trac_mailintake.components.cli.arguments import Exit, UnlessDown, read, starting, told
from trac_mailintake.components.cli.output import progress, say, say_json
from trac_mailintake.components.cli.running.exit_status import exit_status
from trac_mailintake.components.options import MailIntakeSystem
from trac_mailintake.intake.settings import Kind, Parameter
from trac_mailintake.intake.times import Seconds
from trac_mailintake.runs import open_intake
from trac_mailintake.runs.result import Ending
from trac_mailintake.runs.round_trip import RoundTrip
from trac_mailintake.tracker.options import sends

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.env import Environment

    from trac_mailintake.components.cli.arguments import Typed
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.runs.round_trip import Step


class ProbeActions:
    """Sends a probe."""

    def __init__(self, env: Environment) -> None:
        self.env = env

    def complete(self, typed: list[str]) -> list[str]:
        """Names of services."""
        return starting(open_intake.settings(self.env).services.names(), typed)

    def probe(self, *typed: str) -> int:
        """`mailintake probe`. Raises AdminCommandError."""
        with UnlessDown(self.env):
            return _probe(self.env, typed)
        return Exit.UNREACHABLE


def _probe(env: Environment, typed: Sequence[str]) -> Exit:
    wanted = read(typed, least=1, most=1, flags=("--json",), valued=("--to", "--wait"))
    wait = wanted.number("--wait")
    seconds = None if wait is None else Seconds(wait)
    as_json = wanted.flag("--json")
    with told(), open_intake.watched_intake(env) as assembly:
        service = assembly.settings.services.get(wanted.words[0])
        recipient = _recipient(env, service, wanted)
        _check(env, service, seconds)
        trip = RoundTrip(env, assembly, service, seconds, _ignore if as_json else _say, progress).run(recipient)
    if as_json:
        well = trip.ending is Ending.WELL
        say_json({"service": service.name, "well": well, "steps": [asdict(each) for each in trip.steps]})
    return exit_status(trip.ending)


def _say(step: Step) -> None:
    say(f"{step.seconds:7.2f} s  {step.step}: {step.said}")


def _ignore(_: Step) -> None:
    """Print nothing: the JSON at the end has all steps."""


def _recipient(env: Environment, service: Service, wanted: Typed) -> str:
    """The address to send the probe to. Raises AdminCommandError, SettingError."""
    named = wanted.options.get("--to", "")
    own = next(iter(service.addresses), "") or str(env.config.get("mailintake", "address"))
    found = str(Parameter("--to", Kind.ADDRESS, "", "").read(named or own) or "")
    if not found:
        raise AdminCommandError(
            "--to=: not allowed. Allowed: an address that leads to the service's mailbox. "
            f"`service set {service.name} address=ADDRESS` tells it for good."
        )
    return found


def _check(env: Environment, service: Service, seconds: Seconds | None) -> None:
    """Raise AdminCommandError if a probe cannot succeed."""
    if not sends(env):
        raise AdminCommandError("Sending is off: set [notification] smtp_enabled = true.")
    if not (service.pushed or MailIntakeSystem(env).fetches):
        raise AdminCommandError("Nothing is fetched: [mailintake] fetch = disabled.")
    if not service.enabled or service.stopped:
        why = f"stopped: {service.stopped}" if service.stopped else "disabled"
        raise AdminCommandError(f"The service {service.name} is {why}. `mailintake service enable` lets it run.")
    if service.pushed and not seconds:
        raise AdminCommandError("--wait=: not allowed. Allowed: seconds, since a mail server hands mail to a pipe.")
