"""Real power cuts: whatever a disk has at that moment, each mail is filed in the end, once."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.cuts import loops
from tests.cuts.cutting import Moment, Site, Tally

if TYPE_CHECKING:
    from pathlib import Path

    from tests.crash.conftest import Places

pytestmark = [pytest.mark.crash, pytest.mark.sqlite]

CUTS = 3


@pytest.mark.parametrize("kind", ["imap", "pop3", "maildir", "mbox", "directory", "pipe"])
@pytest.mark.parametrize("moment", Moment, ids=lambda moment: moment.name.lower())
def test_nothing_is_lost_when_the_power_goes(tmp_path: Path, places: Places, kind: str, moment: Moment) -> None:
    """Just when the mailbox has become empty, or at any moment of a round: one of everything, nothing left about."""
    if loops.refusal():
        pytest.skip(loops.refusal())
    tally = Tally()
    with Site(tmp_path, places(kind), Random(kind), "sqlite:db/trac.db") as site:  # noqa: S311 - the same each time
        for _ in range(CUTS):
            site.cut(moment, tally)
    assert not tally.wrong, "\n".join(["", *tally.wrong])
    assert tally.cuts == CUTS
    assert tally.gone or moment is Moment.ANY
