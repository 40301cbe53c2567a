"""Refuses commands that would write into an environment which is not theirs, before anything is made.

Commands that only look go on for everybody, and make no file (docs/behaviour.md#whose-files).
"""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from trac.admin.api import AdminCommandError
from trac.db.api import DatabaseManager

from trac_mailintake.tracker.file_owner import denied, locked_out, rightful_owner

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trac.env import Environment

_SQLITE: Final = "sqlite:"
_FOUND: Final = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where sudo finds a program by its name (sudoers(5), secure_path); any other is named by its path."""


def roots_command(path: str, program: str, words: Sequence[str]) -> str:
    """What root should type instead of a command that writes into the environment at `path`; "" if it may go on.

    Settings are left out: one may be a password, which belongs in no log.
    """
    owner = rightful_owner(path)
    if not owner:
        return ""
    settings = [shlex.quote(word) if "=" not in word else f"{word.partition('=')[0]}=..." for word in words]
    typed = " ".join(("sudo", "-u", shlex.quote(owner), program, shlex.quote(os.path.abspath(path)), *settings))
    return (
        f"This environment belongs to {owner}, who could not use what root leaves there. Nothing was done."
        f" Type: {typed}"
    )


def refusal(env: Environment, words: Sequence[str]) -> str:
    """Why this process may not write into the environment, and the next step; "" if it may.

    `words`: the command, as it follows `trac-admin ENV`.
    """
    return roots_command(env.path, _program("trac-admin"), words) or locked_out(env.path, _database(env))


@contextmanager
def writing(env: Environment, *words: str) -> Iterator[None]:
    """A block that writes into the environment. Raises AdminCommandError, before the block if it may not be entered."""
    why = refusal(env, words)
    if why:
        raise AdminCommandError(why)
    with looking(env):
        yield


@contextmanager
def looking(env: Environment) -> Iterator[None]:
    """A block that only looks. Raises AdminCommandError for a file that may not be used."""
    try:
        yield
    except PermissionError as error:
        if not error.filename:
            raise
        raise AdminCommandError(denied(env.path, error.filename)) from error


def _program(name: str) -> str:
    """This program as one types it after `sudo -u USER`, which does not search a virtual environment."""
    there, _, called = sys.argv[0].rpartition(os.sep)
    return name if called != name or there in _FOUND or not there else shlex.quote(sys.argv[0])


def _database(env: Environment) -> str:
    """The path of the SQLite database; "" if it is on a server."""
    where = str(DatabaseManager(env).connection_uri)
    if not where.startswith(_SQLITE):
        return ""
    return os.path.join(env.path, where.removeprefix(_SQLITE).partition("?")[0])
