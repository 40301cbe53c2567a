"""A Trac component may be a plugin of mail intake, so that one file in an environment's `plugins/` is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.core import ExtensionPoint, Interface

if TYPE_CHECKING:
    from trac.env import Environment


class IMailintakePlugin(Interface):  # type: ignore[misc]  # Trac has no types
    """A component whose methods marked with `trac_mailintake.api.hookimpl` are hooks of mail intake.

    The interface itself has no methods. `docs/hooks.md` lists the hooks; implement only those that you need.
    """


def component_plugins(env: Environment) -> tuple[object, ...]:
    """The components that are plugins and enabled in this environment."""
    return tuple(ExtensionPoint(IMailintakePlugin).extensions(env))
