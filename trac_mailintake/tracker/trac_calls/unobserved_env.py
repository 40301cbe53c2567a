"""record: an environment in which Trac's Ticket calls no change listeners.

`Ticket.insert` and `save_changes` call listeners before an outer transaction is committed. They find them through
`TicketSystem(self.env)`. A ticket whose `env` is this stand-in gets a TicketSystem without listeners; the real
component, which other threads use, is not touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trac.core import ComponentManager
from trac.ticket.api import TicketSystem

if TYPE_CHECKING:
    from trac.env import Environment


class _SilentTicketSystem:
    """The environment's TicketSystem, without listeners."""

    change_listeners = ()

    def __init__(self, env: Environment) -> None:
        self._real = TicketSystem(env)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the real one has
        return getattr(self._real, name)


class _Components(dict[type, object]):
    """The registry in which `Component(compmgr)` looks itself up: the environment's own instances, except one."""

    def __init__(self, env: Environment) -> None:
        super().__init__()
        self._env = env
        self._silent = _SilentTicketSystem(env)

    def get(self, cls: type, default: object = None) -> Any:  # noqa: ANN401, ARG002 - as Trac calls it
        return self._silent if cls is TicketSystem else cls(self._env)


class QuietEnvironment(ComponentManager):
    """An Environment whose TicketSystem has no change listeners; everything else is the real one's."""

    def __init__(self, env: Environment) -> None:
        super().__init__()
        self._env = env
        self.components = _Components(env)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the real one has
        return getattr(self._env, name)

    def __getitem__(self, cls: type) -> Any:  # noqa: ANN401 - likewise
        return self._env[cls]

    def is_component_enabled(self, cls: type) -> bool | None:
        """As in the real environment."""
        return self._env.is_component_enabled(cls)
