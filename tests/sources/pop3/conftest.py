"""A mailbox, and a line to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.delayproxy import DelayProxy
from tests.sources.pop3_place import Pop3Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.dovecot import Dovecot


@pytest.fixture
def place(dovecot: Dovecot) -> Pop3Place:
    """A new user."""
    return Pop3Place(dovecot)


@pytest.fixture
def proxy(dovecot: Dovecot) -> Iterator[DelayProxy]:
    """A line to POP3 that can be made long or broken."""
    with DelayProxy(dovecot.pop3) as running:
        yield running
