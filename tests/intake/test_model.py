"""Values of the core that decide something."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from trac_mailintake.intake.model import (
    GRAVITY,
    Afterwards,
    Discard,
    Disposition,
    Forward,
    Hold,
    Ignore,
    Reject,
    Sender,
    gravest,
)

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Objection

LADDER: tuple[Objection, ...] = (Hold("h", ""), Forward("f", ""), Reject("r", ""), Ignore("i", ""), Discard("d", ""))


@pytest.mark.parametrize("count", range(1, len(LADDER) + 1))
def test_of_several_objections_the_safest_counts(count: int) -> None:
    """Hold, forward, reject, ignore, discard; whatever order they come in."""
    for some in permutations(LADDER, count):
        assert gravest(list(some)) == min(some, key=lambda each: GRAVITY.index(type(each)))


def test_what_is_not_for_us_beats_everything() -> None:
    """Another service may take it, so nobody holds it here; without objections there is none."""
    decisive = Ignore("not-for-us", "", decisive=True)
    assert gravest([Hold("h", ""), decisive]) == decisive
    assert gravest([]) is None


@pytest.mark.parametrize(("proof", "rule"), [("", "sender"), ("dmarc=pass", "proved")])
def test_the_trail_shows_whether_a_sender_was_proved(proof: str, rule: str) -> None:
    """By the rule of its step."""
    assert Sender("ann", "ann", "ann@example.org", mapped=True, reason="", proof=proof).rule == rule


def test_a_disposition_is_written_as_it_is_typed() -> None:
    """With a folder or without."""
    assert str(Disposition(Afterwards.MOVE, "Processed")) == "move:Processed"
    assert str(Disposition(Afterwards.DELETE)) == "delete"
