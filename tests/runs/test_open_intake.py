"""An environment's intake is opened and closed again, whatever happens in between."""

from __future__ import annotations

import contextlib
import logging
import signal
from typing import TYPE_CHECKING

import pytest

from trac_mailintake.runs import open_intake

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv

LOGGER = logging.getLogger("trac_mailintake")


@pytest.mark.parametrize("fails", [False, True])
def test_what_we_log_is_in_tracs_log_while_it_is_open(sqlite_env: TracEnv, *, fails: bool) -> None:
    """And not afterwards, in nobody else's."""
    before = list(LOGGER.handlers)
    with contextlib.suppress(ZeroDivisionError), open_intake.intake(sqlite_env.env) as assembly:
        LOGGER.warning("within")
        assert assembly.settings.services.names() == []
        assert 1 // (0 if fails else 1)
    LOGGER.warning("behind")
    assert LOGGER.handlers == before
    assert "within" in sqlite_env.log()
    assert "behind" not in sqlite_env.log()


def test_a_command_is_watched_while_it_is_open(sqlite_env: TracEnv) -> None:
    """The handler that was there before is there again."""
    before = signal.getsignal(signal.SIGALRM)
    with open_intake.watched_intake(sqlite_env.env):
        assert signal.getsignal(signal.SIGALRM) is not before
    assert signal.getsignal(signal.SIGALRM) is before


def test_settings_know_the_rules(sqlite_env: TracEnv) -> None:
    """Handlers and kinds of source."""
    rules = open_intake.settings(sqlite_env.env).rules
    assert "create-or-comment" in rules.handlers
    assert "imap" in rules.kinds
