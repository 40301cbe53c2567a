"""What the tests of the house leave behind them."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from tests.house.tree import modules

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True, scope="package")
def _trees() -> Iterator[None]:
    """Drop the syntax trees of all modules: with them each full collection takes later tests' processor time."""
    yield
    modules.cache_clear()
    gc.collect()
