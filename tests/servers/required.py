"""Whether a test may do without its server."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

import pytest

from tests.servers.machine import ServerMissing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

SWITCH = "MAILINTAKE_REQUIRE_SERVERS"
"""The environment variable that is 1 where every server must be there."""

_Server = TypeVar("_Server")


@contextmanager
def running(server: AbstractContextManager[_Server]) -> Iterator[_Server]:
    """The server, started; its tests are skipped where it is not installed, or fail where it must be."""
    with ExitStack() as stack:
        try:
            started = stack.enter_context(server)
        except ServerMissing as missing:
            if os.environ.get(SWITCH) == "1":
                pytest.fail(f"a server is missing: {missing}", pytrace=False)
            pytest.skip(str(missing))
        yield started
