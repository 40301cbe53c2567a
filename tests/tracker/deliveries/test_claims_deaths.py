"""Mail over which processes die is taken alone, and the deaths are counted until it is held."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.rig import Rig
from tests.tracker.deliveries.test_claims import Hands, _kill, hands, listed
from trac_mailintake.intake.times import Seconds
from trac_mailintake.mail.spool import Slice

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv


@pytest.fixture
def rig(trac_env: TracEnv, tmp_path: Path) -> Rig:
    """An environment with a service."""
    return Rig(trac_env, tmp_path)


@pytest.mark.parametrize(("way", "deaths"), [("release", 1), ("defer", 1), ("down", 1), ("counted", 0)])
def test_only_a_failure_of_its_own_takes_deaths_back(rig: Rig, way: str, deaths: int) -> None:
    """A mail that kills its process is set aside, even if the database or a plugin is down in between."""
    for _ in range(2):
        with rig.worker() as assembly:
            one = Hands(assembly)
            one.recovery.sweep()
            one.look(listed(1))
            one.take()
            _kill(one.worker)
    with hands(rig) as two:
        two.look(listed(1))
        (taken,) = two.take()
        assert (taken.alone, taken.deaths) == (True, 1)
        if way == "release":
            two.claims.release([taken])
        else:
            raw = Slice(__file__, 0, 100) if way == "down" else None
            mail = replace(taken, raw=raw, sha256="abc")
            two.claims.defer(mail, "It failed.", seconds=Seconds(0), counted=way == "counted")
        two.look(listed(1))
        (again,) = two.take()
        assert (again.alone, again.deaths) == (bool(deaths), deaths)
