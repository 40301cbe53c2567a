"""The mixed load: what a busy support address gets, mail by mail, with what must become of each.

The same seed gives the same bytes. Of every twenty mails fourteen are new requests, five are replies and one is a
request with an attachment of 0.1 to 2 MB. Two hundred people write, all of them known to Trac.
"""

from __future__ import annotations

import base64
import enum
import quopri
import random
import textwrap
from dataclasses import dataclass
from email.header import Header
from email.utils import formatdate
from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ADDRESS: Final = "support@example.org"
"""Whom all the mails are sent to."""

PEOPLE: Final = 200

_GIVEN: Final = "Aoife Bartłomiej Carla Dmitri Élodie Farid Greta Håkon Ines Jiří Kemal Lucía Mei Noor Owen Priya"
_FAMILY: Final = "Adeyemi Brandt Çelik Dupont Eriksson Ferrari Gómez Haas Ito Jensen Kovács Löwe Moreau"
_VOCABULARY: Final = (
    "account after again agent alert always before button calendar cannot change client column contract copy "
    "customer dashboard delete department device document download draft email empty error every export field "
    "filter folder form freezes group import instead invoice keyboard label language license list login "
    "manager message migration missing module monday morning network never nothing number office order page "
    "password payment phone please portal preview printer profile project quota record release remove request "
    "restore sample save scanner screen search session setting shared sheet signature since slow sometimes "
    "sort step still storage supplier survey switch table team template third ticket timeout today token "
    "translation twice update upload user version warehouse weekly window"
)
_ODDITIES: Final = (
    "See https://status.example.com/incidents/4711?lang=en for what was said.",
    "It is version 5.12.3-rc1 on Windows 11 (build 22631), behind a proxy.",
    "The log says: java.lang.NullPointerException at InvoiceService.load(InvoiceService.java:214)",
    "Größe und Umlaute fehlen – auch „Anführungszeichen“ und 10 €.",
    "Steps: 1) open the list, 2) sort by date, 3) press F5 => error #4005.",
    "path: C:\\Users\\Public\\export_final(2).xlsx -> \\\\files01\\share",
)
_SHARES: Final = ["new"] * 14 + ["reply"] * 5 + ["attached"]
_EPOCH: Final = 1_790_000_000
_MEMORY: Final = 200
"""A reply answers one of so many latest requests."""
_WITH_HTML: Final = 0.3
_WITH_ODDITY: Final = 0.2
_BY_NUMBER: Final = 0.2


class Kind(enum.Enum):
    """What a mail is."""

    NEW = "new"
    REPLY = "reply"
    ATTACHED = "attached"


