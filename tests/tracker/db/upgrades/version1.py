"""An environment as version 1 of the schema left it, rebuilt on any database.

`version1_environment/` has the rows and files of a real one, made by the commands of the last version without upgrades
(commit 810f359): a day's journal with every outcome, held mail, mail of runs that were killed in the middle, letters
that wait, an account that is owed, services that stopped, and mail servers with secrets. `SCHEMA` is a copy of the
tables of that version. Times are moved so that it was left two minutes ago.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trac.db import Column, DatabaseManager, Index, Table
from trac.util.datefmt import datetime_now, utc

from trac_mailintake.tracker.db.schema import SCHEMA as PRESENT
from trac_mailintake.tracker.db.transaction import MINUTE, key, now
from trac_mailintake.tracker.deliveries.ownership import of_version_1

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.servers.tracenv import TracEnv

FOLDER: Final = Path(__file__).parent / "version1_environment"
MAILBOXES: Final = ("support", "sales", "billing", "desk")
OPTIONS: Final = (
    ("components", "acct_mgr.*", "enabled"),
    ("account-manager", "password_store", "SessionStore, ResetPwStore"),
    ("account-manager", "hash_method", "HtPasswdHashMethod"),
    ("account-manager", "reset_password", "true"),
    ("mailintake", "admin_address", "postmaster@example.org"),
)
_MOMENT: Final = 10**15
"""A number above is a moment in microseconds."""

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
        Index(["name"], unique=True),
    ],
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
        Column("outcome", key_size=20),
        Column("rule", key_size=60),
        Column("reason"),
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
        Index(["live"], unique=True),
        Index(["service", "recorded", "outcome"]),
        Index(["outcome", "recorded"]),
        Index(["service", "outcome", "counted"]),
        Index(["sender_key", "counted"]),
        Index(["ticket", "counted"]),
        Index(["owner"]),
        Index(["notify"]),
        Index(["archive"]),
    ],
    Table("mailintake_message_id", key="id")[
        Column("id", auto_increment=True),
        Column("hash", key_size=64),
        Column("copy", key_size=64),
        Column("outgoing", type="int"),
        Column("ticket", type="int"),
        Column("delivery", type="int"),
        Column("recorded", type="int64"),
        Index(["hash", "id"]),
        Index(["copy"], unique=True),
        Index(["ticket"]),
    ],
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
    Table("mailintake_notice", key="id")[
        Column("id", auto_increment=True),
        Column("hash", key_size=64),
        Column("recorded", type="int64"),
        Index(["hash"], unique=True),
        Index(["recorded"]),
    ],
    Table("mailintake_mailbox", key="id")[
        Column("id", auto_increment=True),
        Column("account", key_size=64),
        Column("label"),
        Column("instance", key_size=100),
        Column("since", type="int64"),
        Index(["account"], unique=True),
    ],
]


def rebuild(trac: TracEnv, mail: Path) -> None:
    """Make a fresh environment that of version 1; its mailboxes are below `mail`."""
    trac.set(*OPTIONS)
    trac.upgrade()
    _files(trac, mail)
    stored = json.loads((FOLDER / "rows.json").read_text(encoding="utf-8"))
    _tables(trac, stored["tables"], _placed(trac, mail, now() - 2 * MINUTE - stored["moment"]))
    trac.reopen()


def _files(trac: TracEnv, mail: Path) -> None:
    private = trac.path / "files" / "mailintake"
    shutil.copytree(FOLDER / "archive", private / "archive" / _day())
    (private / "workers").mkdir()
    for path in (FOLDER / "workers").iterdir():
        notes = path.read_text(encoding="utf-8").replace("{day}", _day())
        (private / "workers" / path.name).write_text(notes, encoding="utf-8")
    shutil.copytree(FOLDER / "attachments", trac.path / "files" / "attachments", dirs_exist_ok=True)
    shutil.copy(FOLDER / "mailintake.key", trac.path / "conf" / "mailintake.key")
    shutil.copytree(FOLDER / "mail", mail)
    for name in MAILBOXES:
        for part in ("new", "cur", "tmp"):
            (mail / name / part).mkdir(parents=True, exist_ok=True)


def _tables(trac: TracEnv, tables: dict[str, list[dict[str, object]]], placed: Callable[[object], object]) -> None:
    manager = DatabaseManager(trac.env)
    manager.drop_tables(PRESENT)
    manager.create_tables(SCHEMA)
    with trac.env.db_transaction as db:
        db("DELETE FROM {} WHERE name LIKE 'mailintake%'".format(db.quote("system")))
        db("DELETE FROM permission WHERE username='anonymous' AND action LIKE 'TICKET_%'")
        for table, rows in tables.items():
            for row in rows:
                _insert(db, table, {name: placed(value) for name, value in row.items()})
            if rows and "id" in rows[0] and table != "attachment":
                db.update_sequence(db.cursor(), table)


def _insert(
    db: Any,  # noqa: ANN401 - Trac's connection has no type
    table: str,
    row: dict[str, object],
) -> None:
    names = ", ".join(map(db.quote, row))
    marks = ", ".join(["%s"] * len(row))
    db(f"INSERT INTO {db.quote(table)} ({names}) VALUES ({marks})", tuple(row.values()))


def _placed(trac: TracEnv, mail: Path, later: int) -> Callable[[object], object]:
    """How a stored value reads in this environment: its folders, its keys, its time."""
    accounts = {name: key("maildir", f"maildir:{mail / name}") for name in MAILBOXES}
    mine = of_version_1(trac.env)

    def text(value: str) -> str:
        for name, account in accounts.items():
            value = value.replace(f"{{account {name}}}", account).replace(f"{{mailbox {name}}}", account[:24])
        value = value.replace("{mail}", str(mail)).replace("{day}", _day()).replace("{instance}", mine)
        return str(int(value) + later) if re.fullmatch(r"\d{16}", value) else value

    def placed(value: object) -> object:
        if isinstance(value, str):
            return text(value)
        return value + later if isinstance(value, int) and value > _MOMENT else value

    return placed


def _day() -> str:
    return datetime_now(utc).strftime("%Y/%m/%d")


def catalogue(trac: TracEnv, tables: Sequence[Table] = PRESENT) -> dict[str, tuple[object, ...]]:
    """What the database itself says of each table: its columns with their types, and its indexes."""
    with trac.env.db_query as db:
        return {
            table.name: (_columns(db, trac.database, table.name), _indexes(db, trac.database, table.name))
            for table in tables
        }


def _columns(
    db: Any,  # noqa: ANN401 - as above
    database: str,
    table: str,
) -> list[tuple[object, ...]]:
    if database.startswith("sqlite:"):
        return sorted(db("SELECT name, type, pk FROM pragma_table_info(%s)", (table,)))
    schema = "current_schema()" if database.startswith("postgres:") else "DATABASE()"
    return sorted(
        db(
            f"""SELECT column_name, data_type, is_nullable, character_maximum_length FROM information_schema.columns
                WHERE table_schema={schema} AND table_name=%s""",
            (table,),
        )
    )


def _indexes(
    db: Any,  # noqa: ANN401 - as above
    database: str,
    table: str,
) -> list[tuple[object, ...]]:
    if database.startswith("sqlite:"):
        query = "SELECT name, sql FROM sqlite_master WHERE type='index' AND tbl_name=%s"
    elif database.startswith("postgres:"):
        query = """SELECT indexname, regexp_replace(indexdef, ' ON [^ ]*', '') FROM pg_indexes
            WHERE schemaname=current_schema() AND tablename=%s"""
    else:
        query = """SELECT index_name, non_unique, seq_in_index, column_name, sub_part FROM information_schema.statistics
            WHERE table_schema=DATABASE() AND table_name=%s"""
    return sorted(db(query, (table,)))
