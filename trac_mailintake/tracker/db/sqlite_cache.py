"""record: enlarges SQLite's page cache while mail is filed.

The default is 2 MB. The keys of mails are random, so each mail reads and writes pages all over the indexes: with 20,000
mails the pages would already be read again for each mail, and with a million many times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.tracker.db.transaction import is_sqlite

if TYPE_CHECKING:
    from trac.env import Environment

MEGABYTES: Final = 12


def keep_more_pages(env: Environment) -> None:
    """Enlarge the page cache of this thread's connection; SQLite only."""
    if is_sqlite(env):
        with env.db_transaction as db:
            db.cursor().execute(f"PRAGMA cache_size=-{MEGABYTES * 1024}")
