"""How much a mail server may send, and how long it may take."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.intake.times import Seconds
from trac_mailintake.sources.errors import Excess
from trac_mailintake.sources.net import quota


def meter(timeout: float = 6.0) -> quota.Meter:
    """A new session."""
    return quota.Meter(Seconds(timeout))


@given(st.lists(st.integers(1, 10_000_000), max_size=20))
def test_an_answer_may_be_so_long_and_no_longer(sizes: list[int]) -> None:
    """In whatever pieces it comes; the next command begins anew."""
    session, total = meter(), 0
    for size in sizes:
        total += size
        assert session.fits(size) is (total <= quota.ANSWER)
        if total > quota.ANSWER:
            with pytest.raises(Excess, match="32 MB"):
                session.hold(size)
            break
        session.hold(size)
    session.command()
    session.hold(quota.ANSWER)


def test_an_answer_may_have_so_many_lines() -> None:
    """Each costs more than its bytes; a listing may have one for each message of a mailbox."""
    session = meter()
    for _ in range(quota.LINES):
        session.line(2)
    with pytest.raises(Excess, match="lines for one command"):
        session.line(2)
    session.command()
    session.line(2)
    listing = meter()
    for _ in range(quota.LINES + 10):
        listing.line(2, quota.MESSAGES)


def test_time_is_waited_only_for_so_long() -> None:
    """Five time-outs; commands and bytes add to it, so that a long session of an honest server never comes near."""
    session = meter(6.0)
    session.came(0, Seconds(30.0))
    with pytest.raises(Excess, match="answers too slowly: this took 31 s"):
        session.came(0, Seconds(1.0))
    patient = meter(6.0)
    for _ in range(6):
        patient.command()
    patient.came(4096 * 10, Seconds(46.0))
    with pytest.raises(Excess):
        patient.came(1, Seconds(0.1))


def test_a_server_that_trickles_is_given_up() -> None:
    """A byte at a time, each within the time-out of one operation."""
    session, waited = meter(6.0), 0

    def trickle() -> None:
        nonlocal waited
        while waited < 1000:
            waited += 5
            session.came(1, Seconds(5.0))

    with pytest.raises(Excess):
        trickle()
    assert waited <= 40


@pytest.mark.parametrize(("size", "most"), [(0, 16), (None, 2 * 1024 + 16), (1024**2, 2 + 16)])
def test_a_message_may_be_longer_than_announced(size: int | None, most: int) -> None:
    """Twice, and a little: servers report wrong sizes, but not that wrong."""
    assert quota.most(size) == most * 1024**2


def test_bytes_are_counted_as_they_come() -> None:
    """And are the same; closing the file closes what is below it."""
    content = bytes(range(256)) * 100
    below = io.BytesIO(content)
    counted = meter()
    file = quota.metered(io.BufferedReader(below), counted)
    assert (file.readable(), file.read()) == (True, content)
    file.close()
    assert below.closed
    assert counted._patience > 5 * 6.0 + len(content) / 4096 - 0.1
