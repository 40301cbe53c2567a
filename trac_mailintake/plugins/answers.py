"""Looks into the answers of other people's plugins, so that a wrong value is the plugin's fault, and never the mail's.

A frozen dataclass takes any value, and Python has no types when it runs: without this, `fields={"due": None}` would
fail when the ticket is written, and be counted against the mail.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.model import (
    Attachment,
    Change,
    Followup,
    Ignore,
    NewTicket,
    Objection,
    Proof,
    Reopen,
    Sender,
)
from trac_mailintake.mail.message import Part
from trac_mailintake.mail.scrub import scrub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trac_mailintake.intake.model import Target

    Check = Callable[[object], bool]

_HIGHEST: Final = 2**31 - 1
"""The highest number of a ticket in every database."""


def _text(value: object) -> bool:
    """Whether it is text that every database can store."""
    return isinstance(value, str) and scrub(value) == value


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _HIGHEST


def _some(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _all(check: Check) -> Check:
    return lambda value: isinstance(value, tuple | list) and all(map(check, value))


def _pairs(value: object) -> bool:
    return isinstance(value, Mapping) and all(_text(name) and _text(each) for name, each in value.items())


def _kind(*kinds: type) -> Check:
    return lambda value: isinstance(value, kinds)


_REASON: Final[Mapping[str, Check]] = {"rule": _text, "reason": _text}
_CHECKS: Final[tuple[tuple[type | object, Mapping[str, Check]], ...]] = (
    (Ignore, {**_REASON, "decisive": _flag}),
    (Objection, _REASON),
    (NewTicket, {**_REASON, "related": _some(_number), "note": _text}),
    (Followup, {**_REASON, "ticket": _number, "proof": _kind(Proof)}),
    (Sender, {"username": _text, "author": _text, "address": _text, "mapped": _flag, "new": _flag, "proof": _text}),
    (Attachment, {"name": _text, "part": _kind(Part), "description": _text}),
    (
        Change,
        {
            "target": _kind(NewTicket, Followup),
            "sender": _kind(Sender),
            **dict.fromkeys(("summary", "text", "removed"), _text),
            "fields": _pairs,
            "attachments": _all(_kind(Attachment)),
            "cc": _all(_text),
            "reopen": _kind(Reopen),
            "quiet": _flag,
        },
    ),
)
"""What each field must be, by the kind of value; the first row that fits counts."""


def wrong(answer: Objection | Target | Change) -> str:
    """What is wrong with the answer, such as "Change.cc is a str", or ""."""
    return next(_wrong(answer), "")


def _wrong(value: object) -> Iterator[str]:
    checks = next(checks for kind, checks in _CHECKS if isinstance(value, kind))  # type: ignore[arg-type]  # a union is fine, too
    for name, check in checks.items():
        held = getattr(value, name, None)
        if not check(held):
            yield f"{type(value).__name__}.{name} is wrong: {_shown(held)}"
    if isinstance(value, Change):
        yield from _wrong(value.target)
        yield from _wrong(value.sender)
        for each in value.attachments:
            yield from _wrong(each)


def _shown(value: object) -> str:
    """The type, and for text why it is wrong."""
    if isinstance(value, str):
        return "text with characters that no database stores"
    return f"a {type(value).__name__}" if value is not None else "None"
