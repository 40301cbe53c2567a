"""parse: decides what is cut from a reply. Dropping a line needs proof, keeping it needs none.

`evidence` finds what may begin a quote. A cut there must not take what the author wrote: where the text above ends with
a colon, a salutation or an open comma, it announces what is below, so that stays. Then the order of answers and quotes
decides which quotes stay: those between answers do, and those of the author's own.
"""

from __future__ import annotations

import re
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail.reply import attribution, quoted_headers, signatures
from trac_mailintake.mail.reply.marks import Mark, by_themselves, groups, runs

if TYPE_CHECKING:
    from collections.abc import Sequence

_ENDS_ADDRESS: Final = re.compile(r"[ \t]*>\s?(?:[^\s>].{0,60}?)?\s?[:：]\W{0,3}$")
"""The end of an attribution line after an address whose bracket was wrapped, which looks like a quote."""
_OTHER_MARKS: Final = frozenset(")|#:}%]")
"""Quote marks that some people choose; only below an announcement."""
_ALIKE: Final = 2
_LOOKED_AT: Final = 4
"""Lines below an announcement that show whether lines are marked so: the first two that are not blank among four."""
_PARTING: Final = 60
"""Up to so many characters below a quote are a greeting, not an answer."""
_STOP: Final = (".", "?", "!", ":", "。", "？")
_COLON: Final = (":", "：")
_COMMA: Final = (",", "，", "、")
_CLOSING_WORDS: Final = 5
_CLOSING_LENGTH: Final = 45
"""Of a closing such as "Kind regards," at most."""
_EMOJI: Final = re.compile(r":[\w+-]{1,20}:$")
_SALUTATION: Final = re.compile(
    r"(?:hello|hi|hey|dear|hallo|liebe[rs]?|guten (?:tag|morgen|abend)|sehr geehrte[rs]?|moin|servus|bonjour|salut"
    r"|chère?|hola|buenos días|estimad[oa]s?|ciao|buongiorno|gentile|olá|prezad[oa]s?|bom dia|beste|geachte|hej|hei"
    r"|kära|kære|bästa|dzień dobry|witam|cześć|dobrý den|ahoj|здравствуйте|добр[ыи]й день|привет|merhaba|sayın"
    r"|tisztelt|kedves|szia|γεια|שלום|مرحبا)\b[^.?!]{0,30}!?$",
    re.IGNORECASE,
)
_JOINS: Final = 3
"""Words of a line that joins two quotations of the author's, such as "to" between old and new."""


class Why(Enum):
    """Why lines are cut."""

    MARKS = "marks"
    HTML = "html"
    ATTRIBUTION = "attribution"
    HEADER = "header"
    SEPARATOR = "separator"
    SIGNATURE = "signature"
    PHONE = "phone"
    FOOTER = "footer"


_TAILS: Final = {
    signatures.Tail.SIGNATURE: Why.SIGNATURE,
    signatures.Tail.PHONE: Why.PHONE,
    signatures.Tail.FOOTER: Why.FOOTER,
}


def dropped(lines: list[str], declared: Sequence[bool]) -> dict[int, Why]:
    """The numbers of the lines to cut, and why; none when no answer would be left.

    `declared`: for each line whether the HTML marks it as quoted.
    """
    weighed = _Weighed(lines, declared)
    weighed.announcements()
    weighed.own_quotations()
    weighed.rulers()
    weighed.tails()
    marks = weighed.marks
    if Mark.NEW not in marks:
        return {}
    first, end = _answered(lines, marks)
    return {
        index: weighed.why.get(index, Why.MARKS)
        for index, mark in enumerate(marks)
        if mark is Mark.ANNOUNCED or mark is Mark.SIGNATURE or (mark is Mark.QUOTED and not first <= index < end)
    }


