"""A browser for all tests of this folder, and an environment for each module."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.servers.chromium import Chromium
from tests.servers.required import running
from tests.servers.tracenv import TracEnv

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.chromium import Tab
    from tests.servers.tracenv import Tracd


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """One browser for all."""
    with running(Chromium()) as browser:
        yield browser


@contextmanager
def served(folder: Path) -> Iterator[tuple[TracEnv, Tracd]]:
    """An environment with its pages: `admin` may do everything, `keeper` has MAILINTAKE_ADMIN, `viewer` VIEW."""
    trac = TracEnv.create(folder / "env", options=(("header_logo", "src", ""), ("project", "name", "Support")))
    trac.grant("admin", "TRAC_ADMIN")
    trac.grant("keeper", "MAILINTAKE_ADMIN")
    trac.grant("viewer", "MAILINTAKE_VIEW")
    try:
        with trac.serve("admin", "keeper", "viewer", "other") as tracd:
            yield trac, tracd
    finally:
        trac.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TracEnv, Tracd]]:
    """The environment of a module's tests; each of them leaves to the others what it made."""
    with served(tmp_path_factory.mktemp("site")) as pair:
        yield pair


@pytest.fixture
def trac(site: tuple[TracEnv, Tracd]) -> TracEnv:
    """The environment."""
    return site[0]


@pytest.fixture
def tracd(site: tuple[TracEnv, Tracd]) -> Tracd:
    """Its pages."""
    return site[1]


@pytest.fixture
def tab(chromium: Chromium, tracd: Tracd) -> Tab:
    """The browser, logged in as `admin`."""
    return chromium.visit(tracd, "admin")
