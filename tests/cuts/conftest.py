"""Environments whose commands are traced."""

from __future__ import annotations

import itertools
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.crash import conftest, mails, rounds, scene
from tests.crash.zygote import call
from tests.cuts import calls
from tests.cuts.calls import Traced
from tests.servers.required import SWITCH
from tests.servers.tracenv import TracEnv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.crash.places import Place

    Stage = Callable[..., tuple[TracEnv, Traced]]

places = conftest.places


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Makes an environment on a `database` of SQLite, whose service empties a place in which three mails lie.

    Its commands, and tracd, are traced with the given `options`; `settings` are the service's own.
    """
    numbers = itertools.count()
    if calls.refusal():
        if os.environ.get(SWITCH) == "1":
            pytest.fail(calls.refusal(), pytrace=False)
        pytest.skip(calls.refusal())

    def make(
        place: Place, *options: str, database: str = "sqlite:db/trac.db", **settings: str
    ) -> tuple[TracEnv, Traced]:
        folder = tmp_path / f"stage{next(numbers)}"
        folder.mkdir()
        path = scene.make(folder / "env", database)
        server, service = place.settings
        scene.well(call(rounds.prepare, path, server, {**service, **settings}))
        place.deliver(*mails.LOAD)
        traced = Traced(folder, *options)
        stack.callback(traced.stop)
        return TracEnv(path, database=database, python=traced.python), traced

    with ExitStack() as stack:
        yield make
