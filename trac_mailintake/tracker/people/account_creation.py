"""record: creates the user accounts queued by `createusers`, after the commit; later runs repeat what failed.

Creating an account may use the network and changes files, so it is not part of the transaction that files the mail.
Each step can be repeated: an existing account is only noted.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from trac_mailintake.tracker.db import letters
from trac_mailintake.tracker.db.transaction import transaction
from trac_mailintake.tracker.people.account_manager import Accounts
from trac_mailintake.tracker.people.contacts import ACCOUNTS
from trac_mailintake.tracker.private_dir import create, private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac.env import Environment


class _Promise(NamedTuple):
    id: int
    fence: int
    address: str
    name: str
    username: str
    service: str
    delivery: int
    notify: int
    attempts: int


def keep_promises(env: Environment) -> int:
    """Create the accounts that are due. Returns their number. Failures are repeated later. Raises TemporaryFailure."""
    rows = ACCOUNTS.due(env)
    if not rows:
        return 0
    with _alone(env) as alone:
        return sum(_keep(env, row) for row in rows) if alone else 0


@contextmanager
def _alone(env: Environment) -> Iterator[bool]:
    """Take a lock; yields whether it is free: two processes that write one password file would lose an account."""
    with os.fdopen(create(os.path.join(private_folder(env), "accounts.lock"), os.O_WRONLY | os.O_APPEND), "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _keep(env: Environment, row: int) -> bool:
    promise = _claim(env, row)
    if promise is None:
        return False
    try:
        Accounts(env).make(promise.username, promise.name, promise.address)
    except Exception as error:
        env.log.exception("The account %s could not be created; a later run tries again", promise.username)
        _failed(env, promise, f"{type(error).__name__}: {error}")
        return False
    _made(env, promise)
    return True


def _claim(env: Environment, row: int) -> _Promise | None:
    """Claim one, unless another worker has it."""
    with transaction(env) as db:
        if not ACCOUNTS.claim(db, row):
            return None
        rows = db(f"SELECT {', '.join(_Promise._fields)} FROM mailintake_contact WHERE id=%s", (row,))
    return _Promise(*rows[0])


def _failed(env: Environment, promise: _Promise, why: str) -> None:
    with transaction(env) as db:
        ACCOUNTS.failed(db, promise, why)


def _made(env: Environment, promise: _Promise) -> None:
    """Note a created account, and in the same transaction the notice to its owner."""
    with transaction(env) as db:
        if ACCOUNTS.finished(db, promise) and promise.notify:
            subject, body = _notice(env, promise)
            letters.write(db, "notice", promise.service, promise.delivery, promise.address, subject, body)


def _notice(env: Environment, promise: _Promise) -> tuple[str, str]:
    """Subject and text of the notice about a new user account. It contains no password."""
    link = Accounts(env).reset_link()
    how = (
        f"To log in, first choose a password:\n\n    {link}\n\nThere give the username and this e-mail address."
        if link
        else "To log in you need a password; the administrator of the project can give you one."
    )
    project = env.project_name
    lines = [
        f"You have written to {project} by e-mail. Your mail has been filed, and an account was made for you.",
        "",
        f"    Username: {promise.username}",
        f"    Project:  {env.abs_href()}",
        "",
        how,
        "",
        "If you have not written to us, somebody else used your address; you may then ignore this mail.",
    ]
    return f"Your account {promise.username}", "\n".join(lines) + "\n"
