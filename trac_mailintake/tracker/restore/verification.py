"""Reads the whole archive, and says which mails are not as they were fetched."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from trac_mailintake.tracker.deliveries import inventory
from trac_mailintake.tracker.deliveries.inventory import Known

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from trac.env import Environment

    from trac_mailintake.tracker.deliveries.inventory import Batch


@dataclass(frozen=True, slots=True)
class Damaged:
    """Bytes that are not as they were fetched. `delivery`: the row that names them, or None."""

    batch: str
    offset: int
    delivery: int | None
    what: str


@dataclass(slots=True)
class Verified:
    """What a check of the archive found. Mutable while it is made.

    `batches`, `mails`: how many were read. `lost`: mails that no row has; `unsealed`: mails whose process died before
    they were durable. `unrecorded`: batches without records, of which only the mails that rows name were read;
    `unknown`: those of them that no row names. `missing`: batches that are not there, with the number of their rows.
    """

    batches: int = 0
    mails: int = 0
    lost: int = 0
    unsealed: int = 0
    unrecorded: int = 0
    unknown: list[str] = field(default_factory=list)
    damaged: list[Damaged] = field(default_factory=list)
    missing: list[tuple[str, int]] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        """Read a batch."""
        self.batches += 1
        self.mails += len(batch.mails)
        self.lost += batch.count(Known.LOST)
        self.unsealed += batch.count(Known.UNSEALED)
        self.unrecorded += not batch.recorded
        if not batch.recorded and not batch.mails:
            self.unknown.append(batch.name)
        for mail in batch.mails:
            if (what := mail.damage()) and os.path.exists(mail.raw.path):  # it may be purged at this moment
                row = mail.row.id if mail.row else None
                self.damaged.append(Damaged(batch.name, mail.raw.offset, row, what))
        if batch.recorded and batch.gap:
            self.damaged.append(Damaged(batch.name, 0, None, f"{batch.gap} bytes are neither a record nor a mail"))

    def shown(self) -> dict[str, object]:
        """All fields, for JSON."""
        return {**asdict(self), "missing": [{"batch": name, "deliveries": rows} for name, rows in self.missing]}

    def sentences(self) -> Iterator[str]:
        """All that was found, for people."""
        for each in self.damaged:
            row = f" (delivery {each.delivery})" if each.delivery else ""
            yield f"{each.batch} at {each.offset}{row}: {each.what}."
        for name, rows in self.missing:
            yield f"{name} is not there; rows of the journal that name it: {rows}."
        for name in self.unknown:
            yield f"{name} has no records, and no row of the journal names it."
        yield f"Read: {self.mails} mails in {self.batches} files. Damaged: {len(self.damaged)}. No row: {self.lost}."
        if self.unrecorded:
            yield f"Files without records: {self.unrecorded}. Only the mails that rows name were read there."
        if self.unsealed:
            yield f"Not sealed: {self.unsealed}. The process that fetched them died; their mailbox kept them."
        if self.lost:
            yield "`archive list` shows the mails that no row has, `archive refile` files them."


def verify(env: Environment, since: date | None = None, service: str = "") -> Verified:
    """Read the archive from a day on, or all; the mail of one service, or all. Raises OSError.

    If that is all of it, *Status* shows how many mails no row has.
    """
    verified = Verified(missing=inventory.missing(env, since, service))

    def checked() -> Iterator[Batch]:
        for batch in inventory.batches(env, since, service):
            verified.add(batch)
            yield batch

    if since is None and not service:
        inventory.remember(env, checked())
    else:
        for _ in checked():
            pass
    return verified
