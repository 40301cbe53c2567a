"""Mail that is fed: each with words that occur nowhere else, so that a reader of the tickets can tell where it is."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random

_WORDS: Final = ("apple", "river", "stone", "lamp", "green", "window", "seven", "cloud", "paper", "train", "morning")
_NAMES: Final = ("report.txt", "picture.png", "data.bin", "über.pdf", "log file.txt")
STAFF: Final = "carol@example.org"
"""A user of the Trac, who answers everybody."""

UNUSUAL: Final = ("no-id", "nul", "bare-lf", "empty", "8-bit", "big")
BIG: Final = 1_500_000
_LARGE_FILE: Final = 300_000


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail as it was fed.

    `lines` are the lines of its text that must be found, word for word; `files` the SHA-256 of its attachments.
    `parent` is the mail that it answers, `original` the one that it is another copy of.
    """

    number: int
    content: bytes = field(repr=False)
    shape: str
    sender: str
    address: str
    message_id: str
    lines: tuple[str, ...] = field(default=(), repr=False)
    files: tuple[str, ...] = field(default=(), repr=False)
    parent: Letter | None = field(default=None, repr=False)
    original: Letter | None = field(default=None, repr=False)

    @property
    def root(self) -> Letter:
        """The mail that began the thread."""
        return self if self.parent is None else self.parent.root

    @property
    def mark(self) -> str:
        """What only its subject has."""
        return f"k{self.number}s"

    @property
    def sha256(self) -> str:
        """The digest of its bytes."""
        return hashlib.sha256(self.content).hexdigest()


class Writer:
    """Writes mail to some addresses, by chance; all that it wrote is in `letters`."""

    def __init__(self, chance: random.Random, addresses: tuple[str, ...], *, copies: bool = True) -> None:
        self.letters: list[Letter] = []
        self._chance = chance
        self._addresses = addresses
        self._copies = copies
        self._shared = self._chance.randbytes(5_000)

    def write(self, number: int, answerable: list[Letter]) -> Letter:
        """The next mail: a new one, an answer to one of `answerable`, or a second copy of one of them."""
        chance = self._chance.random()
        known = [letter for letter in answerable if letter.message_id and letter.original is None]
        if known and self._copies and chance < 0.06:
            letter = self._again(number, self._chance.choice(known))
        elif known and chance < 0.36:
            letter = self._answer(number, self._chance.choice(known[-12:]))
        else:
            letter = self._new(number)
        self.letters.append(letter)
        return letter

    def _new(self, number: int) -> Letter:
        shape = self._chance.choice(UNUSUAL) if self._chance.random() < 0.15 else "plain"
        if shape == "big" and self._chance.random() < 0.6:
            shape = "plain"
        sender = f"person{self._chance.randrange(30)}@example.com"
        return self._made(number, shape, sender, self._chance.choice(self._addresses), None)

    def _answer(self, number: int, parent: Letter) -> Letter:
        sender = self._chance.choice((parent.root.sender, STAFF))
        return self._made(number, "plain", sender, parent.address, parent)

    def _again(self, number: int, of: Letter) -> Letter:
        trace = f"Received: from relay{number}.example.net by mx.example.org; Mon, 30 Nov 2026 10:00:00 +0000"
        end = b"\r\n" if b"\r\n" in of.content[:200] else b"\n"
        return Letter(
            number, trace.encode() + end + of.content, "copy", of.sender, of.address, of.message_id, original=of
        )

    def _made(self, number: int, shape: str, sender: str, address: str, parent: Letter | None) -> Letter:
        message_id = "" if shape == "no-id" else f"<k{number}.{self._chance.getrandbits(32):x}@example.com>"
        lines = () if shape == "empty" else tuple(self._line(number, i) for i in range(self._chance.randint(1, 6)))
        files = self._files(shape)
        head = [
            f"From: Somebody <{sender}>",
            f"To: {address}",
            f"Subject: {'Re: ' if parent else ''}Question k{number}s{' grün' if shape == '8-bit' else ''}",
            f"Date: Mon, 30 Nov 2026 {number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02} +0000",
        ]
        head += [f"Message-ID: {message_id}"] if message_id else []
        head += self._references(parent) if parent else []
        content = _assembled(head, shape, lines, files)
        digests = tuple(hashlib.sha256(data).hexdigest() for _, data in files)
        return Letter(number, content, shape, sender, address, message_id, lines, digests, parent)

    def _references(self, parent: Letter) -> list[str]:
        ids: list[str] = []
        each: Letter | None = parent
        while each is not None:
            ids.insert(0, each.message_id)
            each = each.parent
        return [f"In-Reply-To: {parent.message_id}", "References: " + "\n ".join(ids[-8:])]

    def _line(self, number: int, line: int) -> str:
        return " ".join((f"k{number}l{line}", *self._chance.choices(_WORDS, k=self._chance.randint(2, 9))))

    def _files(self, shape: str) -> list[tuple[str, bytes]]:
        if shape == "big":
            return [("large.bin", self._chance.randbytes(BIG))]
        if shape == "empty" or self._chance.random() > 0.3:
            return []
        made = []
        for _ in range(self._chance.randint(1, 3)):
            size = int(10 ** self._chance.uniform(1, 5.4))
            data = self._shared if self._chance.random() < 0.2 else self._chance.randbytes(min(size, _LARGE_FILE))
            made.append((self._chance.choice(_NAMES), data))
        return made


def _assembled(head: list[str], shape: str, lines: tuple[str, ...], files: list[tuple[str, bytes]]) -> bytes:
    text = "".join(f"{line}\n" for line in lines)
    if shape == "nul":
        text += "with a \0 within\n"
    boundary = "=-kills-="
    kind = f'multipart/mixed; boundary="{boundary}"' if files else "text/plain; charset=utf-8"
    whole = "\n".join([*head, "MIME-Version: 1.0", f"Content-Type: {kind}", "", ""])
    if files:
        whole += f"--{boundary}\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
        whole += "".join(map(_part, files, [boundary] * len(files))) + f"--{boundary}--\n"
    else:
        whole += text
    content = whole.encode()
    if shape == "bare-lf":
        # CR LF in the header and in every other line of the body.
        top, _, rest = content.partition(b"\n\n")
        pieces = rest.split(b"\n")
        ends = (b"\n", b"\r\n")
        body = b"".join(piece + ends[i % 2] for i, piece in enumerate(pieces[:-1])) + pieces[-1]
        content = top.replace(b"\n", b"\r\n") + b"\r\n\r\n" + body
    return content


def _part(file: tuple[str, bytes], boundary: str) -> str:
    name, data = file
    encoded = "=?utf-8?b?" + base64.b64encode(name.encode()).decode() + "?=" if not name.isascii() else name
    fields = f'Content-Type: application/octet-stream\nContent-Disposition: attachment; filename="{encoded}"'
    return f"--{boundary}\n{fields}\nContent-Transfer-Encoding: base64\n\n{base64.encodebytes(data).decode()}"


def as_served(content: bytes) -> set[str]:
    """The SHA-256 of all forms in which a mail server may give a mail: with CR LF, and what Dovecot makes of NUL."""
    bare = content.replace(b"\r\n", b"\n")
    forms = {content, bare, bare.replace(b"\n", b"\r\n")}
    forms |= {form.replace(b"\0", b"\x80") for form in forms}
    return {hashlib.sha256(form).hexdigest() for form in forms}
