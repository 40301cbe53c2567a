"""From here every face gets what it works with: `settings` to look and change, `intake` to take mail.

Both import rules, plugins and parsers, so they are asked for only when there is work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.plugins.component_bridge import component_plugins

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from trac.env import Environment

    from trac_mailintake.bootstrap import Assembly, Settings


def settings(env: Environment) -> Settings:
    """What looks at services and changes them. Raises Misconfiguration when a plugin is wrong."""
    from trac_mailintake.bootstrap import settings_of  # noqa: PLC0415 - an idle `run` does without

    return settings_of(env, component_plugins(env))


def intake(env: Environment) -> AbstractContextManager[Assembly]:
    """Everything that takes in mail: see `open_intake.intake`."""
    from trac_mailintake.runs import open_intake  # noqa: PLC0415 - as above

    return open_intake.intake(env, component_plugins(env))


def watched_intake(env: Environment) -> AbstractContextManager[Assembly]:
    """The same for a command, which is ended if it hangs over a message."""
    from trac_mailintake.runs import open_intake  # noqa: PLC0415 - as above

    return open_intake.watched_intake(env, component_plugins(env))
