"""`mailintake keys ...`: who may read the keys of passwords and of reply addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.admin.api import AdminCommandError

from trac_mailintake.components.cli.arguments import Exit, read, told
from trac_mailintake.components.cli.output import say
from trac_mailintake.tracker.key_files import share
from trac_mailintake.tracker.people.reply_address import load_keys

if TYPE_CHECKING:
    from trac.env import Environment


class KeyActions:
    """Shares the keys with a group, or takes them back."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def share(self, *typed: str) -> int:
        """`mailintake keys share`. Raises AdminCommandError."""
        [group] = read(typed, least=1, most=1).words
        load_keys(self._env)  # makes the key of the reply addresses if there is none: only its owner can
        with told():
            try:
                share(self._env, group)
            except KeyError:
                raise AdminCommandError(f"There is no group {group} on this host.") from None
        say(f"The group {group} may read the keys in {self._env.conf_dir} (mode 0640).")
        return Exit.WELL

    def private(self, *typed: str) -> int:
        """`mailintake keys private`. Raises AdminCommandError."""
        read(typed)
        with told():
            share(self._env, "")
        say(f"Only their owner may read the keys in {self._env.conf_dir} (mode 0600).")
        return Exit.WELL
