"""parse: recognises attribution lines, with which mail clients announce a quote, in many languages.

Rules look for what these lines have in common (a verb of writing, a date, an address, a colon at the end), not for the
wording of one version of one client. All expressions run on lines of limited length.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_DRESS: Final = " \t\r\f\v\u00a0\u2002\u2003\u2009\u202f\u3000*_'|\u200b\u200e\u200f\u202a\u202b\u202c\ufeff"
"""Blanks and emphasis around a line, also those of wiki text, and direction marks."""

_VERB: Final = re.compile(
    r"""\b(?:wrote|writes|schrieb|a\ écrit|a\ ecrit|écrivait|escribió|escribio|ha\ scritto|scrive|escreveu
    |schreef|geschreven|geschrieben|skrev|skreiv|napisał(?:\(?a\)?)?|napsal(?:\(a\)|a)?|napísal(?:\(a\)|a)?
    |kirjoitti|kirjutas|írta|a\ scris|написа(?:л(?:\(а\)|а)?|в|ла)|пишет|пише|пишу|pisze|rašė|έγραψε
    |yazdı|şunu\ yazdı|שלח|כתב|كتب
    |napisao|napisala|je\ napisal|parašė|rakstīja|đã\ viết|menulis|ha\ escrit|a\ dit
    |quoting|zitat\ von|citando(?:\ a)?|citerar)(?!\w)
    |写道|寫道|เขียนว่า|さんは書きました|のメッセージ|작성|님이\ 작성""",
    re.IGNORECASE | re.VERBOSE,
)
_LEAD: Final = re.compile(
    r"(?:on|am|le|el|il|em|op|den|på|w dniu|dnia|dne|dňa|a|ma|ti|ke|to|pe|la|su|pada|vào|στις|în|у|в|от|at|von|de|from"
    r"|于|在|quoting|citando|zitat von)\b|\d",
    re.IGNORECASE,
)
_EVIDENCE: Final = re.compile(r"\d|@")
_WHEN: Final = re.compile(
    r"\d[:.h]\d{2}(?!\d)|\b(?:19|20)\d\d\b|\b\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2,4}|\d[年月時时]|\b\d{1,2}[.:]\d{2}\b"
)
_ENDS: Final = re.compile(r"[:：]$")
_ENDS_WITH_VERB: Final = re.compile(rf"(?:{_VERB.pattern})$", re.IGNORECASE | re.VERBOSE)
_VERB_LENGTH: Final = 24
_BRACKETED: Final = re.compile(
    r"[<(]\s?[\u202a\u202b]?(?:mailto:)?[^<>\s]{1,100}@[^<>\s]{1,200}[\u200f\u202c]{0,2}\s?[>)]"
)
_DATE_FIRST: Final = re.compile(rf"^\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}\b[^<>]{{0,100}}{_BRACKETED.pattern}$")
_ADDRESS_LAST: Final = re.compile(r"^\d[^@]{8,120}\s[^\s@]{1,64}@[^\s@]{3,100}:$")
_GMT: Final = re.compile(r"^\d{4}-\d{2}-\d{2} \d{1,2}:\d{2} (?:GMT|UTC)[+-]\d{2}:\d{2} \S.{0,80}$")
"""Gmail's form without a language; a name follows, and perhaps an address."""
_VERB_FIRST: Final = re.compile(
    r"^.{0,120}(?:schrieb am|skrev den|schreef op|wrote (?:on|in message)|a écrit le)\b.{0,200}\d", re.IGNORECASE
)
_YEAR: Final = re.compile(r"\b(?:19|20)\d\d\b")
_TIME: Final = re.compile(r"\d[:.h]\d{2}(?!\d)")
_VERB_THEN_DATE: Final = re.compile(
    rf"(?:{_VERB.pattern})\ (?:\w{{2,3}}\ )?\w{{0,12}},?\ ?\d[\w\ ,./+-]{{4,40}}\d[:.h]\d{{2}}.{{0,12}}[:：]$",
    re.IGNORECASE | re.VERBOSE,
)
_GROUPWISE: Final = re.compile(r"^>>> ?(?:On .{1,80} in message .{1,200} wrote:|[^\s>].{0,120}\d[:.]\d\d.{0,6} >>>)$")
"""GroupWise's form, which looks like a quote."""
_DASHED: Final = re.compile(r"^-{2,}\s?([^-\s].{0,300}?)\s?-{2,}$")
"""The form between dashes, used by phones and Zoho."""
_SHARED: Final = re.compile(
    r"(?<=\S)[ \t]*-{0,10} ?"
    r"(?=\bOn (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|\d)[^<>:]{5,80}\d:\d\d.{1,200}\bwrote:[ \t]*$)"
)
"""Where an attribution line begins that lost its line break."""
_CANDIDATE: Final = re.compile(r"[:：>\])-]$|GMT|UTC")
_OPEN: Final = re.compile(r"[<(\[,]$|^[^<]*<[^>]*$")
"""The end of a line that was broken within an attribution line."""
_BROKEN: Final = re.compile(r"^(?:mailto:|[>\])]|<\s|<$)")
"""The beginning of a line that was broken within an address."""
_SENTENCE: Final = re.compile(r"[.!?…]$")
_BROKEN_OFF: Final = 20
"""Characters of a line that was too long to stay whole."""
_LONGEST: Final = 500
_LINES: Final = 5
_SHORT: Final = 80
"""Longest attribution line without a date and an address, in characters."""


