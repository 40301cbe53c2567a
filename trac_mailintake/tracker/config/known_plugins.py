"""The plugins that an environment has had: one that is gone stops intake until an administrator says that it may.

Trac only logs a plugin that it cannot load, and a package or a file can vanish. The rule that is missing then may be
the one that would have held the mail (docs/behaviour.md#plugins-that-are-gone).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from trac_mailintake.tracker.db import system_row
from trac_mailintake.tracker.db.transaction import temporary

if TYPE_CHECKING:
    from collections.abc import Collection

    from trac.env import Environment

_ROW: Final = "mailintake_plugins"
"""In Trac's `system` table: a list of names in JSON."""


class KnownPlugins:
    """What is remembered in one environment. `remembers`: whether a plugin that is seen for the first time is added.

    A plugin has a name such as `acme (acme_intake)` (entry point and module), or `acme_rules.HoldInvoices`
    (component); its first word is enough to find it.
    """

    def __init__(self, env: Environment, *, remembers: bool = False) -> None:
        self._env = env
        self._remembers = remembers

    def names(self) -> list[str]:
        """All that are remembered. Raises TemporaryFailure."""
        with temporary(self._env):
            return _read(self._env.db_query("SELECT value FROM system WHERE name=%s", (_ROW,)))

    def disabled(self, name: str) -> bool:
        """Whether `[components]` disables the plugin, or the module that it is in, by its name."""
        component, _, module = name.rstrip(")").partition(" (")
        return any(
            self._env.is_component_enabled(each) is False for each in (component, module.partition(":")[0]) if each
        )

    def missing(self, present: Collection[str]) -> list[str]:
        """Those that were there and are not among `present`, but for those that `[components]` disables.

        If none is missing, what is present is remembered. Raises TemporaryFailure.
        """
        there = {_short(each) for each in present}
        known = self.names()
        gone = [each for each in known if _short(each) not in there and not self.disabled(each)]
        if self._remembers and not gone and set(known) != set(present):
            self._write(sorted(present))
        return gone

    def forget(self, name: str) -> bool:
        """Let intake go on without the plugin. Returns whether it was remembered. Raises TemporaryFailure."""
        known = self.names()
        left = [each for each in known if name not in (each, _short(each))]
        if left != known:
            self._write(left)
        return left != known

    def _write(self, names: list[str]) -> None:
        system_row.write(self._env, _ROW, json.dumps(names) if names else "")


def _short(name: str) -> str:
    return name.partition(" ")[0]


def _read(rows: list[tuple[str]]) -> list[str]:
    """The names; none where the value is not ours, which nothing but a hand in the table can make."""
    try:
        value = json.loads(rows[0][0]) if rows else []
    except ValueError:
        return []
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
