"""The processes that share the tests (pytest-xdist), each with servers of its own: none leaves its servers behind.

After Ctrl-C xdist and execnet give a worker ten seconds, and interrupt it again after five. On a busy machine
PostgreSQL, MariaDB, Dovecot and Chromium need longer to stop.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE: Final = 60.0
"""Seconds for a worker to end its test and to stop its servers."""


def pytest_keyboard_interrupt() -> None:
    """In a worker: interrupted once is enough; what follows stops the servers."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Iterator[None]:
    """In the process that was started, after Ctrl-C: wait for the workers before they are ended."""
    manager = getattr(session.config.pluginmanager.getplugin("dsession"), "nodemanager", None)
    if manager is not None and exitstatus == pytest.ExitCode.INTERRUPTED:
        workers = [gateway.node for gateway in manager.group]
        for each in workers:
            each.shutdown()
        for each in workers:
            with suppress(OSError, each.channel.RemoteError):
                each.channel.waitclose(PATIENCE)
    return (yield)
