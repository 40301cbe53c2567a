"""Whose files an environment's are, and whether this process may make some (docs/behaviour.md#whose-files).

What root makes in an environment that is another user's, that user cannot write: Trac would be locked out of its own
archive, and could sign no reply address. So root makes nothing there.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY_FILES: Final = ("mailintake.key", "mailintake-reply.key")
"""In the environment's `conf/`: the keys of the passwords, and those of the reply addresses."""
_OWNED: Final = ("VERSION", "files", "db")
"""What tells whose an environment is: where Trac itself writes. `conf/` is often an administrator's."""
_NEEDED: Final = ("files", "files/attachments", "files/mailintake", "files/mailintake/workers")
"""Folders that whoever takes mail writes into, as far as they are there."""
_SHARE: Final = (
    "run this as {owner}, or as {owner} let a group of both users read the keys:"
    " trac-admin ENV mailintake keys share GROUP"
)
_WRITE: Final = os.W_OK | os.X_OK


def rightful_owner(path: str) -> str:
    """The user whose the environment at `path` is, if this process is root's and the environment is not; or "".

    Costs one system call for everybody but root.
    """
    if os.geteuid():
        return ""
    return next((_user(uid) for uid in _owners(path) if uid), "")


def forbid_root(path: str, file: str) -> None:
    """Raise PermissionError if this process may not make `file`, since it is root's and the environment is not."""
    owner = rightful_owner(path)
    if owner:
        raise PermissionError(1, f"root makes no file in the environment of {owner}; do this as {owner}", file)


def locked_out(path: str, database: str) -> str:
    """What a user who is neither root nor the owner cannot write and would have to; "" if there is nothing.

    `database` is the path of the SQLite database, or "". The answer is a sentence as that of `denied`.
    """
    me = os.geteuid()
    if not me or me in _owners(path)[:1]:
        return ""
    keys = [os.path.join(path, "conf", each) for each in KEY_FILES]
    wanted = [*_folders(path), (os.path.dirname(database), _WRITE), (database, os.R_OK | os.W_OK)]
    for each, wish in (*wanted, *((key, os.R_OK) for key in keys)):
        if os.path.lexists(each) and not os.access(each, wish, effective_ids=True):
            return denied(path, each)
    # Nobody but the owner makes the key that every mail needs: the owner could not read it.
    return "" if os.path.lexists(keys[-1]) else f"{keys[-1]} is missing: {_SHARE.format(owner=owner_of(path))}."


def _folders(path: str) -> list[tuple[str, int]]:
    """The folders of the environment to write into, as far as they are there."""
    files, *others = (os.path.join(path, each) for each in _NEEDED)
    return [(each, _WRITE) for each in (files if os.path.isdir(files) else path, *others)]


def readable_by_owner(path: str, file: str) -> bool:
    """Whether the environment's owner may read a file, as far as its mode and their groups tell. Raises OSError."""
    found = os.stat(file)
    owner = next(iter(_owners(path)), found.st_uid)
    if owner in (0, found.st_uid):
        return True
    try:
        account = pwd.getpwuid(owner)
        groups = os.getgrouplist(account.pw_name, account.pw_gid)
    except KeyError:
        groups = [os.stat(os.path.join(path, _OWNED[0])).st_gid]
    return bool(found.st_mode & (stat.S_IRGRP if found.st_gid in groups else stat.S_IROTH))


def denied(path: str, file: object, *, whom: str = "") -> str:
    """What to do about a file of the environment at `path` that may not be used: the file, its owner, the next step.

    `whom`: the user who may not use it, if it is not this process's.
    """
    name = os.fsdecode(file) if isinstance(file, str | bytes) and file else path
    culprit = _culprit(os.path.abspath(name))
    found = os.lstat(culprit)
    holder, group, mode = _user(found.st_uid), _group(found.st_gid), stat.S_IMODE(found.st_mode)
    owner = owner_of(path) or holder
    me = whom or _user(os.geteuid())
    step = f"run this as {owner}, or give {owner}'s group the right to write there"
    if not _within(path, culprit):
        step = f"let {me} use it"
    elif holder != owner:
        step = f"as root, type: chown -R {owner} {culprit}"
    elif me == owner:
        step = f"as {owner}, type: chmod u+rwX {culprit}"
    elif os.path.basename(culprit) in KEY_FILES:
        step = _SHARE.format(owner=owner)
    return (
        f"{name} may not be used by {me}: {culprit} belongs to {holder} (group {group}, mode {mode:04o})."
        f" The environment is {owner}'s: {step}."
    )


def _within(path: str, culprit: str) -> bool:
    root = os.path.realpath(path)
    return os.path.commonpath((root, os.path.realpath(culprit))) == root


def owner_of(path: str) -> str:
    """The user whose the environment at `path` is; "" if it cannot be seen."""
    return next(map(_user, _owners(path)), "")


def _culprit(name: str) -> str:
    """The first folder on the way that may not be entered, or else what is at its end, as far as it exists."""
    there = os.sep
    for each in _steps(name):
        if not os.access(there, os.X_OK, effective_ids=True) or not os.path.lexists(each):
            return there
        there = each
    return there


def _steps(name: str) -> Iterable[str]:
    words = name.strip(os.sep).split(os.sep)
    return (os.sep + os.sep.join(words[: count + 1]) for count in range(len(words)))


def _owners(path: str) -> list[int]:
    """The users of what Trac writes in the environment, that of VERSION first; none if it cannot be seen."""
    found = []
    for each in _OWNED:
        with suppress(OSError):
            found.append(os.stat(os.path.join(path, each)).st_uid)
    return found


def _user(uid: int) -> str:
    """The user's name as `sudo -u` takes it; `#` and the number for one without a name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return f"#{gid}"
