"""Compares what was fed with what a stranger sees. Knows nothing of how the product works, only what it promises."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.kills.letters import as_served

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.kills.boxes import Box
    from tests.kills.letters import Letter
    from tests.kills.look import Entry, Place, Tickets

_TOKEN = re.compile(r"\bk(\d+)l(\d+)\b")
_MARK = re.compile(r"\bk(\d+)s\b")


@dataclass
class Findings:
    """What is wrong, in sentences; and how many mails were lost, filed twice, or filed in the wrong place."""

    lost: int = 0
    doubled: int = 0
    misplaced: int = 0
    extra: int = 0
    crashed: int = 0
    bad: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether a promise was broken; one more notification after a death breaks none."""
        return bool(self.lost or self.doubled or self.misplaced or self.bad)


class Check:
    """One comparison."""

    def __init__(self, boxes: Sequence[Box], tickets: Tickets, journal: Sequence[Entry]) -> None:
        self.found = Findings()
        self._boxes = boxes
        self._fed = [letter for box in boxes for letter in box.fed]
        self._tickets = tickets
        self._journal = journal
        self._where: dict[int, list[Place]] = {}
        self._by_letter: dict[int, list[Entry]] = defaultdict(list)
        self._excused: set[int] = set()

    def run(self) -> Findings:
        """Compare everything."""
        self._match_journal()
        self._find_texts()
        self._compare_places()
        self._compare_attachments()
        self._compare_journal()
        self._compare_comment_numbers()
        return self.found

    def _bad(self, sentence: str) -> None:
        self.found.bad.append(sentence)

    # The journal ----------------------------------------------------------------------------------------------------

    def _match_journal(self) -> None:
        forms = {digest: letter for letter in self._fed for digest in as_served(letter.content)}
        for entry in self._journal:
            if entry.rule == "catchemail" and not entry.file:
                continue  # mail for others in a mailbox: nothing of it is kept
            letter = forms.get(entry.sha256)
            if letter is None:
                self._bad(f"delivery {entry.number} ({entry.outcome} {entry.rule}): its bytes were never fed")
            else:
                self._by_letter[letter.number].append(entry)
            if entry.sha256 != entry.said_sha256:
                self._bad(f"delivery {entry.number}: the archive has other bytes than the journal says")
        for letter in self._fed:
            if any(entry.rule == "crashes" for entry in self._by_letter[letter.number]):
                self.found.crashed += 1
                self._excused.add(letter.number)

    def _compare_journal(self) -> None:
        for box in self._boxes:
            for letter in box.fed:
                entries = self._by_letter[letter.number]
                ours = [entry for entry in entries if entry.rule != "catchemail"]
                others = len(entries) - len(ours)
                if len(ours) != 1 or others > len(box.services) - 1:
                    said = [(entry.number, entry.service, entry.outcome, entry.rule) for entry in entries]
                    self._bad(f"{letter.mark} ({letter.shape}): not one row in the journal, but {said}")
                elif letter.original is None:
                    self._compare_row(letter, ours[0])
        self._compare_copies()

    def _compare_row(self, letter: Letter, entry: Entry) -> None:
        places = self._where.get(letter.number, [])
        truth = [("created" if place.comment is None else "commented", place.ticket, place.comment) for place in places]
        said = (entry.outcome, entry.ticket, entry.comment)
        twins = [copy for copy in self._fed if copy.original is letter]
        if said not in truth and not (twins and entry.outcome == "duplicate") and letter.number not in self._excused:
            self._bad(f"{letter.mark}: the journal says {said} ({entry.rule}: {entry.reason}), the truth is {truth}")
        if not entry.disposed and not any(letter in box.fed and box.kind == "pipe" for box in self._boxes):
            self._bad(f"{letter.mark}: the journal says that its copy was not disposed of")

    def _compare_copies(self) -> None:
        same: dict[int, list[Letter]] = defaultdict(list)
        for letter in self._fed:
            same[(letter.original or letter).number].append(letter)
        for number, letters in same.items():
            entries = [e for letter in letters for e in self._by_letter[letter.number] if e.rule != "catchemail"]
            duplicates = sum(entry.outcome == "duplicate" for entry in entries)
            if duplicates != len(letters) - 1 and number not in self._excused:
                said = [(entry.number, entry.outcome, entry.rule) for entry in entries]
                self._bad(f"k{number}s came {len(letters)} times, but the journal has {said}")

    # The tickets ----------------------------------------------------------------------------------------------------

    def _find_texts(self) -> None:
        lines: dict[tuple[int, int], list[Place]] = defaultdict(list)
        for place in self._tickets.places:
            for found in _TOKEN.finditer(place.text):
                lines[int(found[1]), int(found[2])].append(place)
        titles: dict[int, list[int]] = defaultdict(list)
        for ticket, summary in self._tickets.summaries.items():
            for found in _MARK.finditer(summary):
                titles[int(found[1])].append(ticket)
        descriptions = {place.ticket: place for place in self._tickets.places if place.comment is None}
        for letter in self._originals():
            if letter.lines:
                self._compare_lines(letter, [lines[letter.number, i] for i in range(len(letter.lines))])
            else:
                self._settle(letter, [descriptions[ticket] for ticket in titles[letter.number]])

    def _originals(self) -> list[Letter]:
        return [letter for letter in self._fed if letter.original is None]

    def _compare_lines(self, letter: Letter, found: list[list[Place]]) -> None:
        places = list(dict.fromkeys(place for each in found for place in each))
        self._settle(letter, places)
        if places and not all(len(each) == len(places) for each in found):
            self._bad(f"{letter.mark}: a part of its text is missing, or there twice")
        for place in places:
            flat = " ".join(place.text.split())
            if not all(line in flat for line in letter.lines):
                self._bad(f"{letter.mark}: its text in ticket {place.ticket} is not what was written")

    def _settle(self, letter: Letter, places: list[Place]) -> None:
        self._where[letter.number] = places
        if not places and letter.number not in self._excused:
            self.found.lost += 1
            self._bad(f"{letter.mark} ({letter.shape}) is LOST; the journal: {self._said(letter)}")
        if len(places) > 1:
            self.found.doubled += 1
            self._bad(f"{letter.mark} ({letter.shape}) is there TWICE: {[(p.ticket, p.comment) for p in places]}")

    def _said(self, letter: Letter) -> list[tuple[int, str, str, str]]:
        return [(e.number, e.outcome, e.rule, e.reason) for e in self._by_letter[letter.number]]

    def _compare_places(self) -> None:
        for letter in self._originals():
            excused = any(each.number in self._excused for each in _thread(letter))
            for place in self._where[letter.number]:
                home = letter if letter.parent is None else letter.root
                homes = [(found.ticket, found.comment) for found in self._where[home.number]]
                right = place.comment is None if home is letter else place.comment and (place.ticket, None) in homes
                if not right and not excused:
                    self.found.misplaced += 1
                    answered = f", the answer to {letter.parent.mark}" if letter.parent else ""
                    self._bad(
                        f"{letter.mark}{answered} is MISPLACED: in {place.ticket, place.comment}, its thread in {homes}"
                        f"; the journal: {self._said(letter)}, of what it answers:"
                        f" {self._said(letter.parent) if letter.parent else []}"
                    )

    def _compare_attachments(self) -> None:
        expected: dict[int, Counter[str]] = defaultdict(Counter)
        for letter in self._originals():
            for place in self._where[letter.number][:1]:
                expected[place.ticket].update(letter.files)
        found = self._attachments()
        for ticket in {*expected, *found}:
            missing, extra = expected[ticket] - found[ticket], found[ticket] - expected[ticket]
            if missing:
                self.found.lost += 1
                owners = [letter.mark for letter in self._originals() if missing.keys() & set(letter.files)]
                self._bad(f"ticket {ticket}: {missing.total()} attachments are LOST, of one of {owners}")
            if extra:
                self.found.doubled += 1
                self._bad(f"ticket {ticket}: {extra.total()} attachments TOO MANY")
        self.found.bad += [f"the file {stray} belongs to no attachment" for stray in self._tickets.strays]

    def _attachments(self) -> dict[int, Counter[str]]:
        """The digests of each ticket's files."""
        found: dict[int, Counter[str]] = defaultdict(Counter)
        for attached in self._tickets.attached:
            found[attached.ticket][attached.sha256] += 1
            if not attached.whole:
                self._bad(
                    f"ticket {attached.ticket}: the attachment {attached.name} has no file, or one of another size"
                )
        return found

    def _compare_comment_numbers(self) -> None:
        numbers: dict[int, Counter[str | None]] = defaultdict(Counter)
        for place in self._tickets.places:
            if place.comment is not None:
                numbers[place.ticket][place.comment] += 1
        for ticket, counted in numbers.items():
            if counted != Counter(str(number) for number in range(1, counted.total() + 1)):
                self._bad(f"ticket {ticket} has the comments {dict(counted)}")

    # Notifications --------------------------------------------------------------------------------------------------

    def compare_notifications(self, notified: Sequence[tuple[str, str]]) -> None:
        """Each mail that was filed is told of at least once; more are only counted."""
        told: Counter[int] = Counter()
        for subject, text in notified:
            found = {int(match[1]) for match in _TOKEN.finditer(text)}
            if not found and (match := _MARK.search(subject)) and not subject.startswith("Re:"):
                found = {int(match[1])}
            told.update(found)
        for letter in self._originals():
            if self._where[letter.number]:
                self.found.extra += max(0, told[letter.number] - 1)
                if not told[letter.number]:
                    self._bad(f"{letter.mark} ({letter.shape}): nobody was notified of it")


def _thread(letter: Letter) -> list[Letter]:
    found = [letter]
    while found[-1].parent is not None:
        found.append(found[-1].parent)
    return found
