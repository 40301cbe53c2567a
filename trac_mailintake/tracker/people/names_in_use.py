"""screen: whether a name already means somebody in this environment, so that no newcomer may get an account with it.

Whoever has the account gets the permissions of the name, and Trac sends them what it sends to the name. So a name that
stands in the cc of a ticket counts, too, and that of somebody whose account was removed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trac.perm import PermissionSystem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac.db.util import ConnectionWrapper
    from trac.env import Environment

_SEPARATORS: Final = " ,;\t\r\n"
"""Of names in a cc field (trac/ticket/notification.py, `TicketChangeEvent`)."""
_OTHERS: Final = tuple(_SEPARATORS.replace(",", ""))
_WORDS: Final = re.compile(f"[{_SEPARATORS}]+")
_NAMES: Final = (
    *(("ticket", "reporter"), ("ticket", "owner"), ("ticket_change", "author"), ("component", "owner")),
    *(("attachment", "author"), ("wiki", "author"), ("report", "author"), ("revision", "author")),
    *(("session", "sid"), ("notify_subscription", "sid"), ("notify_watch", "sid"), ("auth_cookie", "name")),
    ("mailintake_contact", "username"),
)
"""Columns that hold one name."""
_LISTS: Final = (
    ("ticket", "cc", ""),
    ("ticket_custom", "value", ""),
    ("ticket_change", "oldvalue", " AND field NOT IN ('comment', 'description', 'summary')"),
    ("ticket_change", "newvalue", " AND field NOT IN ('comment', 'description', 'summary')"),
)
"""Columns that may hold several names, with the condition for the rows that count. Custom fields may be of any kind."""
_OPTIONS: Final = (
    *(("ticket", "default_owner"), ("ticket", "default_cc"), ("ticket", "default_reporter")),
    *(("notification", "smtp_always_cc"), ("notification", "smtp_always_bcc")),
)


_FILES: Final = (("authz_policy", "authz_file"), ("svn", "authz_file"))
"""Files that give permissions to names (tracopt/perm/authz_policy.py, trac/versioncontrol/svn_authz.py)."""
_IN_FILES: Final = re.compile(r"[^\s,=;\[\]]+")


def reserved(env: Environment) -> frozenset[str]:
    """The casefolded names of users, of subjects of permissions, of groups, and of trac.ini and the files it names."""
    system = PermissionSystem(env)
    names = {username for username, _name, _email in env.get_known_users()}
    names |= {subject for subject, _action in system.get_all_permissions()} | set(system.get_groups_dict())
    names |= {word for option in _OPTIONS for word in _WORDS.split(str(env.config.get(*option)))}
    names |= {word.lstrip("@&~!") for option in _FILES for word in _words_of(env.config.getpath(*option))}
    return frozenset(name.casefold() for name in names)


def _words_of(path: str) -> list[str]:
    """All words of a file of permissions, if there is one: a few too many reserve nothing that matters."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return _IN_FILES.findall(file.read())
    except OSError:
        return []


def occurs(env: Environment, name: str) -> bool:
    """Whether a table of Trac has this name, in any case, where it means a person. `name` is ASCII."""
    with env.db_query as db:
        return any(db(sql, words) for sql, words in _questions(db, name.lower()))


def _questions(db: ConnectionWrapper, name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for table, column in _NAMES:
        yield f"SELECT 1 FROM {table} WHERE LOWER({column})=%s LIMIT 1", (name,)
    for table, column, more in _LISTS:
        listed = f"LOWER(COALESCE({column}, ''))"
        for _ in _OTHERS:
            listed = f"REPLACE({listed}, %s, ',')"
        found = db.concat("','", listed, "','")
        pattern = f"%,{db.like_escape(name)},%"
        yield f"SELECT 1 FROM {table} WHERE {found} {db.like()}{more} LIMIT 1", (*_OTHERS, pattern)
