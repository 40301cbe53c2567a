"""The result of a service's round, for whoever started it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Self


class Ending(IntEnum):
    """How a round ended, the gravest last."""

    WELL = 0
    WAITING = 1
    """Some mail was held or deferred, or could not be compared with known mail."""
    FAILED = 2
    """The service could not be reached, could not run, or has stopped."""


@dataclass(frozen=True, slots=True)
class RoundResult:
    """The result of one service's round. `counts`: number of mails by outcome. `error`: a sentence, or ""."""

    service: str
    counts: dict[str, int]
    error: str
    ending: Ending
    remaining: int = 0
    """Messages left in the mailbox because the time was up."""
    undisposed: bool = False
    """Whether `error` is only about disposing of the copies of filed mail."""
    stopped: str = ""
    """Why the service stopped in this round; "" if it goes on."""
    doubtful: str = ""
    """Which messages could not be compared with known ones, and why; "" if none."""

    @classmethod
    def unexpected(cls, service: str, error: BaseException) -> Self:
        """The result of a round that ended with an error nobody foresaw, whose traceback is in Trac's log."""
        why = f"{type(error).__name__}: {error}. Trac's log has the traceback"
        return cls(service, {}, why, Ending.FAILED)

    @property
    def line(self) -> str:
        """The result with the service's name, such as `support: 3 created, 1 held`."""
        return f"{self.service}: {self.summary}"

    @property
    def summary(self) -> str:
        """The result in a line, such as `3 created, 1 held`, with the error if there is one."""
        counts = ", ".join(f"{number} {status}" for status, number in self.counts.items())
        return "; ".join(each for each in (counts, self.doubtful, self.error) if each) or "no new mail"