class _Weighed:
    """The lines of a text with their marks, which the methods change in this order."""

    def __init__(self, lines: list[str], declared: Sequence[bool]) -> None:
        self.lines = lines
        self.declared = declared
        self.bare = [attribution.bare(line) for line in lines]
        self.marks = by_themselves(lines)
        self.why: dict[int, Why] = {}
        self.first = next((index for index, line in enumerate(self.bare) if line), len(lines))
        """The first line that is not blank."""

    # announcements

    def announcements(self) -> None:
        """Announcements, what the HTML declares as quoted, and all that follows an announcement without quote marks."""
        following = _quoted_after(self.marks)
        index, size = 0, len(self.lines)
        while index < size:
            if self.declared[index] and self.marks[index] is not Mark.BLANK:
                index = self._declared(index)
            elif self.marks[index] is Mark.NEW or self._ends_address(index):
                index = self._announcement(index, following)
            else:
                index += 1

    def _declared(self, index: int) -> int:
        """Mark what the HTML declares, from a line on. Returns the line after it."""
        end = index
        while end < len(self.lines) and self.declared[end]:
            end += 1
        begin = quoted_headers.top(self.bare, index)
        signs = not any(
            self.marks[place] is Mark.QUOTED or self._finding(place, quoted_next=True)
            for place in range(index, min(end, index + 4))
        )
        if not self._is_open(begin, signs=signs and end - index <= signatures.MOST_LINES):
            self._mark(begin, end, Mark.ANNOUNCED, Why.HTML)
        return end

    def _announcement(self, index: int, following: Sequence[bool]) -> int:
        """Mark the announcement at a line, if any. Returns the line after it, or after all that it announces."""
        if quoted_headers.forwards(self.bare[index]):
            self._mark(index, len(self.lines), Mark.FORWARDED, Why.SEPARATOR)
            return len(self.lines)
        found = self._finding(index, quoted_next=following[index])
        if found is None:
            return index + 1
        why, begin, end = found
        if self._is_open(begin, signs=False):
            return end
        self._mark(begin, end, Mark.ANNOUNCED, why)
        quoted = following[end - 1] or self._quoted_otherwise(end)
        if quoted or (why is Why.ATTRIBUTION and self.first >= begin):
            return end
        self._mark(end, len(self.lines), Mark.ANNOUNCED, why)
        return len(self.lines)

    def _quoted_otherwise(self, begin: int) -> bool:
        """Whether the lines below an announcement have quote marks of another kind, which are marked then."""
        some = list(islice((line[:1] for line in self.lines[begin : begin + _LOOKED_AT] if line.strip()), _ALIKE))
        if len(some) < _ALIKE or len(set(some)) > 1 or some[0] not in _OTHER_MARKS:
            return False
        for index in range(begin, len(self.lines)):
            if self.lines[index].startswith(some[0]):
                self.marks[index] = Mark.QUOTED
        return True

    def _finding(self, index: int, *, quoted_next: bool) -> tuple[Why, int, int] | None:
        """What announces a quote at a line: why, its first line, and the line after it. This weighs all evidence."""
        if quoted_headers.separates(self.bare[index]):
            block = self._block(index + 1, above=self.bare[index : index + 1])
            begin, end = quoted_headers.top(self.bare, index), block or index + 1
            within = self._is_text(index - 1) and self._is_text(index + 1)
            return None if within and not block else (Why.SEPARATOR, begin, end)
        announcement = attribution.announces(self.bare, index, quoted_next=quoted_next, on_top=index == self.first)
        if announcement is not None and self._is_alone(index, announcement):
            return Why.ATTRIBUTION, quoted_headers.top(self.bare, index - announcement.count + 1), index + 1
        if not quoted_headers.opens(self.bare[index]):
            return None
        begin = quoted_headers.top(self.bare, index, dated=True)
        end = self._block(index, above=self.bare[begin:index])
        return (Why.HEADER, begin, end) if end else None

    def _block(self, index: int, *, above: Sequence[str]) -> int:
        """The line after the header block at a line, or after blank lines below it; 0 if none is there."""
        while index < len(self.bare) and not self.bare[index]:
            index += 1
        found = quoted_headers.block(self.bare, index) if index < len(self.bare) else None
        titled, ruled = any(map(quoted_headers.titles, above)), any(map(quoted_headers.rules, above))
        return found.end if found and found.proves(titled=titled, ruled=ruled) else 0

    def _is_text(self, index: int) -> bool:
        return 0 <= index < len(self.marks) and self.marks[index] is Mark.NEW

    def _is_alone(self, index: int, announcement: attribution.Announcement) -> bool:
        """Whether no line like the announcement is beside it: several of them are a log."""
        below = index + 1
        if not self._is_text(below) or announcement.proof is not attribution.Proof.STRONG:
            return True
        return not attribution.resembles(self.bare[index - announcement.count + 1], self.bare[below])

    def _ends_address(self, index: int) -> bool:
        """Whether a line is the end of an address and of the announcement with it, and only looks like a quote."""
        if self.marks[index] is not Mark.QUOTED or not self._is_text(index - 1):
            return False
        above = " ".join(self.bare[max(0, index - 3) : index])
        return above.count("<") > above.count(">") and bool(_ENDS_ADDRESS.match(self.lines[index][:100]))

    def _is_open(self, begin: int, *, signs: bool) -> bool:
        """Whether the text above a line announces what is there, so that it must not be cut.

        With `signs` what is there is a signature, which a closing such as "Kind regards," does not go without.
        """
        above = self._above(begin, reach=4)
        if above < 0 or self.marks[above] is not Mark.NEW:
            return False
        line, first = self.bare[above], above == self.first
        if line.endswith(_COMMA):
            return first or signs or not _is_closing(line)
        if line.endswith(_COLON):
            return not _EMOJI.search(line)
        return first and not signs and " " in line and bool(_SALUTATION.match(line))

    def _above(self, begin: int, *, reach: int) -> int:
        """The nearest line above one that is not blank; -1 if there is none within reach."""
        return next((index for index in range(begin - 1, max(-1, begin - 1 - reach), -1) if self.bare[index]), -1)

    # quotations

    def own_quotations(self) -> None:
        """Quotes that the author introduces are theirs: below a colon or a comma, and others that belong to these."""
        own = False
        before = list(self.marks)
        for start, end in runs(self.marks, Mark.QUOTED):
            above = self._above(start, reach=3)
            if above < 0 or before[above] is not Mark.NEW:
                own = False
                continue
            line = self.bare[above]
            joins = own and above == start - 1 and len(line.split()) <= _JOINS and not line.endswith(_STOP)
            own = line.endswith((*_COLON, *_COMMA)) or joins
            if own:
                self.marks[start:end] = [Mark.NEW] * (end - start)

    def rulers(self) -> None:
        """A ruler between an answer and the quote below it belongs to the quote, if it underlines nothing."""
        for start, _ in runs(self.marks, Mark.QUOTED):
            above = self._above(start, reach=2)
            ruler = above > 0 and self.marks[above] is Mark.NEW and quoted_headers.ends(self.bare[above])
            if ruler and not self.bare[above - 1]:
                self._mark(above, above + 1, Mark.ANNOUNCED, Why.SEPARATOR)

    # signatures

    def tails(self) -> None:
        """The ends of the first and the last piece of the answer may be signatures and footers, one below another."""
        pieces = [piece for piece in _pieces(self.marks) if Mark.NEW in self.marks[slice(*piece)]]
        for piece in {pieces[0], pieces[-1]} if pieces else ():
            self._tails(*piece)

    def _tails(self, start: int, end: int) -> None:
        chapters = signatures.has_chapters(self.lines[start:end])
        while found := signatures.begin(self.lines, self.bare, start, end, chapters=chapters):
            begin, tail = found
            if self._is_open(begin, signs=tail is signatures.Tail.SIGNATURE):
                return
            self._mark(begin, end, Mark.SIGNATURE, _TAILS[tail])
            end = begin

    def _mark(self, begin: int, end: int, mark: Mark, why: Why) -> None:
        self.marks[begin:end] = [mark] * (end - begin)
        self.why.update(dict.fromkeys(range(begin, end), why))


