"""fetch: where the raw bytes of every delivery are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trac_mailintake.intake.model import Delivery
    from trac_mailintake.mail.spool import Slice


class ArchiveWriter(Protocol):
    """Writes one batch to the archive: one append for each message, and one flush for all."""

    def append(self, delivery: Delivery, chunks: Iterable[bytes], limit: int | None = None) -> tuple[Slice, str]:
        """Write the message of a delivery. Returns its slice and SHA-256 (hex).

        Raises TooLarge above `limit`, TemporaryFailure.
        """

    def flush(self) -> None:
        """Make what was written readable from its slice. Raises TemporaryFailure."""

    def seal(self) -> None:
        """Flush file and folder to disk; the slices are durable only after that. Raises TemporaryFailure."""


class Archive(Protocol):
    """The raw bytes of every delivery, by date."""

    def begin(self, ids: Sequence[int]) -> ArchiveWriter:
        """A new batch, for the bytes of the deliveries with these ids."""


class TooLarge(Exception):  # noqa: N818 - a fact about the message
    """The message is larger than the archive's limit."""
