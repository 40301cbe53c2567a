"""parse: recognises attribution lines, with which mail clients announce a quote, in many languages.

Rules look for what these lines have in common (a verb of writing, a date, an address, a colon at the end), not for the
wording of one version of one client. All expressions run on lines of limited length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_DRESS: Final = " \t\r\f\v\u00a0\u2002\u2003\u2009\u202f\u3000*_'|\u200b\u200e\u200f\u202a\u202b\u202c\ufeff"
"""Blanks and emphasis around a line, also those of wiki text, and direction marks."""

_VERB: Final = re.compile(
    r"""\b(?:wrote|writes|schrieb|a\ écrit|a\ ecrit|écrivait|escribió|escribio|ha\ scritto|scrive|escreveu
    |schreef|geschreven|geschrieben|skrev|skreiv|napisał(?:\(?a\)?)?|napsal(?:\(a\)|a)?|napísal(?:\(a\)|a)?
    |kirjoitti|kirjutas|írta|a\ scris|написа(?:л(?:\(а\)|а)?|в|ла)|пишет|пише|пишу|pisze|rašė|έγραψε
    |yazdı|şunu\ yazdı|שלח|כתב|كتب
    |napisao|napisala|je\ napisal|parašė|rakstīja|đã\ viết|menulis|ha\ escrit|a\ dit
    |missatge\ de|quoting|zitat\ von|citando(?:\ a)?|citerar)(?!\w)
    |写道|寫道|เขียนว่า|さんは書きました|のメッセージ|작성|님이\ 작성""",
    re.IGNORECASE | re.VERBOSE,
)
_LEAD: Final = re.compile(
    r"(?:on|am|le|el|il|em|op|den|på|w dniu|dnia|dne|dňa|a|ma|ti|ke|to|pe|la|su|pada|vào|στις|în|у|в|от|at|von|de|from"
    r"|于|在|quoting|citando|zitat von)\b|\d",
    re.IGNORECASE,
)
_ENDS: Final = re.compile(r"[:：]$")
_ENDS_WITH_VERB: Final = re.compile(rf"(?:{_VERB.pattern})$", re.IGNORECASE | re.VERBOSE)
_VERB_LENGTH: Final = 24
_BRACKETED: Final = re.compile(
    r"[<(]\s?[\u202a\u202b]?(?:mailto:)?[^<>\s]{1,100}@[^<>\s]{1,200}[\u200f\u202c]{0,2}\s?[>)]"
)
_DATE_FIRST: Final = re.compile(rf"^\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}\b[^<>]{{0,100}}{_BRACKETED.pattern}$")
_GMT: Final = re.compile(r"^\d{4}-\d{2}-\d{2} \d{1,2}:\d{2} (?:GMT|UTC)[+-]\d{2}:\d{2} \S.{0,80}$")
"""Gmail's form without a language; a name follows, and perhaps an address."""
_VERB_FIRST: Final = re.compile(
    r"^.{0,120}(?:schrieb am|skrev den|schreef op|wrote (?:on|in message)|a écrit le)\b.{0,200}\d", re.IGNORECASE
)
_TIME: Final = re.compile(r"\d[:.h]\d{2}(?!\d)")
_GROUPWISE: Final = re.compile(r"^>>> ?(?:On .{1,80} in message .{1,200} wrote:|[^\s>].{0,120}\d[:.]\d\d.{0,6} >>>)$")
"""GroupWise's form, which looks like a quote."""
_DASHED: Final = re.compile(r"^-{2,}\s?([^-\s].{0,300}?)\s?-{2,}$")
"""The form between dashes, used by phones and Zoho."""
_SHARED: Final = re.compile(
    r"(?<=\S)[ \t]*-{0,10} ?"
    r"(?=\bOn (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|\d)[^<>:]{5,80}\d:\d\d.{1,200}\bwrote:[ \t]*$)"
)
"""Where an attribution line begins that lost its line break."""
_ASIDE: Final = re.compile(r"\([^()@]{0,60}\)")
_CANDIDATE: Final = re.compile(r"[:：>\])-]$|GMT|UTC")
_BROKEN: Final = re.compile(r"^(?:mailto:|[>\])]|<\s|<$)")
"""The beginning of a line that was broken within an address."""
_SENTENCE: Final = re.compile(r"[!?…]$|[^\W\d_]{5,}\.$|(?<![\d.,])\s[^\W\d_]{3,4}\.$")
_ADDRESS: Final = re.compile(r"[^\s<>@]{1,64}@[^\s<>@]{3,}")
_DATE: Final = re.compile(
    r"\b(?:19|20|25)\d\d\b|\b\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2,4}|\d[年月년월]"
    r"|\b\d{1,2}[- ]\w{3,9}\.?[- ]\d\d(?!\d|:)"
)
_TO_ADDRESS: Final = re.compile(
    rf"(?:{_VERB.pattern})\ (?:to|an|an\ den|à|a|al|aan|till|til)\ \S*@", re.IGNORECASE | re.VERBOSE
)
"""Somebody wrote *to* the address: a sentence."""
_NAMELESS: Final = re.compile(r"^\W*(?:On|Am|Le|El|Il|Op|Den|På|Em|Pe|At|In|The|Since|From)\b")
"""How lines begin in languages whose attribution lines always have a verb."""
_WORD: Final = re.compile(r"[^\W\d_][^\W\d_'’.-]*")
_DETERMINER: Final = re.compile(
    r"(?:the|my|our|your|his|her|their|der|die|das|unser|ihr|mein|le|la|les|el|il|lo)\b", re.IGNORECASE
)
_SMALL: Final = frozenset(
    """
    a al alle am article at bin by cest cet da dated de del den der des di dne dnia do dos du dňa e ecrit el
    em escribió ezt folgendes from geschreven geschrieben giorno gmt h hat heeft het ibn időpont il in je
    kello keltezéssel kl klo kontakt kuupäeval la las le lietotājs los mailto message nd news o ob och
    odesílatel og om on op ore oseba pe plkst pm på rd re scritto st tarihinde ten ter th u uhr um und utc
    użytkownik użytkownika v van via volgende vom von w y you zu zum à às écrit în şunu μ ο π στις в время г
    от пользователь р у ч час
    """.split()  # noqa: SIM905 - a list of words
)
"""Small words of attribution lines, and particles of names."""
_STAMPED: Final = re.compile(r".{3,200}\[\d[\d :.-]{6,20}\]:$")
_BEGINS: Final = re.compile(rf"^(?:{_LEAD.pattern})(?=.*(?:\d|,))", re.IGNORECASE)
_LOGGED: Final = re.compile(r"\[?\d[\d.:/T-]{3,}")
_DIGIT: Final = re.compile(r"\d")
_LONGEST: Final = 500
_LINES: Final = 5
_SHORT: Final = 80
"""Longest attribution line without a date and an address, in characters."""
_NAME_WORDS: Final = 6


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


