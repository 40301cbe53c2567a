"""What an invitation says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import part
from trac_mailintake.mail.text.calendar import is_calendar, told

if TYPE_CHECKING:
    from pathlib import Path


def calendar(*lines: str, method: str = "REQUEST") -> str:
    """A calendar with one event."""
    event = ["BEGIN:VEVENT", *lines, "END:VEVENT"]
    return "\r\n".join(["BEGIN:VCALENDAR", f"METHOD:{method}", *event, "END:VCALENDAR", ""])


def read(folder: Path, text: str) -> str:
    """What is told of it."""
    return told(part(folder, "invite.ics", text.encode(), content_type="text/calendar", charset="utf-8"))


def test_an_invitation(tmp_path: Path) -> None:
    """What, when, where, who; lines that were folded and escaped are whole; an alarm's text is not the event's."""
    text = calendar(
        "BEGIN:VALARM",
        "SUMMARY:Alarm",
        "END:VALARM",
        "DTSTART;TZID=Europe/Berlin:20260302T100000",
        "DTEND;TZID=Europe/Berlin:20260302T113000",
        "SUMMARY;LANGUAGE=de:Prüfung\\, Teil 1 und noch ein lan",
        " ger Titel",
        'ORGANIZER;CN="Lee, Ann":MAILTO:ann@example.org',
        "LOCATION:Raum 1\\nErdgeschoss",
    )
    assert read(tmp_path, text) == (
        "Invitation: Prüfung, Teil 1 und noch ein langer Titel\n"
        "When: 2026-03-02 10:00 – 11:30 (Europe/Berlin)\n"
        "Where: Raum 1 Erdgeschoss\n"
        "Organizer: Lee, Ann <ann@example.org>"
    )


@pytest.mark.parametrize(
    ("lines", "when"),
    [
        (["DTSTART:20260302T100000Z"], "2026-03-02 10:00 (UTC)"),
        (["DTSTART:20260302T100000Z", "DTEND:20260303T100000Z"], "2026-03-02 10:00 – 2026-03-03 10:00 (UTC)"),
        (["DTSTART;VALUE=DATE:20260302", "DTEND;VALUE=DATE:20260303"], "2026-03-02"),
        (["DTSTART;VALUE=DATE:20260302", "DTEND;VALUE=DATE:20260305"], "2026-03-02 – 2026-03-04"),
        (["DTSTART:20260302T100000", "RRULE:FREQ=WEEKLY"], "2026-03-02 10:00 (repeated)"),
        (["DTSTART;VALUE=DATE:00010101", "DTEND;VALUE=DATE:00010101"], "0001-01-01"),
    ],
)
def test_times_are_as_written(tmp_path: Path, lines: list[str], when: str) -> None:
    """A zone by its name; whole days with their last day."""
    assert f"When: {when}" in read(tmp_path, calendar("SUMMARY:x", *lines)).split("\n")


@pytest.mark.parametrize(
    ("method", "first"),
    [("REQUEST", "Invitation: x"), ("CANCEL", "Cancelled: x"), ("PUBLISH", "Event: x"), ("ODD", "Event: x")],
)
def test_the_method_is_told(tmp_path: Path, method: str, first: str) -> None:
    """RFC 5546: what the sender wants with it."""
    assert read(tmp_path, calendar("SUMMARY:x", method=method)) == first


def test_an_answer_says_whose_and_which(tmp_path: Path) -> None:
    """The state of the attendee."""
    text = calendar("SUMMARY:x", "ATTENDEE;CN=Bob;PARTSTAT=DECLINED:mailto:bob@example.org", method="REPLY")
    assert read(tmp_path, text) == "Answer to an invitation: x\nAnswer: Bob <bob@example.org>: declined"


def test_only_the_first_events_are_told(tmp_path: Path) -> None:
    """A whole calendar is for reading elsewhere."""
    events = "".join(f"BEGIN:VEVENT\nSUMMARY:{number}\nEND:VEVENT\n" for number in range(50))
    assert read(tmp_path, f"BEGIN:VCALENDAR\n{events}").count("Event: ") == 5


def test_nothing_is_told_of_nothing(tmp_path: Path) -> None:
    """Neither of free and busy times, nor of what is no calendar."""
    assert read(tmp_path, "BEGIN:VCALENDAR\nBEGIN:VFREEBUSY\nSUMMARY:x\nEND:VFREEBUSY\n") == ""
    assert read(tmp_path, "Hello") == ""


def test_calendars_are_told_by_type_or_name(tmp_path: Path) -> None:
    """Some software calls them octet-stream."""
    assert is_calendar(part(tmp_path, "a", content_type="text/calendar"))
    assert is_calendar(part(tmp_path, "Invite.ICS"))
    assert not is_calendar(part(tmp_path, "icsa.txt"))


@pytest.mark.parametrize("hostile", [";A=B", "A;", ';A="', "BEGIN:VEVENT\n", "SUMMARY:", "\\", "A:b\n ", "A" * 60])
def test_hostile_calendars_take_no_time(tmp_path: Path, hostile: str) -> None:
    """Half a megabyte of anything, in one line or many."""
    started = time.process_time()
    read(tmp_path, f"BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY{hostile * (500_000 // len(hostile))}")
    assert time.process_time() - started < 1


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["BEGIN:", "END:", "VEVENT", "\n", " ", "DTSTART", ";", "=", '"', ":", "2026", "T", "Z"]))
)
def test_any_mixture_is_read(tmp_path: Path, words: list[str]) -> None:
    """Without an exception."""
    read(tmp_path, "".join(words))
