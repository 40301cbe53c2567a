"""Who may read the keys in `conf/`: their owner, and a group only if an administrator named it.

Trac's user and that of a mail server's pipe may share nothing but a group. Then `mailintake keys share GROUP` lets that
group read both keys (mode 0640). The group is noted in the database, so that no chmod by mistake counts.
"""

from __future__ import annotations

import grp
import os
import stat
from typing import TYPE_CHECKING, Final

from trac_mailintake.tracker.db.transaction import temporary, transaction
from trac_mailintake.tracker.file_owner import KEY_FILES

if TYPE_CHECKING:
    from trac.env import Environment

_ROW: Final = "mailintake_keys_group"
"""In Trac's `system` table: the number of the group."""
_PRIVATE: Final = 0o600
_SHARED: Final = 0o640


def too_open(env: Environment, found: os.stat_result) -> bool:
    """Whether others than a key's owner, and the group that it is shared with, may use it. Raises TemporaryFailure."""
    mode = stat.S_IMODE(found.st_mode)
    if not mode & (stat.S_IRWXG | stat.S_IRWXO):
        return False
    return mode & ~_SHARED != 0 or shared_with(env) != found.st_gid


def shared_with(env: Environment) -> int | None:
    """The group that the keys are shared with; None if there is none. Raises TemporaryFailure."""
    with temporary(env):
        rows = env.db_query("SELECT value FROM system WHERE name=%s", (_ROW,))
    return int(rows[0][0]) if rows and str(rows[0][0]).isdecimal() else None


def adapt(env: Environment, path: str) -> None:
    """Give a key the mode and the group that it should have. Raises OSError, TemporaryFailure."""
    group = shared_with(env)
    if group is not None:
        os.chown(path, -1, group)
    os.chmod(path, _PRIVATE if group is None else _SHARED)


def share(env: Environment, group: str) -> None:
    """Let a group read the keys from now on; "" for nobody. Raises KeyError for no group, OSError, TemporaryFailure."""
    number = None if not group else int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    with transaction(env) as db:
        db("DELETE FROM system WHERE name=%s", (_ROW,))
        if number is not None:
            db("INSERT INTO system (name, value) VALUES (%s, %s)", (_ROW, str(number)))
        for name in KEY_FILES:
            path = os.path.join(env.conf_dir, name)
            if os.path.exists(path):
                adapt(env, path)
