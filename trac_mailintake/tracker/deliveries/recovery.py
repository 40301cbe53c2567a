"""record: cleans up after workers, the dead ones and this one: claims, files, and bytes that no row names yet.

If a worker dies between sealing a batch of the archive and recording, the records of the batch say which claims its
bytes belong to. Their rows become sealed, so that the mail is decided from the archive even if it leaves its mailbox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.tracker.archive import leftovers, records
from trac_mailintake.tracker.archive.leftovers import Fate
from trac_mailintake.tracker.archive.store import batches_of, flush, found, owner_of, remove
from trac_mailintake.tracker.db.lease import Hold
from trac_mailintake.tracker.db.transaction import temporary, transaction
from trac_mailintake.tracker.deliveries import archive_rows
from trac_mailintake.tracker.lifecycle import transitions
from trac_mailintake.tracker.lifecycle.transitions import Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trac.env import Environment

    from trac_mailintake.tracker.deliveries.session import Session
    from trac_mailintake.tracker.tickets.stage_attachments import Staging

_ENDED: Final = "It is in the archive: the process that fetched it ended before it was decided."


class Recovery:
    """Cleans up for one worker."""

    def __init__(self, session: Session, staging: Staging) -> None:
        """`staging` has the attachments that workers decoded."""
        self._session = session
        self._env = session.env
        self._worker = session.worker
        self._staging = staging

    def sweep(self) -> None:
        """Clean up after workers of this folder that died: staged files, unused batches, claims.

        Raises TemporaryFailure; the rest is cleaned up the next time.
        """
        with temporary(self._env):
            with transaction(self._env) as db:
                transitions.expire(db)
            self._clear_up()

    def close(self) -> None:
        """Free what this worker holds or has not disposed of, and remove its unused batches.

        Raises TemporaryFailure.
        """
        with temporary(self._env):
            self._bury(self._worker.owner)
            self._staging.close()
            for note in self._worker.notes:
                self._end(note)
            # Mail that dead workers held may be decided by now.
            self._clear_up()

    def _end(self, note: str) -> None:
        """Keep the bytes of what this worker did not decide, and remove its batch if no row names it."""
        batch = leftovers.batch_of(note)
        if not self._session.open.isdisjoint(leftovers.ids_of(note)):
            _seal(self._env, batch)
        if found(self._env, batch, 0, 0).path not in self._session.relied_on:
            self._remove_unused(batch)

    def _bury(self, owner: str) -> None:
        """Free everything that this worker held, or had not yet disposed of or announced."""
        with transaction(self._env) as db:
            transitions.die(db, owner)

    def _clear_up(self) -> None:
        """Clean up after dead workers. Those whose mail is undecided are left to the next worker: see `leftovers`."""
        for owner in self._staging.owners():
            self._worker.miss(owner)
        with self._worker.dead() as dead:
            for owner, notes in list(dead.items()):
                # Rows first: this waits for a transaction that the database may still be finishing.
                self._bury(owner)
                self._staging.sweep(owner)
                if [note for note in notes if not self._settle(note)]:
                    del dead[owner]

    def _settle(self, note: str) -> bool:
        """Remove a batch or keep it, for good. Returns False while some of its mail may have to be fetched again."""
        batch = leftovers.batch_of(note)
        _seal(self._env, batch)
        fate = leftovers.fate(self._env, note)
        if fate is Fate.WAITS:
            self._session.left.update(dict.fromkeys(leftovers.ids_of(note), batch))
        elif fate is Fate.GOES and not archive_rows.forgotten(self._env, batch):
            self._remove_unused(batch)
        return fate is not Fate.WAITS

    def _remove_unused(self, batch: str) -> None:
        sql = "SELECT id FROM mailintake_delivery WHERE archive=%s LIMIT 1"
        if not self._env.db_query(sql, (batch,)):
            remove(self._env, batch)


def seal_lost(env: Environment, owners: Iterable[str]) -> int:
    """Look in the whole archive for what these workers fetched, and seal their claims. Returns the number of rows.

    They died elsewhere, or their notes were lost in a power cut.
    """
    return sum(_seal(env, batch) for owner in owners if owner for batch in batches_of(env, owner))


def _seal(env: Environment, batch: str) -> int:
    """Write the place of their bytes into the rows whose claims fetched them, and that nobody claimed since.

    Returns their number. None if the batch was not sealed, so that its bytes may not be durable.
    """
    path = found(env, batch, 0, 0).path
    mails = records.read(path)
    if not mails:
        return 0
    flush(path)  # the worker may have died between writing the lengths back and flushing them
    number = 0
    owner = owner_of(batch)
    with transaction(env) as db:
        for each in archive_rows.claimed_by(db, mails):
            record = each.record
            place = Place(batch, each.offset, each.raw.length, record.sha256)
            left = Hold(record.delivery, owner, record.fence)
            number += transitions.seal_left(db, left, place, _ENDED)
    return number
