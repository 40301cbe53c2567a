"""An IMAP server of a few mails that bends its answers: what servers were seen to do, and what they might."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.servers.talking import TalkingServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

Part = tuple[bytes, "bytes | memoryview | None"]
"""What stands behind `BODY[]`, such as `<0>`, and the body; None is NIL."""
Answer = Part | None | bytes
"""What is answered for a body: bytes refuse the command with these words, None leaves the item out.

Bytes that begin with `*` are said as they are, and then the server hangs up.
"""
Slicer = "Callable[[memoryview, int, int], Answer]"

VALIDITY: Final = 7
_PARTIAL: Final = re.compile(rb"BODY\.PEEK\[\](?:<(\d+)\.(\d+)>)?")
_FIELDS: Final = re.compile(rb"BODY\.PEEK\[HEADER\.FIELDS \(MESSAGE-ID\)\]")


def right(mail: memoryview, start: int, length: int) -> Answer:
    """As RFC 3501 wants it."""
    return b"<%d>" % start, mail[start : start + length]


SLICES: Final[Mapping[str, Callable[[memoryview, int, int], Answer]]] = {
    "right": right,
    "capped": lambda mail, start, length: right(mail, start, min(length, 300_000)),
    "short": lambda mail, start, length: right(mail, start, length - 10 * bool(start)),
    "first short": lambda mail, start, length: right(mail, start, length - 10 * (not start)),
    "nil later": lambda mail, start, length: right(mail, start, length) if not start else (b"<%d>" % start, None),
    "nil": lambda _, start, __: (b"<%d>" % start, None),
    "plain nil later": lambda mail, start, length: right(mail, start, length) if not start else (b"", None),
    "empty later": lambda mail, start, length: right(mail, start, length * (not start)),
    "left out later": lambda mail, start, length: right(mail, start, length) if not start else None,
    "refused": lambda *_: b"NO too large",
    "refused later": lambda mail, start, length: b"BAD what?" if start else right(mail, start, length),
    "refused beyond": lambda mail, start, length: (
        b"NO no such octet" if start >= len(mail) else right(mail, start, length)
    ),
    "whole": lambda mail, _, __: (b"", mail),
    "whole, said to be a part": lambda mail, start, _: (b"<%d>" % start, mail),
    "whole, said to be a part with a length": lambda mail, start, length: (b"<%d.%d>" % (start, length), mail),
    "all that follows": lambda mail, start, _: (b"<%d>" % start, mail[start:]),
    "with its length": lambda mail, start, length: (b"<%d.%d>" % (start, length), mail[start : start + length]),
    "without its place": lambda mail, start, length: (b"", mail[start : start + length]),
    "always the first": lambda mail, _, length: right(mail, 0, length),
    "first without its place": lambda mail, start, length: (
        right(mail, start, length) if start else (b"", mail[:length])
    ),
}
"""How a slice is answered."""

WHOLES: Final[Mapping[str, Callable[[memoryview], Answer]]] = {
    "right": lambda mail: (b"", mail),
    "nil": lambda _: (b"", None),
    "left out": lambda _: None,
    "empty": lambda mail: (b"", mail[:0]),
    "refused": lambda _: b"NO server error",
    "misunderstood": lambda _: b"BAD Command Error. 10",
    "a part": lambda mail: (b"<0>", mail[:1000]),
}
"""How all of a message is answered; none of the wrong answers can be taken for a mail."""


def header(mail: memoryview) -> Answer:
    """As RFC 3501 wants it."""
    content = bytes(mail)
    return b"", mail[: content.find(b"\n\n") + 2 if b"\n\n" in content else len(content)]


HEADERS: Final[Mapping[str, Callable[[memoryview], Answer]]] = {
    "right": header,
    "nil": lambda _: (b"", None),
    "left out": lambda _: None,
    "empty": lambda mail: (b"", mail[:0]),
    "refused": lambda _: b"NO server error",
    "misunderstood": lambda _: b"BAD Command Error. 10",
    "cut off": lambda mail: (b"", mail[:20]),
    "without its blank line": lambda mail: (b"", mail[: bytes(mail).find(b"\n\n") + 1]),
    "whole": lambda mail: (b"", mail),
    "hangs up": lambda _: b"* BYE tired",
}
"""How a header is answered."""


@dataclass
class Bend:
    """What is wrong with a server, or with one mail of it.

    `told` is what it says of a size, `later` what it says with a body; None says nothing. `split` answers a body in a
    response of its own, `dated` tells INTERNALDATE with a body. `cut` is after how many octets of a body's answer the
    line is cut. `longer` is by how many octets a body is said to be longer than it is, `more` is said behind it.
    `refuses` are the commands that are refused, with what is said; None hangs up. `only` is a UID without which they
    are not.
    """

    slices: Callable[[memoryview, int, int], Answer] = right
    whole: Callable[[memoryview], Answer] = WHOLES["right"]
    head: Callable[[memoryview], Answer] = header
    told: Callable[[int], int | None] = lambda size: size
    later: Callable[[int], int | None] | None = None
    split: bool = False
    dated: bool = True
    cut: int | None = None
    longer: int = 0
    more: bytes = b""
    refuses: dict[bytes, bytes | None] = field(default_factory=dict)
    only: int = 0


class BentServer(TalkingServer):
    """Folders of mails by UID, for one client at a time. `bends` are those of single mails."""

    def __init__(
        self,
        mails: Iterable[bytes],
        bend: Bend,
        bends: Mapping[int, Bend] | None = None,
        offers: bytes = b"UIDPLUS MOVE",
    ) -> None:
        self.folders: dict[bytes, dict[int, bytes]] = {b"INBOX": dict(enumerate(mails, 1))}
        self.bend = bend
        self.bends = bends or {}
        self.asked: list[bytes] = []
        """The FETCH commands for bodies."""
        self._deleted: set[int] = set()
        self._offers = offers
        self._selected = b"INBOX"
        super().__init__((b"* OK ready\r\n",), self._answer)

    @property
    def mails(self) -> dict[int, bytes]:
        """Those of the selected folder."""
        return self.folders.get(self._selected, {})

    def _answer(self, line: bytes) -> Iterator[bytes | memoryview]:
        tag, _, rest = line.partition(b" ")
        command, _, arguments = rest.upper().removeprefix(b"UID ").partition(b" ")
        arguments = rest[len(rest) - len(arguments) :]
        if command in self.bend.refuses and self.bend.only in (0, *self._uids(arguments.split(b" ")[0])):
            refusal = self.bend.refuses[command]
            if refusal is None:
                raise OSError
            yield b"%s %s\r\n" % (tag, refusal)
            return
        if command == b"FETCH":
            yield from self._fetch(tag, arguments, by_uid=rest.upper().startswith(b"UID"))
            return
        answer = getattr(self, f"_{command.decode().lower()}", None)
        if answer is not None:
            yield from answer(arguments)
        yield tag + (b" OK [READ-WRITE] done\r\n" if command == b"SELECT" else b" OK done\r\n")

    def _capability(self, _: bytes) -> Iterator[bytes]:
        yield b"* CAPABILITY IMAP4rev1 " + self._offers + b"\r\n"

    def _list(self, arguments: bytes) -> Iterator[bytes]:
        for name in self.folders:
            if arguments.rsplit(b" ", 1)[-1].strip(b'"') in (name, b"*"):
                yield b'* LIST () "/" ' + name + b"\r\n"

    def _select(self, arguments: bytes) -> Iterator[bytes]:
        self._selected = arguments.strip(b'"')
        yield b"* %d EXISTS\r\n* OK [UIDVALIDITY %d] yes\r\n" % (len(self.mails), VALIDITY)

    _examine = _select

    def _create(self, arguments: bytes) -> Iterator[bytes]:
        self.folders[arguments.strip(b'"')] = {}
        yield from ()

    def _store(self, arguments: bytes) -> Iterator[bytes]:
        if b"\\Deleted" in arguments:
            self._deleted |= set(self._uids(arguments.split()[0]))
        yield from ()

    def _expunge(self, arguments: bytes) -> Iterator[bytes]:
        for uid in set(self._uids(arguments)) & self._deleted:
            self.mails.pop(uid, None)
        yield from ()

    def _copy(self, arguments: bytes) -> Iterator[bytes]:
        uids, _, folder = arguments.partition(b" ")
        target = self.folders[folder.strip(b'"')]
        target |= {len(target) + number: self.mails[uid] for number, uid in enumerate(self._uids(uids), 1)}
        yield from ()

    def _move(self, arguments: bytes) -> Iterator[bytes]:
        yield from self._copy(arguments)
        for uid in list(self._uids(arguments.split()[0])):
            del self.mails[uid]

    def _search(self, arguments: bytes) -> Iterator[bytes]:
        sizes = [int(number) for number in re.findall(rb"(?:LARGER|SMALLER) (\d+)", arguments)]
        named = re.search(rb'HEADER Message-ID "?([^\s"]+)', arguments)
        word = named[1] if named else b""
        found = [b" %d" % uid for uid, mail in self.mails.items() if sizes[0] < len(mail) < sizes[1] and word in mail]
        yield b"* SEARCH" + b"".join(found) + b"\r\n"

    def _uids(self, words: bytes) -> Iterator[int]:
        for word in re.findall(rb"\d[\d:]*", words):
            first, _, last = word.partition(b":")
            yield from (uid for uid in list(self.mails) if int(first) <= uid <= int(last or first))

    # fetch

    def _fetch(self, tag: bytes, arguments: bytes, *, by_uid: bool) -> Iterator[bytes | memoryview]:
        messages, _, items = arguments.partition(b" ")
        numbers = {uid: number for number, uid in enumerate(self.mails, 1)}
        wanted = self._uids(messages) if by_uid else iter(self.mails)
        if b"BODY" in items:
            self.asked.append(arguments)
        for uid in wanted:
            said = self._message(uid, numbers[uid], items)
            if isinstance(said, bytes):
                yield said + b"\r\n" if said.startswith(b"*") else b"%s %s\r\n" % (tag, said)
                if said.startswith(b"*"):
                    raise OSError
                return
            yield from said
        yield tag + b" OK done\r\n"

    def _message(self, uid: int, number: int, items: bytes) -> bytes | Iterator[bytes | memoryview]:
        bend, mail = self.bends.get(uid, self.bend), memoryview(self.mails[uid])
        begin = b"* %d FETCH (UID %d" % (number, uid)
        if b"BODY.PEEK[HEADER]" in items:
            head = bend.head(mail)
            return head if isinstance(head, bytes) else iter((begin, *_body(head, 0, b"HEADER"), b")\r\n"))
        partial = _PARTIAL.search(items)
        if partial is None:
            fields = b"".join(re.findall(rb"(?im)^message-id:.*\r?\n", self.mails[uid])) + b"\r\n"
            found = b" BODY[HEADER.FIELDS (MESSAGE-ID)] {%d}\r\n%s" % (len(fields), fields)
            return iter((begin, self._identity(bend, mail), found if _FIELDS.search(items) else b"", b")\r\n"))
        start, length = partial.groups()
        answer = bend.whole(mail) if start is None else bend.slices(mail, int(start), int(length))
        if isinstance(answer, bytes):
            return answer
        between = b")\r\n" + begin if bend.split else b""
        body = _body(answer, bend.longer)
        return _cut(bend, (begin, self._identity(bend, mail, body=True), between, *body, bend.more, b")\r\n"))

    def _identity(self, bend: Bend, mail: memoryview, *, body: bool = False) -> bytes:
        size = (bend.later or bend.told)(len(mail)) if body else bend.told(len(mail))
        date = b' INTERNALDATE "01-Feb-2026 10:00:00 +0100" FLAGS ()' if bend.dated or not body else b""
        return (b"" if size is None else b" RFC822.SIZE %d" % size) + date


def _body(answer: Part | None, longer: int, section: bytes = b"") -> Iterator[bytes | memoryview]:
    if answer is None:
        return
    origin, body = answer
    yield b" BODY[%s]" % section + origin + (b" NIL" if body is None else b" {%d}\r\n" % (len(body) + longer))
    for start in range(0, len(body or b""), 65536):
        yield (body or b"")[start : start + 65536]


def _cut(bend: Bend, pieces: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """So much of an answer, then none: whoever writes it hangs up."""
    left = bend.cut
    for piece in pieces:
        if left is not None and len(piece) > left:
            yield piece[:left]
            raise OSError
        left = None if left is None else left - len(piece)
        yield piece
