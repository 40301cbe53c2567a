"""handle: describes an invitation in a few lines for people (RFC 5545, RFC 5546).

Only what is needed of iCalendar is parsed: what, when, where, who. Times are shown as written, with the name of their
zone: nothing is computed, so nothing can be computed wrongly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail import charsets
from trac_mailintake.mail.mime import transfer_encoding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac_mailintake.mail.message import Part

_LARGEST: Final = 256 * 1024
"""Decoded bytes that are looked at."""
_MOST: Final = 5
"""Most events that are described."""
_LONGEST: Final = 300
"""Characters of one line."""
_FOLD: Final = re.compile(r"\r?\n[ \t]")
_LINE: Final = re.compile(r'([A-Za-z0-9-]{1,60})((?:;[^:;"=]{1,60}=(?:"[^"]{0,500}"|[^";:]{0,500}))*):(.{0,4000})')
_PARAMETER: Final = re.compile(r';([^:;"=]{1,60})=(?:"([^"]{0,500})"|([^";:]{0,500}))')
_ESCAPE: Final = re.compile(r"\\([nN,;\\])")
_TIME: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d\d(Z?))?")
_BLANKS: Final = re.compile(r"\s+")
_KINDS: Final = {
    "REQUEST": "Invitation",
    "CANCEL": "Cancelled",
    "REPLY": "Answer to an invitation",
    "COUNTER": "Another time is proposed for",
    "PUBLISH": "Event",
}
_ANSWERS: Final = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "tentative"}
_TOLD: Final = {"SUMMARY", "DTSTART", "DTEND", "LOCATION", "ORGANIZER", "ATTENDEE", "RRULE", "STATUS", "DUE"}


@dataclass(frozen=True, slots=True)
class _Value:
    """The value of a property, and its parameters by their upper-case names."""

    text: str
    parameters: dict[str, str]


@dataclass(slots=True)
class _Event:
    """The first of each property of an event or task."""

    values: dict[str, _Value] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """The value of a property as one line of text, "" without one."""
        value = self.values.get(name)
        return _BLANKS.sub(" ", _ESCAPE.sub(_unescaped, value.text)).strip()[:_LONGEST] if value else ""


def is_calendar(part: Part) -> bool:
    """Whether a part declares itself a calendar, by its type or its name."""
    return part.content_type in {"text/calendar", "application/ics"} or part.filename.lower().endswith(".ics")


def told(part: Part) -> str:
    """The calendar's events as plain text; "" if nothing can be read. Raises OSError."""
    raw = b""
    for piece in transfer_encoding.decoded(part):
        raw += piece
        if len(raw) > _LARGEST:
            break
    lines = _FOLD.sub("", charsets.decode(raw[:_LARGEST], part.charset or "utf-8")).splitlines()
    method, events = _events(lines)
    return "\n\n".join(filter(None, (_shown(method, event) for event in events)))


def _events(lines: list[str]) -> tuple[str, list[_Event]]:
    """The method of the calendar, and its first events and tasks, without what they enclose, such as alarms."""
    method = ""
    events: list[_Event] = []
    within: list[str] = []
    for name, value in _properties(lines):
        if name == "BEGIN":
            within.append(value.text.strip().upper())
            if within[-1] in {"VEVENT", "VTODO"}:
                events.append(_Event())
        elif name == "END":
            del within[-1:]
        elif name == "METHOD":
            method = value.text.strip().upper()
        elif within and within[-1] in {"VEVENT", "VTODO"} and name in _TOLD:
            events[-1].values.setdefault(name, value)
        if len(events) > _MOST:
            break
    return method, events[:_MOST]


def _properties(lines: list[str]) -> Iterator[tuple[str, _Value]]:
    for line in lines:
        match = _LINE.match(line)
        if match:
            parameters = {each[1].upper(): each[2] or each[3] or "" for each in _PARAMETER.finditer(match[2])}
            yield match[1].upper(), _Value(match[3], parameters)


def _shown(method: str, event: _Event) -> str:
    """The lines for one event; none without a title and a time."""
    if not (event.text("SUMMARY") or event.text("DTSTART")):
        return ""
    cancelled = event.text("STATUS").upper() == "CANCELLED"
    kind = _KINDS["CANCEL"] if cancelled else _KINDS.get(method, _KINDS["PUBLISH"])
    repeated = " (repeated)" if "RRULE" in event.values else ""
    lines = {
        kind: event.text("SUMMARY") or "(no title)",
        "When": f"{_when(event)}{repeated}".strip(),
        "Where": event.text("LOCATION"),
        "Organizer": _who(event.values.get("ORGANIZER")),
        "Answer": _answer(event.values.get("ATTENDEE")) if method == "REPLY" else "",
    }
    return "\n".join(f"{label}: {text}" for label, text in lines.items() if text)


def _when(event: _Event) -> str:
    """The beginning and the end; the date is not said twice."""
    start = event.values.get("DTSTART")
    end = event.values.get("DTEND") or event.values.get("DUE")
    first, last = _time(start), _time(end)
    if "DTEND" in event.values and last and " " not in last:
        last = _day_before(last)
    if first and last.startswith(first.partition(" ")[0]):
        last = last.partition(" ")[2]
    times = " – ".join(filter(None, (first, last)))
    return " ".join(filter(None, (times, _zone(start or end))))


def _day_before(day: str) -> str:
    """The last day of an all-day event: iCalendar has the day after it (RFC 5545, 3.6.1)."""
    try:
        return (date.fromisoformat(day) - timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        return day


def _time(value: _Value | None) -> str:
    """The date, and the time if there is one; "" for anything else."""
    match = _TIME.match(value.text.strip()) if value else None
    if not match:
        return ""
    day = f"{match[1]}-{match[2]}-{match[3]}"
    return f"{day} {match[4]}:{match[5]}" if match[4] else day


def _zone(value: _Value | None) -> str:
    if value is None:
        return ""
    name = value.parameters.get("TZID", "").strip()[:80]
    return f"({name})" if name else "(UTC)" if value.text.strip().endswith("Z") else ""


def _who(value: _Value | None) -> str:
    """`Name <address>` of a calendar address (RFC 5545, 3.3.3)."""
    if value is None:
        return ""
    name = _BLANKS.sub(" ", value.parameters.get("CN", "")).strip()
    address = value.text.strip()
    address = address[len("mailto:") :] if address.lower().startswith("mailto:") else address
    return (f"{name} <{address}>" if name and name != address else address)[:_LONGEST]


def _answer(value: _Value | None) -> str:
    """Who answers how (RFC 5545, 3.2.12)."""
    status = value.parameters.get("PARTSTAT", "").upper() if value else ""
    return f"{_who(value)}: {_ANSWERS[status]}" if status in _ANSWERS else ""


def _unescaped(match: re.Match[str]) -> str:
    return " " if match[1] in "nN" else match[1]
