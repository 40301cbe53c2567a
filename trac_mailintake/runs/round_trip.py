"""The round trip of a probe, step by step."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac_mailintake.bootstrap import PATIENCE
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import Afterwards
from trac_mailintake.intake.times import Seconds
from trac_mailintake.runs.result import Ending
from trac_mailintake.runs.run_service import ServiceRun, unseen
from trac_mailintake.tracker.db.transaction import now
from trac_mailintake.tracker.outgoing import probe_mail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trac.env import Environment

    from trac_mailintake.bootstrap import Assembly
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.intake.times import Microseconds
    from trac_mailintake.runs.run_service import Progress
    from trac_mailintake.tracker.outgoing.probe_mail import Taken

LONGEST: Final = Seconds(60)
"""How long to wait for a probe by default."""
_APART: Final = Seconds(1.0)
"""The time between two checks."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step that the probe has reached, and the time since it was sent."""

    step: str
    seconds: Seconds
    said: str


@dataclass(frozen=True, slots=True)
class Trip:
    """How a probe's round trip ended, and all steps that the probe reached."""

    ending: Ending
    steps: Sequence[Step]


class RoundTrip:
    """One probe of one service. `seconds`: how long to wait for cron's run; None: run the rounds here.

    `heard` is called with each step as soon as the probe has reached it. For `progress` see `ServiceRun`.
    """

    def __init__(
        self,
        env: Environment,
        assembly: Assembly,
        service: Service,
        seconds: Seconds | None,
        heard: Callable[[Step], None],
        progress: Progress = unseen,
    ) -> None:
        self._env = env
        self._assembly = assembly
        self._service = service
        self._rounds = seconds is None
        self._longest = seconds or LONGEST
        self._heard = heard
        self._progress = progress
        self._steps: list[Step] = []
        self._begun = time.monotonic()
        self._before: frozenset[str] = frozenset()

    def run(self, recipient: str) -> Trip:
        """Send the probe to `recipient`, and wait until the trip ends. Raises TemporaryFailure."""
        since = now()
        ending = Ending.FAILED
        try:
            if self._rounds:
                self._before = self._listed()
            self._begun = time.monotonic()
            token = probe_mail.send(self._env, self._service.name, recipient)
        except SourceError as error:
            self._tell("failed", f"The mailbox could not be reached, so nothing was sent: {error}")
        except Exception as error:  # noqa: BLE001 - the probe exists to find out what the sender raises
            self._tell("failed", f"The outgoing server did not take it: {error}")
        else:
            self._tell("accepted", f"by the outgoing server, for {recipient}")
            ending = self._wait(token, since)
        return Trip(ending, tuple(self._steps))

    def _wait(self, token: str, since: Microseconds) -> Ending:
        """Check until the probe has been disposed of, or the time is up."""
        found: Taken | None = None
        while True:
            failure = self._round() if self._rounds and found is None else ""
            found = self._look(found, token, since)
            if found is not None and (found.consumed or self._service.pushed):
                self._tell("disposed of", self._disposed())
                return Ending.WELL
            if failure:
                self._tell("failed", failure)
                return Ending.FAILED
            if time.monotonic() - self._begun >= self._longest:
                return self._give_up(found)
            time.sleep(_APART)

    def _look(self, before: Taken | None, token: str, since: Microseconds) -> Taken | None:
        """What has become of the probe, told when it is first seen."""
        found = probe_mail.taken(self._env, token, since)
        if found is not None and before is None:
            self._tell("taken", f"by the service {found.service}, delivery {found.delivery} in the journal")
        return found

    def _round(self) -> str:
        """Run a round once the mailbox has new mail. Returns why that failed, or ""."""
        try:
            fresh = self._listed() - self._before
        except SourceError as error:
            return f"The mailbox could not be reached: {error}"
        if not fresh:
            return ""
        if all(each.step != "in the mailbox" for each in self._steps):
            self._tell("in the mailbox", f"{len(fresh)} new there")
        done = ServiceRun(self._env, self._assembly, progress=self._progress).serve(self._service.name)
        return f"The round failed: {done.error}" if done.ending is Ending.FAILED else ""

    def _listed(self) -> frozenset[str]:
        """The locators in the mailbox. Raises SourceError."""
        source = self._assembly.settings.open(self._service, patience=PATIENCE)
        try:
            return frozenset(listed.locator for listed in source.list())
        finally:
            source.close()

    def _disposed(self) -> str:
        """What was done with the mailbox's copy."""
        if self._service.pushed:
            return "it was handed over, so there is no mailbox's copy"
        match self._service.afterwards.word:
            case Afterwards.DELETE:
                return "deleted from the mailbox"
            case Afterwards.MOVE:
                return f"moved to {self._service.afterwards.folder}"
            case Afterwards.SEEN:
                return "marked as seen, and left in the mailbox, as the service says"
            case Afterwards.LEAVE:
                return "left in the mailbox, as the service says"

    def _give_up(self, found: Taken | None) -> Ending:
        if found is not None:
            self._tell("failed", "Its copy is still in the mailbox; the next round disposes of it.")
            return Ending.WAITING
        seen = any(each.step == "in the mailbox" for each in self._steps)
        where = "New mail came to the mailbox, but not the probe" if seen else "It did not come"
        self._tell("failed", f"{where}. Should it come later, nothing is made of it either.")
        return Ending.FAILED

    def _tell(self, step: str, said: str) -> None:
        self._steps.append(Step(step, Seconds(round(time.monotonic() - self._begun, 2)), said))
        self._heard(self._steps[-1])
