"""The tables. Keys are SHA-256 hex or row ids, so that SQLite, PostgreSQL and MariaDB index them alike.

Times are microseconds since 1970, UTC (Trac's utimestamp), 0 for never. Booleans are 0 and 1.
Names avoid SQL's own words: SQLite's DDL in Trac does not quote (db/sqlite_backend.py:124).
"""

from __future__ import annotations

from trac.db import Column, Index, Table

NAME = "mailintake_version"
"""The row of Trac's `system` table that holds the version of the schema."""
FIRST = 1
"""The version of the oldest tables that can be upgraded."""
VERSION = 2
"""A change of the schema needs a part in the step to this version: see `upgrades`."""

SCHEMA = [
    Table("mailintake_server", key="id")[
        Column("id", auto_increment=True),
        Column("name", key_size=100),
        Column("description"),
        Column("protocol"),
        Column("host"),
        Column("port", type="int"),
        Column("security"),
        Column("username"),
        Column("secret"),
        Column("ca_file"),
        Column("timeout", type="int"),
        Index(["name"], unique=True),
    ],
    # `told`: since when no round has succeeded, according to a notice (0: none); `failed`: when `last_error` happened.
    # `waiting`: messages in the mailbox after the last round that reached it; `oldest`: arrival of the oldest of them.
    # `unclaimed`: messages there that no service on this mailbox wants; `unclaimed_since`: since when the oldest waits.
    Table("mailintake_service", key="id")[
        Column("id", auto_increment=True),
        Column("name", key_size=100),
        Column("description"),
        Column("kind"),
        Column("server"),
        Column("folder"),
        Column("path"),
        Column("addresses"),
        Column("delay", type="int"),
        Column("handler"),
        Column("parameters"),
        Column("forward"),
        Column("afterwards"),
        Column("start"),
        Column("enabled", type="int"),
        Column("created", type="int64"),
        Column("next_run", type="int64"),
        Column("last_run", type="int64"),
        Column("last_success", type="int64"),
        Column("last_result"),
        Column("failure"),
        Column("failures", type="int"),
        Column("stopped"),
        Column("resumed", type="int64"),
        Column("overdue", type="int"),
        Column("told", type="int64"),
        Column("failed", type="int64"),
        Column("last_error"),
        Column("waiting", type="int"),
        Column("oldest", type="int64"),
        Column("unclaimed", type="int"),
        Column("unclaimed_since", type="int64"),
        Index(["name"], unique=True),
    ],
    # One row a delivery: first a claim, afterwards the journal. For `state` see `lifecycle.states`. `live` is made of
    # the SHA-256 of account and of locator for as long as the source lists the message, then NULL: a locator may be
    # used again. `because` is what `reason` was made of: see `lifecycle.stored_reasons`. `counted` is when the mail
    # arrived, for rates, 0 when it does not count; `sender_key` is the SHA-256 of the one address that it is from.
    # `purged` is when its bytes were removed. With `acknowledge` a sender who is not a user is notified of the ticket
    # that their mail became. `seen` is when a mailbox first listed it to us. `misses`: how often it was asked for and
    # did not come; `blamed`: how often of these other mail came, `blamed_since` the first time.
    # `refiled` is 1 for mail that an administrator had filed from the archive: see `refiling`. `proved` is 1 if one of
    # our mail servers vouched for the sender when the mail was decided; NULL if that was not recorded.
    Table("mailintake_delivery", key="id")[
        Column("id", auto_increment=True),
        Column("live", key_size=64),
        Column("service", key_size=100),
        Column("account", key_size=64),
        Column("label"),
        Column("locator"),
        Column("fingerprint"),
        Column("size", type="int64"),
        Column("arrived", type="int64"),
        Column("owner", key_size=64),
        Column("fence", type="int"),
        Column("lease", type="int64"),
        Column("alone", type="int"),
        Column("deaths", type="int"),
        Column("attempts", type="int"),
        Column("retry_at", type="int64"),
        Column("failure"),
        Column("seen", type="int64"),
        Column("misses", type="int"),
        Column("blamed", type="int"),
        Column("blamed_since", type="int64"),
        Column("state", key_size=20),
        Column("rule", key_size=60),
        Column("reason"),
        Column("because"),
        Column("ticket", type="int"),
        Column("comment", type="int"),
        Column("filed", type="int64"),
        Column("author"),
        Column("sender_told", type="int"),
        Column("admin_told", type="int"),
        Column("recorded", type="int64"),
        Column("consumed", type="int64"),
        Column("notify", type="int"),
        Column("archive", key_size=150),
        Column("archive_offset", type="int64"),
        Column("archive_length", type="int64"),
        Column("sha256"),
        Column("content"),
        Column("message_id"),
        Column("subject"),
        Column("sender"),
        Column("sent", type="int64"),
        Column("trail"),
        Column("removed"),
        Column("sender_key", key_size=64),
        Column("counted", type="int64"),
        Column("purged", type="int64"),
        Column("acknowledge", type="int"),
        Column("refiled", type="int"),
        Column("proved", type="int"),
        Index(["live"], unique=True),
        Index(["service", "recorded", "state"]),
        Index(["state", "recorded"]),
        Index(["service", "state", "counted"]),
        Index(["sender_key", "counted"]),
        Index(["ticket", "counted"]),
        Index(["owner"]),
        Index(["notify"]),
        Index(["archive"]),
    ],
    # Message-IDs: `hash` is the SHA-256 of the id. `copy` is the duplicate's key (`message_ids.copies`), NULL for what
    # Trac sent. `content` is the digest of the content, in rows of version 1 the service and the SHA-256
    # of all bytes.
    Table("mailintake_message_id", key="id")[
        Column("id", auto_increment=True),
        Column("hash", key_size=64),
        Column("copy", key_size=64),
        Column("outgoing", type="int"),
        Column("ticket", type="int"),
        Column("delivery", type="int"),
        Column("recorded", type="int64"),
        Column("content"),
        Index(["hash", "id"]),
        Index(["copy"], unique=True),
        Index(["ticket"]),
    ],
    # People whom `createusers` remembers: `hash` is the SHA-256 of the address (`mailbox_key`). If there is a username,
    # a user account is due as long as `made` is 0. `fence` and `lease` are those of the worker that is creating it.
    Table("mailintake_contact", key="id")[
        Column("id", auto_increment=True),
        Column("hash", key_size=64),
        Column("address"),
        Column("name"),
        Column("username", key_size=150),
        Column("service", key_size=100),
        Column("delivery", type="int"),
        Column("notify", type="int"),
        Column("created", type="int64"),
        Column("made", type="int64"),
        Column("fence", type="int"),
        Column("lease", type="int64"),
        Column("attempts", type="int"),
        Column("retry_at", type="int64"),
        Column("failure"),
        Index(["hash"], unique=True),
        Index(["username"], unique=True),
        Index(["made", "retry_at"]),
        Index(["service", "created"]),
    ],
    # `digest` is 1 for an alert that waits to be sent together with others.
    Table("mailintake_outbox", key="id")[
        Column("id", auto_increment=True),
        Column("kind", key_size=20),
        Column("delivery", type="int"),
        Column("service", key_size=100),
        Column("recipient"),
        Column("subject"),
        Column("body"),
        Column("owner", key_size=64),
        Column("fence", type="int"),
        Column("lease", type="int64"),
        Column("attempts", type="int"),
        Column("retry_at", type="int64"),
        Column("failure"),
        Column("created", type="int64"),
        Column("sent", type="int64"),
        Column("digest", type="int"),
        Index(["sent", "retry_at"]),
        Index(["delivery"]),
        Index(["service", "sent"]),
    ],
    # Notices to refused senders: `hash` is the SHA-256 of reason, address and day, so that each is sent only once.
    Table("mailintake_notice", key="id")[
        Column("id", auto_increment=True),
        Column("hash", key_size=64),
        Column("recorded", type="int64"),
        Index(["hash"], unique=True),
        Index(["recorded"]),
    ],
    # Which instance may fetch from a mailbox: `account` as in mailintake_delivery, `label` for people. `epoch` is that
    # of the last listing (IMAP: UIDVALIDITY), `changes` in how many runs in a row it was another one, and `kept` how
    # many mails are listed although the server said that it removed them; `service` is the service that found this.
    Table("mailintake_mailbox", key="id")[
        Column("id", auto_increment=True),
        Column("account", key_size=64),
        Column("label"),
        Column("instance", key_size=100),
        Column("since", type="int64"),
        Column("epoch"),
        Column("changes", type="int"),
        Column("kept", type="int"),
        Column("service"),
        Index(["account"], unique=True),
    ],
]
