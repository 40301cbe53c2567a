"""The servers, started once a session and only when a test asks for them."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import pytest

from tests.servers.dovecot import Dovecot
from tests.servers.machine import ServerMissing
from tests.servers.postgres import Postgres
from tests.servers.smtp_sink import SmtpSink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

_Server = TypeVar("_Server")


@contextmanager
def _running(server: AbstractContextManager[_Server]) -> Iterator[_Server]:
    """The server, started; its tests are skipped where it is not installed, or fail where it must be."""
    try:
        started = server.__enter__()
    except ServerMissing as missing:
        if os.environ.get("MAILINTAKE_REQUIRE_SERVERS") == "1":
            pytest.fail(f"a server is missing: {missing}", pytrace=False)
        pytest.skip(str(missing))
    try:
        yield started
    finally:
        server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """IMAP and POP3 in all their ways. Take a new user for each test: `dovecot.add_user()`."""
    with _running(Dovecot()) as server:
        yield server


@pytest.fixture(scope="session")
def plain_dovecot() -> Iterator[Dovecot]:
    """IMAP without MOVE and without UIDPLUS."""
    with _running(Dovecot(without=("MOVE", "UIDPLUS"))) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A cluster; `postgres.fresh_schema()` is a connection string for one environment."""
    with _running(Postgres()) as server:
        yield server


@pytest.fixture(scope="session")
def _one_smtp_sink() -> Iterator[SmtpSink]:
    with _running(SmtpSink()) as server:
        yield server


@pytest.fixture
def smtp_sink(_one_smtp_sink: SmtpSink) -> SmtpSink:
    """Takes all mail that is sent; empty and willing at the start of each test."""
    _one_smtp_sink.reset()
    return _one_smtp_sink