def bare(line: str) -> str:
    """The line without blanks and emphasis around it, cut to the length that expressions may see."""
    line = line[:_LONGEST]
    return line.lstrip(_DRESS).rstrip(_DRESS + "\\") or line.strip()


def shared(line: str) -> int:
    """Where an attribution line begins that shares the line with the answer; 0 if none does."""
    if not line.endswith(("wrote:", "wrote: ")) or len(line) > _LONGEST or line.lstrip().startswith(">"):
        return 0
    found = _SHARED.search(line)
    return found.start() if found else 0


def looks_quoted(line: str) -> bool:
    """Whether a line with a quote mark is an attribution line."""
    return line.startswith(">>>") and bool(_GROUPWISE.match(line[:_LONGEST].rstrip()))


def announces(lines: list[str], index: int, *, quoted_next: bool) -> int:
    """Number of lines up to `lines[index]` that form an attribution line; 0 if they do not.

    `lines` are bare. `quoted_next`: a line with a quote mark follows, so less evidence is needed.
    """
    last = lines[index]
    if quoted_next and _VERB_FIRST.match(last):
        return 1
    if not (_CANDIDATE.search(last) or _ENDS_WITH_VERB.search(last[-_VERB_LENGTH:])):
        return 0
    if _is_dashed(last) or _GMT.match(last) or _GROUPWISE.match(last):
        return 1
    return _joined_upwards(lines, index, quoted_next=quoted_next)


def _joined_upwards(lines: list[str], index: int, *, quoted_next: bool) -> int:
    """Number of lines up to `lines[index]` that announce when they are joined; 0 if they do not.

    One blank line may be among them, where an address was broken.
    """
    joined, blanks = "", 0
    for count, line in enumerate(_upwards(lines, index), 1):
        blanks += not line
        if blanks and (blanks > 1 or not _BROKEN.match(joined)):
            return 0
        joined = f"{line} {joined}".strip()
        if line and not _BROKEN.match(joined) and _is_announcement(joined, quoted_next=quoted_next):
            return count + _continued(lines, index - count, joined)
    return 0


def _upwards(lines: list[str], index: int) -> Iterator[str]:
    """The lines of which an announcement may consist, the last one first."""
    return reversed(lines[max(0, index - _LINES + 1) : index + 1])


def _is_dashed(line: str) -> bool:
    inside = _DASHED.match(line)
    return bool(inside and _VERB.search(inside[1]))


def _is_announcement(joined: str, *, quoted_next: bool) -> bool:
    """Whether the joined lines announce: by verb, date and address; the fewer of these, the more must follow."""
    if len(joined) > _LONGEST:
        return False
    if _DATE_FIRST.match(joined) or _is_dashed(joined):
        return True
    if not _ENDS.search(joined):
        return _ends_with_verb(joined)
    if _says_who_and_when(joined):
        return True
    return bool(_VERB.search(joined)) and _is_plausible(joined, quoted_next=quoted_next)


def _ends_with_verb(joined: str) -> bool:
    """Whether a line without a colon announces: its verb is the last word, and it says exactly who or when."""
    exact = "@" in joined or (_YEAR.search(joined) and _TIME.search(joined))
    return bool(exact and _ENDS_WITH_VERB.search(joined[-_VERB_LENGTH:])) and _begins_with_date(joined)


def _says_who_and_when(joined: str) -> bool:
    """Whether a line with a colon announces, whatever its verb is: by a date and an address in the usual places."""
    if _VERB_THEN_DATE.search(joined):
        return True
    return bool((_BRACKETED.search(joined) or _ADDRESS_LAST.match(joined)) and _WHEN.search(joined))


def _is_plausible(joined: str, *, quoted_next: bool) -> bool:
    """Whether a line with a verb and a colon announces, and is not a sentence of the answer."""
    if not _EVIDENCE.search(joined):
        return quoted_next and len(joined) <= _SHORT
    return quoted_next or "@" in joined or _begins_with_date(joined)


def _begins_with_date(joined: str) -> bool:
    return bool(_LEAD.match(joined) and _WHEN.search(joined))


def _continued(lines: list[str], index: int, joined: str) -> int:
    """How many lines above `joined` belong to the announcement: those up to what it lacks of date and address."""
    found = 0
    for count, line in enumerate(_upwards(lines, index), 1):
        if not line or _SENTENCE.search(line):
            break
        if _goes_on(line, joined) or (len(line) >= _BROKEN_OFF and _supplies(line, joined)):
            found, joined = count, f"{line} {joined}"
    return found


def _goes_on(line: str, joined: str) -> bool:
    """Whether a line begins an announcement that ends with `joined`, or was broken in the middle of an address."""
    begins = _LEAD.match(line) and ("@" in line or _WHEN.search(line))
    return bool(begins or joined.startswith("<") or (_OPEN.search(line) and _EVIDENCE.search(line)))


def _supplies(line: str, joined: str) -> bool:
    """Whether a line has the date or the address that `joined` lacks."""
    return ("@" in line and "@" not in joined) or bool(_WHEN.search(line) and not _WHEN.search(joined))
