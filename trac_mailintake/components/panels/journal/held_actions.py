"""Actions on held mail, one or many messages at once, within the time that a person waits."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.errors import Misconfiguration, TemporaryFailure
from trac_mailintake.intake.model import Status
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.runs import open_intake
from trac_mailintake.tracker.config.field_choices import check_ticket
from trac_mailintake.tracker.journal.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.env import Environment

    from trac_mailintake.bootstrap import Assembly
    from trac_mailintake.intake.times import Seconds
    from trac_mailintake.tracker.journal.journal import Entry

_FEW: Final = 5
"""Up to so many messages each get their own sentence."""


@dataclass(slots=True)
class Decided:
    """The result of an action on held mail, for the next page."""

    notices: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def tell(self, entries: Sequence[Entry]) -> None:
        """Report the outcome of each message; for many, the number by outcome."""
        if len(entries) <= _FEW:
            for entry in entries:
                self._into(entry.outcome).append(f"Mail {entry.id}: {_became(entry)}")
            return
        counts = Counter(entry.outcome for entry in entries)
        self.notices.append(f"Of {len(entries)} mails: {', '.join(f'{n} {outcome}' for outcome, n in counts.items())}.")

    def _into(self, outcome: str) -> list[str]:
        return self.warnings if outcome in (Status.HELD.value, Status.DEFERRED.value) else self.notices


def act(env: Environment, word: str, numbers: Sequence[int], ticket: int | None, user: str, until: Seconds) -> Decided:
    """Perform `word` (retry, release, discard) on held mail, starting none after `until` (a `time.monotonic()`).

    `ticket` is the target of released mail (None: a new ticket for each); `user` is the administrator.
    """
    decided = Decided()
    journal = Journal(env)
    try:
        if word == "discard":
            _discard(journal, decided, numbers, user)
            return decided
        if ticket is not None:
            check_ticket(env, ticket)
        with open_intake.intake(env) as assembly:
            for place, number in enumerate(numbers):
                if time.monotonic() > until:
                    decided.warnings.append(f"The time was up: {len(numbers) - place} mails are as they were.")
                    numbers = numbers[:place]
                    break
                _decide(assembly, journal, decided, word, number, ticket, user)
    except (SettingError, Misconfiguration, TemporaryFailure) as error:
        decided.warnings.append(str(error))
        return decided
    decided.tell([journal.get(number) for number in sorted(numbers)])
    return decided


def _decide(
    assembly: Assembly, journal: Journal, decided: Decided, word: str, number: int, ticket: int | None, user: str
) -> None:
    if word == "retry" and journal.ask_again(number):
        decided.notices.append(f"Mail {number}: the next run fetches it from its mailbox, if it comes.")
        return
    try:
        entry = journal.retryable(number)
        if word == "retry":
            assembly.retry(entry)
        else:
            assembly.release(entry, ticket, user)
    except SettingError as error:
        decided.warnings.append(f"Mail {number}: {error}")


def _discard(journal: Journal, decided: Decided, numbers: Sequence[int], user: str) -> None:
    done = 0
    for number in numbers:
        try:
            journal.discard(number, user)
        except SettingError as error:
            decided.warnings.append(f"Mail {number}: {error}")
        else:
            done += 1
    if done:
        decided.notices.append("1 mail discarded." if done == 1 else f"{done} mails discarded.")


def _became(entry: Entry) -> str:
    if entry.outcome == Status.HELD.value:
        return f"still held. {entry.why}"
    ticket = f" in ticket #{entry.ticket}" if entry.ticket else ""
    return f"{entry.outcome}{ticket}."
