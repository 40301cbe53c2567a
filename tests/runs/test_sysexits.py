"""What a mail server is answered: it never bounces a mail that we keep, and never drops one that we do not."""

from __future__ import annotations

import pytest

from trac_mailintake.intake.model import Status
from trac_mailintake.runs.sysexits import SysExit, exit_of


@pytest.mark.parametrize("status", Status)
def test_each_outcome_has_its_answer(status: Status) -> None:
    """Only a rejected mail bounces, and only one that is not decided stays with the mail server."""
    wanted = {Status.REJECTED: SysExit.NOPERM, Status.DEFERRED: SysExit.TEMPFAIL}.get(status, SysExit.OK)
    assert exit_of(status) is wanted


def test_the_numbers_are_those_of_sysexits() -> None:
    """Which the C library and every mail server know."""
    assert {each.name: each.value for each in SysExit} == {
        "OK": 0,
        "DATAERR": 65,
        "UNAVAILABLE": 69,
        "TEMPFAIL": 75,
        "NOPERM": 77,
    }
