"""fetch: a mailbox that is not read, for mail of which only the archive is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trac_mailintake.sources.local import files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trac_mailintake.intake.model import Account, Listed, Reply


@dataclass(slots=True)
class AbsentMailbox:
    """A source that lists nothing. If there is such a mailbox, it is not touched."""

    account: Account

    def list(self) -> Sequence[Listed]:
        """Nothing."""
        return ()

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """Nothing: all of it is gone."""
        del wanted
        return iter(())

    def dispose(self, done: Sequence[tuple[Listed, str]]) -> Sequence[Reply]:
        """Do nothing. All replies are positive: a later service on the mailbox disposes of copies that it finds."""
        return [files.DONE] * len(done)

    def settle(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