def _is_closing(line: str) -> bool:
    """Whether a line that ends with a comma may be a closing such as "Kind regards,"."""
    return len(line) <= _CLOSING_LENGTH and len(line.split()) <= _CLOSING_WORDS


def _quoted_after(marks: Sequence[Mark]) -> list[bool]:
    """For each line whether the next one that is not blank has a quote mark."""
    result = [False] * len(marks)
    quoted = False
    for index in range(len(marks) - 1, -1, -1):
        result[index] = quoted
        if marks[index] is not Mark.BLANK:
            quoted = marks[index] is Mark.QUOTED
    return result


def _pieces(marks: Sequence[Mark]) -> list[tuple[int, int]]:
    """Beginning and end of each run of new and blank lines."""
    return runs([Mark.NEW if mark is Mark.BLANK else mark for mark in marks], Mark.NEW)


def _answered(lines: Sequence[str], marks: Sequence[Mark]) -> tuple[int, int]:
    """The range in which quotes stay: those that are answered in place, and one at the top that nothing announces."""
    found = groups(marks)
    kinds = [marks[start] for start, _ in found]
    first, last = kinds.index(Mark.NEW), len(kinds) - 1 - kinds[::-1].index(Mark.NEW)
    begin, end = found[first][0], found[last][0]
    if _is_answered(kinds[first:last], lines[end:]):
        return 0, end
    return (begin if Mark.ANNOUNCED in kinds[:first] else 0), begin


def _is_answered(kinds: Sequence[Mark], below: Sequence[str]) -> bool:
    """Whether one of the quotes between the first and the last new text is answered.

    `kinds` are the kinds of the groups from the one to the other, `below` are the lines from the last new text on.
    A single announced quote with no more than a greeting below it is not answered.
    """
    quotes = kinds.count(Mark.QUOTED)
    announced = quotes == 1 and kinds[kinds.index(Mark.QUOTED) - 1] is Mark.ANNOUNCED
    return quotes > 0 and not (announced and _is_parting(below))


def _is_parting(lines: Sequence[str]) -> bool:
    """Whether the lines are a greeting and a name at most, which answer nothing."""
    text = "\n".join(lines).strip()
    return len(text) <= _PARTING and not text.endswith(_STOP)
