"""Opens an environment's intake: `settings` to show and change services, `intake` to take in mail."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from trac_mailintake.bootstrap import assemble_intake, settings_of
from trac_mailintake.intake.errors import Misconfiguration
from trac_mailintake.plugins.component_bridge import ComponentPlugins
from trac_mailintake.runs.watchdog import Watchdog
from trac_mailintake.tracker.config.known_plugins import KnownPlugins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac.env import Environment

    from trac_mailintake.bootstrap import Assembly, Settings
    from trac_mailintake.intake.ports import Watch


def settings(env: Environment) -> Settings:
    """Shows and changes services. Raises Misconfiguration if a plugin is wrong."""
    return settings_of(env, ComponentPlugins(env), KnownPlugins(env))


@contextmanager
def watched_intake(env: Environment) -> Iterator[Assembly]:
    """Like `intake`, but for a command: the watchdog ends its process if that hangs over a message or a plugin."""
    watch = Watchdog(env, env.config.getfloat("mailintake", "watchdog"))
    with watch.watching(), intake(env, watch) as assembly:
        watch.beat()  # a plugin may hang when it is imported
        with suppress(Misconfiguration):  # each service that needs the plugins says so itself
            assembly.settings.rules.plugins()
        watch.rest()
        yield assembly


@contextmanager
def intake(env: Environment, watch: Watch | None = None, *, deciding: bool = False) -> Iterator[Assembly]:
    """Everything needed to take in mail, or only to decide about one. Within the block, our log goes to Trac's.

    Raises Misconfiguration if a plugin is wrong, SettingError if an option is wrong, TemporaryFailure.
    """
    logger = logging.getLogger("trac_mailintake")
    handlers = [handler for handler in env.log.handlers if handler not in logger.handlers]
    for handler in handlers:
        logger.addHandler(handler)
    logger.setLevel(env.log.getEffectiveLevel())
    known = KnownPlugins(env, remembers=not deciding)
    try:
        assembly = assemble_intake(env, ComponentPlugins(env), watch, known, deciding=deciding)
        try:
            yield assembly
        finally:
            assembly.close()
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
