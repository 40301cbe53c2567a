"""The step from version 1 of the schema to version 2, for the release 0.2.0.

Until 0.2.0 this step may grow. Whoever has upgraded to version 2 with a development version gets the parts that were
added since by repeating the step, which leaves alone what is done already: set the row `mailintake_version` of Trac's
table `system` to 1, then run `trac-admin ENV upgrade`. After 0.2.0 this module stays as it is, together with a copy of
the tables' definitions that it uses.

On SQLite and PostgreSQL the step is one transaction. MariaDB commits each change of a table by itself: an upgrade that
dies there is repeated by the next `trac-admin ENV upgrade`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac.db import Column

from trac_mailintake.tracker.db.schema import SCHEMA
from trac_mailintake.tracker.db.upgrades.delivery_states import fill_states
from trac_mailintake.tracker.db.upgrades.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from trac.env import Environment


def name_states(tables: Tables) -> None:
    """The state of a delivery has a column of its own, which says what `outcome` and the NULLs of others said."""
    tables.add_column("mailintake_delivery", Column("state", key_size=20))
    # MariaDB shows each change at once. From this one on a run of version 1 writes no outcome that would be missed.
    tables.rename_column("mailintake_delivery", "outcome", Column("old_outcome"))
    if tables.has_column("mailintake_delivery", "old_outcome"):
        fill_states(tables.db, "old_outcome")
        tables.drop_column("mailintake_delivery", "old_outcome")


def store_reasons(tables: Tables) -> None:
    """What a reason is made of, beside its sentence. Rows of version 1 have only sentences."""
    tables.add_column("mailintake_delivery", Column("because"))


def count_alone(tables: Tables) -> None:
    """Notices about new accounts were written without the column that says whether they wait for others."""
    tables.db("UPDATE mailintake_outbox SET digest=0 WHERE digest IS NULL")


def count_misses(tables: Tables) -> None:
    """How often a mail was asked for in vain, and since when it waits: as far as is known, since it arrived.

    Decided mail needs none of it, so its rows keep their NULLs.
    """
    for name in ("seen", "misses", "blamed", "blamed_since"):
        tables.add_column("mailintake_delivery", Column(name, type="int" if name in ("misses", "blamed") else "int64"))
    tables.db(
        "UPDATE mailintake_delivery SET seen=COALESCE(arrived, 0), misses=0, blamed=0, blamed_since=0 "
        "WHERE state IN ('free', 'claimed', 'deferred', 'sealed', 'resumed', 'held', 'reclaimed') AND misses IS NULL"
    )
    tables.add_column("mailintake_service", Column("unclaimed", type="int"))
    tables.add_column("mailintake_service", Column("unclaimed_since", type="int64"))
    tables.db("UPDATE mailintake_service SET unclaimed=0, unclaimed_since=0 WHERE unclaimed IS NULL")


def know_content(tables: Tables) -> None:
    """What tells a mail from another at its locator, and what a mailbox's server does not keep to. NULL: not known."""
    tables.add_column("mailintake_delivery", Column("content"))
    tables.add_column("mailintake_mailbox", Column("epoch"))
    tables.add_column("mailintake_mailbox", Column("changes", type="int"))
    tables.add_column("mailintake_mailbox", Column("kept", type="int"))
    tables.add_column("mailintake_mailbox", Column("service"))


def tell_what_was_refiled(tables: Tables) -> None:
    """Mail that is filed from the archive is known by a column of its own."""
    tables.add_column("mailintake_delivery", Column("refiled", type="int"))


def tell_copies(tables: Tables) -> None:
    """Whether a mail's sender was proved; and what its bytes were, by which a proved copy of an unproved mail is known.

    Mail of version 1 is known by the bytes even where its texts are read in another way today.
    """
    tables.add_column("mailintake_delivery", Column("proved", type="int"))
    tables.add_column("mailintake_message_id", Column("content"))
    known = tables.db.concat("d.service", "' '", "d.sha256")
    tables.db(
        f"UPDATE mailintake_message_id SET content=(SELECT {known} FROM mailintake_delivery d "
        "WHERE d.id=mailintake_message_id.delivery) WHERE content IS NULL AND delivery IS NOT NULL"
    )


def make_indexes(tables: Tables) -> None:
    """All indexes of the present tables."""
    for table in SCHEMA:
        tables.add_indexes(table)


PARTS: Final[tuple[Callable[[Tables], None], ...]] = (
    name_states,
    store_reasons,
    count_alone,
    count_misses,
    know_content,
    tell_what_was_refiled,
    tell_copies,
    make_indexes,
)
"""In this order. Each can be repeated from wherever it died."""


def do_upgrade(env: Environment, _version: int, _cursor: object) -> None:
    """Called by Trac's `DatabaseManager.upgrade`, which stores the new version in the same transaction."""
    with env.db_transaction as db:
        tables = Tables(env, db)
        with tables.one_at_a_time("mailintake_delivery"):
            for part in PARTS:
                part(tables)
