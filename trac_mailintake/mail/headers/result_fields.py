"""parse: one Authentication-Results field, as its host and the results (RFC 8601, 2.2).

Some words of a field are the sender's, such as the local part of MAIL FROM. So a field that can be read in two ways, or
of which a part cannot be read, proves nothing; but if it says that DMARC failed, it still says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LIMIT: Final = 8 * 1024
"""Longest field, in characters; a longer one is not read, and proves nothing."""

_OUTSIDE: Final = re.compile(r'(?:[^"(\\]++|"(?:[^"\\]++|\\.)*+"|\\.)*+', re.DOTALL)
_INSIDE: Final = re.compile(r"(?:[^()\\]++|\\.)*+([()])", re.DOTALL)
_INSIDE_QUOTING: Final = re.compile(r'(?:[^()\\"]++|"(?:[^"\\]++|\\.)*+"|\\.)*+([()])', re.DOTALL)
_ITEM: Final = re.compile(r'((?:[^;"\\]++|"(?:[^"\\]++|\\.)*+"|\\.)*+)(?:;|\Z)', re.DOTALL)
_WHO: Final = re.compile(r'\s*+("(?:[^"\\]++|\\.)*+"|[^\s"=;()]++)(?:\s++([0-9]++))?\s*+')
_METHOD: Final = re.compile(r"\s*+([\w-]++)(?:\s*+/\s*+[0-9]++)?\s*+=\s*+([\w-]++)", re.ASCII)
_PROPERTY: Final = re.compile(
    r'\s++([\w-]++)(?:\s*+\.\s*+([\w-]++))?\s*+=\s*+((?:"(?:[^"\\]++|\\.)*+"|[^\s"\\;()])*+)', re.ASCII | re.DOTALL
)
_BARE: Final = re.compile(r"\s*+[\w.-]++\s*+")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_FAILED: Final = re.compile(r"\bdmarc\s{0,9}=\s{0,9}fail\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Result:
    """One result. `method` and `result` are in lower case; `header` has the properties of ptype `header`, by name."""

    method: str
    result: str
    header: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """What a field says, and the authserv-id of who wrote it."""

    who: str
    results: Sequence[Result] = ()


def results_of(value: str, nameless: str) -> Written:
    """Read a field's value. `nameless` is the host that writes fields without an authserv-id."""
    plain = _without_comments(value) if len(value) <= LIMIT else None
    name, items = _parted(value[:LIMIT] if plain is None else plain, nameless)
    results = _read(items) if items is not None and plain is not None else None
    if results is None:
        return Written(name, (Result("dmarc", "fail"),) if _FAILED.search(value) else ())
    return Written(name, results)


def _parted(plain: str, nameless: str) -> tuple[str, Sequence[str] | None]:
    """The authserv-id and the results; None instead of these if the beginning, its version, or the end is unknown."""
    items, is_whole = _items(plain)
    first, *others = items or [""]
    who = _WHO.fullmatch(first)
    if who:
        return _unquoted(who[1]), others if is_whole and who[2] in (None, "1") else None
    if "=" in first:
        named = [each for each in items if not _BARE.fullmatch(each)]
        return nameless, named if is_whole else None
    return "", None


def _items(plain: str) -> tuple[list[str], bool]:
    """What stands between semicolons, as far as it can be read, and whether that is all."""
    items: list[str] = []
    end = 0
    while end < len(plain) and (match := _ITEM.match(plain, end)) is not None:
        items.append(match[1])
        end = match.end()
    return items, end == len(plain)


def _read(items: Sequence[str]) -> list[Result] | None:
    """The results; None if something else is among them. The last item may be empty, or the only one `none`."""
    if items and (not items[-1].strip() or [each.strip() for each in items] == ["none"]):
        items = items[:-1]
    found: list[Result] = []
    for each in items:
        result = _result(each)
        if result is None:
            return None
        found.append(result)
    return found


def _result(item: str) -> Result | None:
    begun = _METHOD.match(item)
    if begun is None:
        return None
    header: dict[str, str] = {}
    end = begun.end()
    while (match := _PROPERTY.match(item, end)) is not None:
        end = match.end()
        if match[1].lower() == "header" and match[2]:
            header.setdefault(match[2].lower(), _unquoted(match[3]))
    return None if item[end:].strip() else Result(begun[1].lower(), begun[2].lower(), header)


def _without_comments(value: str) -> str | None:
    """The value with a blank for each comment; None if something is not closed.

    In a comment a quotation mark means nothing (RFC 5322, 3.2.2). But some hosts write a sender's quoted local part
    there, which may contain `)`: if that would make a difference, the value cannot be read either.
    """
    plain = _stripped(value, _INSIDE)
    return plain if plain == _stripped(value, _INSIDE_QUOTING) else None


def _stripped(value: str, inside: re.Pattern[str]) -> str | None:
    pieces: list[str] = []
    end = 0
    while True:
        start, end = end, _OUTSIDE.match(value, end).end()  # type: ignore[union-attr]  # it matches the empty text
        pieces.append(value[start:end])
        if end == len(value):
            return " ".join(pieces)
        depth = int(value[end] == "(")
        end += 1
        while depth:
            closing = inside.match(value, end)
            if closing is None:
                return None
            depth += 1 if closing[1] == "(" else -1
            end = closing.end()
        if value[end - 1] != ")":
            return None


def _unquoted(text: str) -> str:
    whole = len(text) > 1 and text[0] == text[-1] == '"'
    return _ESCAPE.sub(r"\1", text[1:-1]) if whole and '"' not in _ESCAPE.sub("", text[1:-1]) else text