def looks_quoted(line: str, below: str = "") -> bool:
    """Whether a line with a quote mark is an attribution line, by itself or with the line below it."""
    if not line.startswith(">>> "):
        return False
    line = line[:_LONGEST].rstrip()
    return bool(_GROUPWISE.match(line)) or (
        below.endswith(">>>") and bool(_GROUPWISE.match(f"{line} {below[:_LONGEST]}"))
    )


class Fact(Enum):
    """What can be told of a line that may announce a quote."""

    DASHED = auto()
    """A verb of writing between dashes."""
    GROUPWISE = auto()
    DATE_FIRST = auto()
    """A date, a name and an address, and nothing else."""
    COLON = auto()
    """It ends with a colon."""
    ENDS = auto()
    """It ends with a colon or a verb of writing."""
    VERB = auto()
    NO_VERB = auto()
    """It needs none."""
    ADDRESS = auto()
    DATE = auto()
    TIME = auto()
    NO_TIME = auto()
    NAMED = auto()
    """The words beside date and verb may be a name."""
    ONE_WORD = auto()
    """There is exactly one of them."""
    SHORT = auto()


class Proof(Enum):
    """How well a line proves that it announces a quote."""

    WEAK = auto()
    """It names a person or an address: enough if a quote mark follows."""
    STRONG = auto()
    """It names who and when, in the way of a mail program: all that follows is quoted."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """An attribution line that consists of `count` lines, the last of which was asked about."""

    count: int
    proof: Proof


_PATTERNS: Final = {
    Fact.DASHED: _DASHED,
    Fact.GROUPWISE: _GROUPWISE,
    Fact.DATE_FIRST: _DATE_FIRST,
    Fact.COLON: _ENDS,
    Fact.VERB: _VERB,
    Fact.ADDRESS: _ADDRESS,
    Fact.DATE: _DATE,
    Fact.TIME: _TIME,
}
_ENDINGS: Final = {Fact.COLON, Fact.ENDS, Fact.DASHED, Fact.GROUPWISE, Fact.DATE_FIRST}
"""Facts without which nothing is announced."""
_STRONG: Final = (
    {Fact.DASHED, Fact.VERB},
    {Fact.GROUPWISE},
    {Fact.DATE_FIRST, Fact.NAMED},
    {Fact.DATE_FIRST, Fact.NO_TIME},
    {Fact.ENDS, Fact.VERB, Fact.ADDRESS, Fact.DATE},
    {Fact.COLON, Fact.NO_VERB, Fact.ADDRESS, Fact.DATE},
    {Fact.ENDS, Fact.VERB, Fact.NAMED, Fact.DATE, Fact.TIME},
)
"""Facts that together prove that all below is quoted: who, and when, in the way of a mail program."""
_WEAK: Final = (
    {Fact.COLON, Fact.VERB, Fact.ADDRESS},
    {Fact.COLON, Fact.VERB, Fact.DATE, Fact.TIME},
    {Fact.COLON, Fact.VERB, Fact.NAMED, Fact.SHORT},
    {Fact.COLON, Fact.VERB, Fact.ONE_WORD, Fact.SHORT},
)
"""Facts that together prove it if a quote mark follows: who, or when."""


def resembles(line: str, other: str) -> bool:
    """Whether two lines both begin with a date or time, as those of a log do."""
    return bool(_LOGGED.match(line) and _LOGGED.match(other))


def announces(lines: list[str], index: int, *, quoted_next: bool, on_top: bool = False) -> Announcement | None:
    """The attribution line that ends at `lines[index]`, or None. `lines` are bare.

    `quoted_next`: a line with a quote mark follows. Without one, only strong proof is an announcement.
    `on_top`: nothing is above the line, so that a verb is enough before a quote mark.
    """
    last = lines[index]
    if quoted_next and (_VERB_FIRST.match(last) or (on_top and _says(last))):
        return Announcement(_extended(lines, index, 1), Proof.WEAK)
    if not _may_announce(lines, index, weakly=quoted_next):
        return None
    if _GMT.match(last):
        return Announcement(1, Proof.STRONG)
    found = _proved(lines, index, weakly=quoted_next)
    return found and Announcement(_extended(lines, index, found.count), found.proof)


def _may_announce(lines: list[str], index: int, *, weakly: bool) -> bool:
    """Whether a line is worth a closer look: it ends as announcements do, with a date near unless little is enough."""
    last = lines[index]
    if not (_CANDIDATE.search(last) or _ENDS_WITH_VERB.search(last[-_VERB_LENGTH:])):
        return False
    return weakly or bool(_DATE.search(" ".join(lines[max(0, index - _LINES + 1) : index + 1])))


def _proved(lines: list[str], index: int, *, weakly: bool) -> Announcement | None:
    """The fewest lines that prove strongly, else, with `weakly`, the fewest that prove at all."""
    weak = None
    for count, joined in _joins(lines, index):
        proof = _proof(_facts(joined))
        if proof is Proof.STRONG:
            return Announcement(count, proof)
        if proof and weakly and not weak:
            weak = Announcement(count, proof)
    return weak


def _says(line: str) -> bool:
    """Whether a short line says no more than that somebody wrote."""
    if len(line) > _SHORT or not _ENDS.search(line) or _DETERMINER.match(line) or "," in line:
        return False
    return bool(_ENDS_WITH_VERB.search(line[:-1].rstrip()[-_VERB_LENGTH:]))


def _joins(lines: list[str], index: int) -> Iterator[tuple[int, str]]:
    """The line, joined with more and more of those above it: up to five, one of them blank where an address broke."""
    joined, blanks = "", 0
    for count, line in enumerate(reversed(lines[max(0, index - _LINES + 1) : index + 1]), 1):
        blanks += not line
        if not _may_join(line, joined, blanks):
            return
        joined = f"{line} {joined}".strip()
        if line and _is_whole(joined, lines[max(0, index - count)]):
            yield count, joined


def _may_join(line: str, joined: str, blanks: int) -> bool:
    """Whether a line may belong to those below it, of which `joined` consists."""
    if not joined:
        return True
    if len(line) + len(joined) > _LONGEST or _SENTENCE.search(line):
        return False
    return bool(line) or (blanks == 1 and bool(_BROKEN.match(joined)))


def _is_whole(joined: str, above: str) -> bool:
    """Whether no address was broken at the beginning of joined lines; `above` is the line above them."""
    if joined.count(">") > joined.count("<") and "<" in above:
        return False
    return not _BROKEN.match(joined) or joined.startswith(">>> ")


def _facts(joined: str) -> frozenset[Fact]:
    """What can be told of joined lines. A sentence that says that somebody wrote *to* an address tells nothing."""
    found = {fact for fact, pattern in _PATTERNS.items() if pattern.search(joined)}
    if Fact.COLON in found or _ENDS_WITH_VERB.search(joined[-_VERB_LENGTH:]):
        found.add(Fact.ENDS)
    if Fact.TIME not in found:
        found.add(Fact.NO_TIME)
    if Fact.VERB in found and _TO_ADDRESS.search(joined):
        return frozenset()
    return frozenset(found | _of_names(joined)) if found & _ENDINGS else frozenset()


def _of_names(joined: str) -> set[Fact]:
    """What can be told of the words beside date and verb."""
    names = _names(joined)
    facts = {Fact.NAMED} if _is_name(names) else set()
    if _needs_no_verb(joined):
        facts.add(Fact.NO_VERB)
    if len(names) == 1:
        facts.add(Fact.ONE_WORD)
    if len(joined) <= _SHORT and (names or _DATE.search(joined)):
        facts.add(Fact.SHORT)
    return facts


def _proof(facts: frozenset[Fact]) -> Proof | None:
    """What the facts prove."""
    if any(facts >= some for some in _STRONG):
        return Proof.STRONG
    return Proof.WEAK if any(facts >= some for some in _WEAK) else None


def _needs_no_verb(joined: str) -> bool:
    """Whether a language or a program announces without a verb: in most alphabets but Latin, or nothing but a name."""
    if _STAMPED.match(joined):
        return True
    foreign = any(letter > "\u036f" for letter in joined if letter.isalpha())
    return _is_name(_names(joined)) or (foreign and not _NAMELESS.match(joined))


def _is_name(words: Sequence[str]) -> bool:
    """Whether the words beside date and verb are a name: a sentence has words in small letters, too."""
    return len(words) <= _NAME_WORDS and not any(word[0].islower() for word in words)


def _names(joined: str) -> list[str]:
    """The words beside the date, the verb and small words. The word before the date may be a weekday."""
    joined = _ASIDE.sub(" ", joined)
    digits = [match.start() for match in _DIGIT.finditer(joined)]
    if not digits:
        return _words(joined)
    return [*_words(joined[: digits[0]])[:-1], *_words(joined[digits[-1] + 1 :])]


def _words(text: str) -> list[str]:
    """The words of a text without addresses, verbs of writing, and small words."""
    words = _WORD.findall(_VERB.sub(" ", _ADDRESS.sub(" ", text)))
    return [word for word in words if word.casefold() not in _SMALL]


def _extended(lines: list[str], index: int, count: int) -> int:
    """`count`, and the lines above that a program wrapped away from an attribution line.

    Nothing but blank lines is above them, or they begin as attribution lines do.
    """
    top = found = index - count + 1
    longest = max(map(len, lines[top : index + 1]))
    for above in range(top - 1, max(-1, index - _LINES), -1):
        if not _is_wrapped(lines[above], lines[above + 1], longest):
            break
        longest = max(longest, len(lines[above]))
        if above == 0 or not lines[above - 1] or _BEGINS.match(lines[above]):
            found = above
    return index - found + 1


def _is_wrapped(line: str, below: str, longest: int) -> bool:
    """Whether a line goes on below: the first word there would not have fitted, or it was broken at an address."""
    if not line or _SENTENCE.search(line) or line.endswith((":", ";")) or line.startswith(">"):
        return False
    return len(line) + 1 + len(below.split(" ", 1)[0]) >= longest or below.startswith("<") or line.endswith(">")
