"""record: how much of the database SQLite keeps in memory while mail is taken.

By default that is 2 MB. The keys of mails are random, so what a mail's rows are written to, and looked for in, is found
all over their indexes: with 20,000 mails already those would be read again for each, and with a million many times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.tracker.db.transaction import is_sqlite

if TYPE_CHECKING:
    from trac.env import Environment

MEGABYTES: Final = 12


def keep_more_pages(env: Environment) -> None:
    """Let this thread's connection keep more pages, unless it is to another database."""
    if is_sqlite(env):
        with env.db_transaction as db:
            db.cursor().execute(f"PRAGMA cache_size=-{MEGABYTES * 1024}")
