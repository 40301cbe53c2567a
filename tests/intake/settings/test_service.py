"""What a service says besides its handler's parameters: what becomes of the mailbox's copy, and where it starts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import PARAMETERS, service
from trac_mailintake.intake.model import Afterwards
from trac_mailintake.intake.settings import SettingError, check
from trac_mailintake.intake.settings.service import Server, disposition, start
from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

ALL = tuple(Afterwards)


@pytest.mark.parametrize(
    ("typed", "word", "folder"),
    [
        ("delete", Afterwards.DELETE, ""),
        (" Seen ", Afterwards.SEEN, ""),
        ("LEAVE", Afterwards.LEAVE, ""),
        ("move:Done", Afterwards.MOVE, "Done"),
        ("Move: Done/This year ", Afterwards.MOVE, "Done/This year"),
        ("move:a:b", Afterwards.MOVE, "a:b"),
    ],
)
def test_what_becomes_of_the_mailboxs_copy(typed: str, word: Afterwards, folder: str) -> None:
    """The folder keeps its case and its colons."""
    found = disposition(typed, ALL, "imap")
    assert (found.word, found.folder) == (word, folder)


@pytest.mark.parametrize(
    "typed", ["", "move", "move:", "move: ", "delete:Done", "leave:x", "keep", "mov:Done", ":Done"]
)
def test_only_a_move_has_a_folder_and_each_move_has_one(typed: str) -> None:
    """Else nobody knows what was meant; the error says what the kind of source can do."""
    with pytest.raises(SettingError) as caught:
        disposition(typed, (Afterwards.MOVE, Afterwards.LEAVE), "maildir")
    assert caught.value.name == "afterwards"
    assert caught.value.allowed == "move:FOLDER, leave (that is what maildir can mean)"


@given(st.sampled_from(ALL), st.lists(st.sampled_from(ALL), unique=True))
def test_a_kind_takes_only_what_it_can_do(wanted: Afterwards, allowed: Sequence[Afterwards]) -> None:
    """POP3 has no folders, and marks nothing as seen."""
    typed = "move:Done" if wanted is Afterwards.MOVE else wanted.value
    if wanted in allowed:
        assert disposition(typed, allowed, "pop3").word is wanted
    else:
        with pytest.raises(SettingError, match="that is what pop3 can mean"):
            disposition(typed, allowed, "pop3")


@pytest.mark.parametrize(
    ("typed", "stored"), [("all", "all"), (" NOW ", "now"), ("2026-01-31", "2026-01-31"), ("20260131", "2026-01-31")]
)
def test_where_a_first_run_starts(typed: str, stored: str) -> None:
    """A date is stored in one way."""
    assert start(typed, dated=True) == stored


@pytest.mark.parametrize("typed", ["", "yesterday", "2026-02-30", "31.1.2026", "2026-01-31T10:00"])
def test_a_start_that_is_none(typed: str) -> None:
    """The error shows how a date is written."""
    with pytest.raises(SettingError, match=r"^start=.*: not allowed\. Allowed: all, now, or a date such as"):
        start(typed, dated=True)


def test_a_source_without_dates_starts_at_no_date() -> None:
    """And its error offers none."""
    assert [start(each, dated=False) for each in ("all", "now")] == ["all", "now"]
    with pytest.raises(SettingError, match=r"Allowed: all, now$"):
        start("2026-01-31", dated=False)


def test_policies_follow_the_parameters() -> None:
    """Of a new service, and of one that gets others."""
    first = service(block="a.example", rate_sender="7")
    assert first.rates.rate_sender == 7
    other = replace(first, parameters=check(PARAMETERS, {"rate_sender": "8"}))
    assert (first.rates.rate_sender, other.rates.rate_sender) == (7, 8)


def test_how_to_get_a_password_is_shown_nowhere() -> None:
    """What is logged of a server has no secret in it: it may name a file or a variable of the environment."""
    server = Server(1, "main", "", "imap", "h", 993, "tls", "ann", "env:TOP", "", Seconds(5))
    assert "ann" in repr(server)
    assert "TOP" not in repr(server)
