"""record: stores the ids of mail that Trac sends for a ticket, and finds the mail that a ticket was made from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac.db.api import DatabaseManager

from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.tracker.db.schema import NAME
from trac_mailintake.tracker.db.transaction import key, now, transaction
from trac_mailintake.tracker.db.turns import AT_ONCE, Turn

if TYPE_CHECKING:
    from trac.env import Environment

_MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,480}>\Z")
"""A msg-id (RFC 5322, 3.6.4) without folding, which is safe in a header field."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """The mail that a ticket was made from: its Message-ID ("" if invalid), its sender, and the stored reporter.

    `acknowledge`: its sender is to be notified of the ticket.
    """

    message_id: str
    address: str
    author: str
    acknowledge: bool


def fit(message_id: str) -> bool:
    """Whether a Message-ID of a stranger's is one, and can stand in a header field of ours."""
    return bool(_MESSAGE_ID.match(message_id))


def installed(env: Environment) -> bool:
    """Whether our tables exist (not before the upgrade). On PostgreSQL a failed query breaks the transaction."""
    return bool(DatabaseManager(env).get_database_version(NAME))


def remember(env: Environment, message_id: str, ticket: int) -> None:
    """Store that Trac sent `message_id` (with its angle brackets) for the ticket. Repeating this changes nothing.

    Raises TemporaryFailure.
    """
    hashed = key(message_id)
    # Perhaps somebody waits for their page: Trac sends its notifications before it answers.
    with transaction(env, Turn(env, AT_ONCE)) as db:
        if not db("SELECT id FROM mailintake_message_id WHERE hash=%s AND outgoing=1 AND ticket=%s", (hashed, ticket)):
            db(
                "INSERT INTO mailintake_message_id (hash, outgoing, ticket, recorded) VALUES (%s, 1, %s, %s)",
                (hashed, ticket, now()),
            )


def beginning(env: Environment, ticket: int) -> Beginning | None:
    """The mail that the ticket was made from; None if it was not made from mail.

    A database may reuse the number of a deleted ticket (SQLite: lang_createtab, "ROWIDs and the INTEGER PRIMARY KEY").
    Mail of the deleted one was filed before this ticket was created.
    """
    rows = env.db_query(
        "SELECT d.message_id, d.sender, d.author, d.acknowledge FROM mailintake_delivery d "
        "JOIN ticket t ON t.id=d.ticket WHERE d.ticket=%s AND d.state='created' AND d.filed>=t.time ORDER BY d.id",
        (ticket,),
    )
    if not rows:
        return None
    message_id, sender, author = (text or "" for text in rows[0][:3])
    return Beginning(
        message_id if fit(message_id) else "", sender if "," not in sender else "", author, acknowledge=bool(rows[0][3])
    )


def filed(env: Environment, ticket: int) -> frozenset[int]:
    """When mails were filed in the ticket, in microseconds, as Trac has it; for deleted tickets see `beginning`."""
    rows = env.db_query(
        "SELECT d.filed FROM mailintake_delivery d JOIN ticket t ON t.id=d.ticket "
        "WHERE d.ticket=%s AND d.state IN ('created', 'commented') AND d.filed>=t.time",
        (ticket,),
    )
    return frozenset(int(when) for (when,) in rows)


def writers(env: Environment, ticket: int) -> set[str]:
    """The addresses (`mailbox_key`) of the authors of mail in the ticket; for deleted tickets see `beginning`."""
    rows = env.db_query(
        "SELECT DISTINCT d.sender FROM mailintake_delivery d JOIN ticket t ON t.id=d.ticket "
        "WHERE d.ticket=%s AND d.state IN ('created', 'commented') AND d.filed>=t.time",
        (ticket,),
    )
    return {mailbox_key(each.strip()) for (sender,) in rows for each in (sender or "").split(",") if each.strip()}


def mails_of(env: Environment, ticket: int) -> int:
    """Number of deliveries that are in a ticket, or duplicates of one that is."""
    return int(env.db_query("SELECT COUNT(*) FROM mailintake_delivery WHERE ticket=%s", (ticket,))[0][0])
