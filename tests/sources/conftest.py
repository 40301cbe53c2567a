"""Servers for the sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.delayproxy import DelayProxy
from tests.servers.dovecot import Dovecot

if TYPE_CHECKING:
    from collections.abc import Iterator


from tests.sources.imap_place import ImapPlace


@pytest.fixture(scope="session")
def copying(dovecot: Dovecot) -> Iterator[Dovecot]:
    """IMAP with UIDPLUS and without MOVE; needs what `dovecot` needs."""
    with Dovecot(without=("MOVE",)) as running:
        yield running


@pytest.fixture
def place(dovecot: Dovecot) -> ImapPlace:
    """A new user with all that the server can do."""
    return ImapPlace(dovecot)


@pytest.fixture
def proxy(dovecot: Dovecot) -> Iterator[DelayProxy]:
    """A line to IMAP that can be made long or broken."""
    with DelayProxy(dovecot.imap) as running:
        yield running
