"""handle: a one-second cache of users' permissions that do not concern a ticket; every mail needs these.

Trac's own policy caches permissions for five seconds (trac/perm.py, DefaultPermissionPolicy), so this is no staler.
Permissions on a ticket are checked each time, since policies may look at its content.

Without the cache each check costs 70 to 90 microseconds of processor time, and more with a policy that asks a
directory service. For what that means for a mail see `ticket_copies` (30 November 2026).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from trac.perm import PermissionCache

from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from trac.env import Environment

FRESH: Final = Seconds(1.0)
"""The time for which an answer is cached."""


class Rights:
    """The permissions of one environment's users. Keep it for a round."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._known: dict[str, PermissionCache] = {}
        self._since = 0.0

    def of(self, username: str) -> PermissionCache:
        """The permissions of a user ("anonymous" for strangers), at most a second old."""
        if time.monotonic() - self._since > FRESH:
            self._known, self._since = {}, time.monotonic()
        if username not in self._known:
            self._known[username] = PermissionCache(self._env, username)
        return self._known[username]

    def forget(self) -> None:
        """Drop the cache after a failure: Trac may have cached a wrong "no" (PermissionCache._has_permission)."""
        self._known = {}
