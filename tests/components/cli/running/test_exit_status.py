"""How a round ended, as the status that the shell sees."""

from __future__ import annotations

import pytest

from trac_mailintake.components.cli.running.exit_status import exit_status
from trac_mailintake.runs.result import Ending


@pytest.mark.parametrize(("ending", "status"), [(Ending.WELL, 0), (Ending.WAITING, 1), (Ending.FAILED, 3)])
def test_each_ending_has_its_status(ending: Ending, status: int) -> None:
    """As docs/behaviour.md#exit-statuses says; a graver one has a higher number, so that the gravest counts."""
    assert exit_status(ending) == status
    assert [exit_status(each) for each in Ending] == sorted(exit_status(each) for each in Ending)
