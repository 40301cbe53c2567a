"""handle: what users may do that concerns no ticket yet, which is asked of Trac's policies for every mail.

Trac's own policy remembers for five seconds what a user may do (trac/perm.py, DefaultPermissionPolicy): an answer of a
moment ago is no worse. About a ticket that exists they are asked each time, since they may look at what is in it.

To ask anew costs 70 to 90 microseconds of processor time, and more with a policy that asks a directory; what that is of
a mail's cost is said in `ticket_copies` (30 November 2026).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from trac.perm import PermissionCache

if TYPE_CHECKING:
    from trac.env import Environment

FRESH: Final = 1.0
"""Seconds for which an answer counts."""


class Rights:
    """The rights of one environment's users. Keep it for a round."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._known: dict[str, PermissionCache] = {}
        self._since = 0.0

    def of(self, username: str) -> PermissionCache:
        """The permissions of a user ("anonymous" for strangers), as they were a second ago at most."""
        if time.monotonic() - self._since > FRESH:
            self._known, self._since = {}, time.monotonic()
        if username not in self._known:
            self._known[username] = PermissionCache(self._env, username)
        return self._known[username]

    def forget(self) -> None:
        """Something failed: Trac may have noted down a "no" that nobody said (PermissionCache._has_permission)."""
        self._known = {}