@dataclass(frozen=True, slots=True)
class Person:
    """Who writes."""

    username: str
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, with line feeds only; `ticket` is where it belongs if all are filed in order, from ticket 1 on.

    `text` is what its sender wrote, without the quote of a reply. `attachment` is what is attached, else b"".
    """

    number: int
    kind: Kind
    ticket: int
    author: Person
    message_id: str
    subject: str
    text: str
    filename: str
    attachment: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class _Thread:
    ticket: int
    subject: str
    text: str
    ids: list[str]


def people() -> tuple[Person, ...]:
    """All who write."""
    given, family = _GIVEN.split(), _FAMILY.split()
    return tuple(
        Person(f"person{k:03}", f"{given[k % len(given)]} {family[k % len(family)]}", f"person{k:03}@example.com")
        for k in range(1, PEOPLE + 1)
    )


def mails(count: int, seed: int = 1) -> Iterator[Mail]:
    """The first `count` mails, one at a time: they are not held in memory."""
    post = _Post(seed)
    for number in range(1, count + 1):
        yield post.next(number)


class _Post:
    """Writes mails; what was written before decides what is answered."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - the same mails each time, not secrets
        self._people = people()
        self._words = _VOCABULARY.split()
        self._threads: list[_Thread] = []
        self._kinds: list[Kind] = []

    def next(self, number: int) -> Mail:
        """The mail with this number; they are asked for one after the other, from 1 on."""
        kind = self._kind()
        author = self._chance.choice(self._people)
        message_id = f"<{number:06}.{self._chance.getrandbits(64):016x}@mail.example.com>"
        if kind is Kind.REPLY:
            return self._reply(number, author, message_id)
        subject = f"{self._sentence(self._chance.randint(3, 8))[:-1]} ({number})"
        text = self._prose(self._chance.randint(900, 3000))
        filename, attachment = "", b""
        if kind is Kind.ATTACHED:
            filename = self._chance.choice((f"report {number}.pdf", f"screen-{number}.png", f"Übersicht {number}.xlsx"))
            attachment = self._chance.randbytes(int(100_000 * 20 ** self._chance.random()))
        body = self._body(text, filename, attachment, html=kind is Kind.NEW and self._chance.random() < _WITH_HTML)
        thread = _Thread(len(self._threads) + 1, subject, text, [message_id])
        self._threads.append(thread)
        content = self._head(number, author, message_id, subject, ()) + body
        return Mail(number, kind, thread.ticket, author, message_id, subject, text, filename, attachment, content)

    def _kind(self) -> Kind:
        if not self._kinds:
            self._kinds = [Kind(word) for word in _SHARES]
            self._chance.shuffle(self._kinds)
            if not self._threads:  # nobody can answer before somebody asked
                self._kinds.sort(key=lambda kind: kind is not Kind.REPLY)
        return self._kinds.pop()

    def _reply(self, number: int, author: Person, message_id: str) -> Mail:
        """By the mail program's fields mostly, now and then only by the number in the subject."""
        thread = self._chance.choice(self._threads[-_MEMORY:])
        named = self._chance.random() < _BY_NUMBER
        subject = f"Re: [#{thread.ticket}] {thread.subject}" if named else f"Re: {thread.subject}"
        text = self._prose(self._chance.randint(150, 900))
        quote = "".join(f"> {line}\n" for line in thread.text.splitlines()[:12])
        whole = f"{text}\nOn Monday, somebody wrote:\n{quote}"
        content = self._head(number, author, message_id, subject, () if named else thread.ids) + self._body(whole)
        thread.ids.append(message_id)
        return Mail(number, Kind.REPLY, thread.ticket, author, message_id, subject, text, "", b"", content)

    # words

    def _sentence(self, length: int) -> str:
        return f"{' '.join(self._chance.choices(self._words, k=length)).capitalize()}."

    def _prose(self, size: int) -> str:
        """Paragraphs of about `size` characters; one in five has something that is not just words."""
        paragraphs: list[str] = []
        while sum(map(len, paragraphs)) < size:
            sentences = [self._sentence(self._chance.randint(5, 15)) for _ in range(self._chance.randint(2, 5))]
            paragraphs.append(textwrap.fill(" ".join(sentences), 72))
            if self._chance.random() < _WITH_ODDITY:
                paragraphs.append(self._chance.choice(_ODDITIES))
        return "\n\n".join(paragraphs) + "\n"

    # RFC 5322 and 2045

    def _head(self, number: int, author: Person, message_id: str, subject: str, references: Sequence[str]) -> bytes:
        """The fields that a mail has today when it comes from somebody else's server."""
        date = formatdate(_EPOCH + 60 * number)
        fields = [f"Return-Path: <{author.address}>", f"Delivered-To: {ADDRESS}"]
        for place in ("mx.example.org", "out.example.com", "desk.example.com"):
            token = f"{self._chance.getrandbits(48):012X}"
            fields.append(
                f"Received: from {place} ({place} [192.0.2.{self._chance.randint(1, 254)}])\n"
                f"\tby mail.example.org (Postfix) with ESMTPS id {token}\n\tfor <{ADDRESS}>; {date}"
            )
        signature = textwrap.fill(base64.b64encode(self._chance.randbytes(256)).decode("ascii"), 70)
        fields += [
            "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=2026;\n"
            f"\th=from:to:subject:date:message-id; b={signature}".replace("\n", "\n\t").replace("\t\t", "\t"),
            f"From: {_encoded(author.name)} <{author.address}>",
            f"To: Support <{ADDRESS}>",
            f"Subject: {_encoded(subject)}",
            f"Date: {date}",
            f"Message-ID: {message_id}",
            "User-Agent: Mozilla Thunderbird",
            "Content-Language: en-GB",
            "MIME-Version: 1.0",
        ]
        if references:
            fields += [f"In-Reply-To: {references[-1]}", "References: " + "\n ".join(references)]
        return "".join(f"{field}\n" for field in fields).encode("ascii")

    def _body(self, text: str, filename: str = "", attachment: bytes = b"", *, html: bool = False) -> bytes:
        """The MIME body: its fields, an empty line, its content."""
        plain = self._leaf("plain", text)
        if attachment:
            return self._several("mixed", plain, _file(filename, attachment))
        return self._several("alternative", plain, self._leaf("html", _page(text))) if html else plain

    def _several(self, subtype: str, *parts: bytes) -> bytes:
        boundary = f"------------{self._chance.getrandbits(80):020x}"
        delimiter = f"--{boundary}\n".encode("ascii")
        inside = b"".join(delimiter + part + b"\n" for part in parts)
        head = f'Content-Type: multipart/{subtype}; boundary="{boundary}"\n\n'.encode("ascii")
        return head + inside + f"--{boundary}--\n".encode("ascii")

    def _leaf(self, subtype: str, text: str) -> bytes:
        """A text, in one of the encodings that mail programs choose."""
        charset, encoding = "us-ascii", "7bit"
        if not text.isascii():
            charset = "utf-8"
            encoding = self._chance.choice(("8bit", "quoted-printable", "quoted-printable", "base64"))
        content = text.encode(charset)
        if encoding == "base64":
            content = base64.encodebytes(content)
        elif encoding == "quoted-printable":
            content = quopri.encodestring(content)
        head = f"Content-Type: text/{subtype}; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n"
        return head.encode("ascii") + content


def _encoded(text: str) -> str:
    """A text for a header field (RFC 2047)."""
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=70).encode()


def _file(filename: str, content: bytes) -> bytes:
    """An attachment, its name in RFC 2231's form where it needs one."""
    name = f'filename="{filename}"' if filename.isascii() else f"filename*=utf-8''{quote(filename)}"
    head = (
        "Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n"
        f"Content-Disposition: attachment;\n {name}\n\n"
    )
    return head.encode("ascii") + base64.encodebytes(content)


def _page(text: str) -> str:
    """The text as a mail program's HTML."""
    style = "margin:0;font-family:Calibri,sans-serif"
    paragraphs = (escape(each).replace("\n", "<br>\n") for each in text.split("\n\n"))
    body = "".join(f'<p style="{style}">{each}</p>\n' for each in paragraphs)
    return f'<html><head><meta charset="utf-8"></head><body>\n{body}</body></html>\n'
