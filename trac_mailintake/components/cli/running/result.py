"""A round, once it is over, as a run speaks of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trac_mailintake.components.cli.arguments import Exit


@dataclass(frozen=True, slots=True)
class Round:
    """What became of one service's round."""

    service: str
    counts: dict[str, int]
    error: str
    exit: Exit
    remaining: int = 0
    """Mails that it left in the mailbox for want of time."""
    undisposed: bool = False
    """Whether `error` is only about the mailbox's copies of what was taken."""

    @property
    def line(self) -> str:
        """`support: 3 created, 1 held`."""
        counts = ", ".join(f"{number} {status}" for status, number in self.counts.items())
        return (
            f"{self.service}: " + "; ".join(each for each in (counts, self.error) if each)
            if (counts or self.error)
            else f"{self.service}: no new mail"
        )
