"""The rows of our own outgoing mail: what waits, what is given up, and what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.db import letters
from trac_mailintake.tracker.db.letters import LETTERS
from trac_mailintake.tracker.db.transaction import DAY, now, transaction

if TYPE_CHECKING:
    from trac.env import Environment

    from tests.servers.tracenv import TracEnv

KINDS: Final = ("forward", "alert", "notice")


@pytest.fixture(params=["sqlite_env", "postgres_env", "mariadb_env"])
def env(request: pytest.FixtureRequest) -> Environment:
    """On each database, a letter of each kind for the mails 1 and 2."""
    trac: TracEnv = request.getfixturevalue(request.param)
    with transaction(trac.env) as db:
        for delivery in (1, 2):
            for kind in KINDS:
                letters.write(db, kind, "support", delivery, f"{kind}@example.org", "subject", "body")
    return trac.env


def there(env: Environment) -> list[tuple[str, int]]:
    """Kind and mail of what is stored."""
    return [tuple(row) for row in env.db_query("SELECT kind, delivery FROM mailintake_outbox ORDER BY id")]


def test_each_letter_has_all_its_columns(env: Environment) -> None:
    """It is due at once, nobody holds it, and it waits for no other."""
    columns = "service, recipient, subject, body, fence, lease, attempts, retry_at, sent, digest"
    [row] = env.db_query(f"SELECT {columns} FROM mailintake_outbox WHERE kind='notice' AND delivery=1")
    assert row == ("support", "notice@example.org", "subject", "body", 0, 0, 0, 0, 0, 0)
    assert (LETTERS.waiting(env), len(LETTERS.due(env))) == (6, 6)


def test_letters_that_waited_too_long_are_given_up_but_no_forward(env: Environment) -> None:
    """The mail of a forward is held until it is sent; what was sent stays for a while."""
    with transaction(env) as db:
        db("UPDATE mailintake_outbox SET created=%s WHERE delivery=1", (now() - 8 * DAY,))
        db("UPDATE mailintake_outbox SET sent=%s WHERE delivery=1 AND kind='alert'", (now(),))
        letters.drop_unsent(db, Microseconds(now() - 7 * DAY))
    assert there(env) == [("forward", 1), ("alert", 1), *((kind, 2) for kind in KINDS)]


def test_what_was_sent_is_forgotten_later(env: Environment) -> None:
    """What waits never is."""
    with transaction(env) as db:
        db("UPDATE mailintake_outbox SET sent=%s WHERE delivery=1", (now() - 3 * DAY,))
        db("UPDATE mailintake_outbox SET sent=%s WHERE delivery=2 AND kind='notice'", (now(),))
        letters.drop_sent(db, Microseconds(now() - 2 * DAY))
    assert there(env) == [(kind, 2) for kind in KINDS]


def test_what_waits_for_a_discarded_mail_is_withdrawn(env: Environment) -> None:
    """Nothing else: not the letters of other mail, nor what was sent."""
    with transaction(env) as db:
        db("UPDATE mailintake_outbox SET sent=%s WHERE delivery=1 AND kind='alert'", (now(),))
        letters.withdraw(db, 1)
    assert there(env) == [("alert", 1), *((kind, 2) for kind in KINDS)]
