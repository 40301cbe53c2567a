"""Mails of these texts: plain, HTML, both, with images under hostile names, calendars and winmail.dat."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from html import escape, unescape
from typing import TYPE_CHECKING

from tests.mail.wrapped import attached, tnef
from tests.security.hunt import words

if TYPE_CHECKING:
    from random import Random

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
INLINE = (
    "b",
    "i",
    "u",
    "s",
    "em",
    "strong",
    "code",
    "tt",
    "sup",
    "sub",
    "span",
    "x",
    "font",
    "q",
    "kbd",
    "del",
    "o:p",
    "a name=n",
    "span class=gmail_signature",
    "span style='mso-list:Ignore'",
    "span class=gmail_quote",
)
BLOCK = (
    "p",
    "div",
    "h1",
    "h3",
    "h6",
    "li",
    "ul",
    "ol",
    "blockquote",
    "pre",
    "center",
    "dl",
    "dt",
    "dd",
    "table",
    "tr",
    "td",
    "th",
    "caption",
    "section",
    "address",
    "ol start=7",
    "div class=gmail_quote",
    "div style='white-space:pre'",
    "div id=divRplyFwdMsg",
    "p style='mso-list:l0 level1 lfo1'",
    "pre class=moz-signature",
    "div class=moz-cite-prefix",
)
SPLIT = (
    "<b></b>",
    "<x>",
    "</x>",
    "<span></span>",
    "<wbr>",
    "<?x?>",
    "<br>",
    "<hr>",
    "<!-- -->",
    "<i> </i>",
    "<a name=n></a>",
)
_SIGNS = "lbrack rbrack lbrace rbrace vert NewLine grave equals ast lowbar excl colon num lpar rpar Tab"
NAMED = dict(zip("[]{}|\n`=*_!:#()\t", _SIGNS.split(), strict=True))
NAMES = (
    "logo.png",
    "MeatBall",
    "http",
    "data",
    "x.svg",
    "#1.png",
    "!x.png",
    "x=y.png",
    "'x'.png",
    'a"b.png',
    "x]].png",
    "x.png)",
    "(x.png",
    "`x`.png",
    "x.png)]][[Tripwire]]",
    "a.png,5000px,class=pwn",
    "[[Tripwire]].png",
    "{{{x}}}.png",
    "../../x.png",
    "//x.png",
    "htdocs:x.png",
    "Bild aus Köln.png",
    "image (1).png",
    f"f.png,link=http://{words.EVIL}/",
    "x.png\n{{{\n#!html\n",
    "ticket:1:logo.png",
    "\ue001Tripwire\ue002.png",
    "\ufdd2[[Tripwire]]\ufdd4.png",
    "\u200bx.png\u200b",
    "\u1fefx\u1fef.png",
)


@dataclass
class Made:
    """A mail, and what of it may be shown otherwise than as text: elements, targets of links."""

    raw: bytes = b""
    html: bool = False
    elements: set[str] = field(default_factory=set)
    targets: set[str] = field(default_factory=set)
    images: int = 0


def entity(random: Random, letter: str) -> str:
    """A character as one of the notations of HTML."""
    if letter in NAMED and random.random() < 0.5:
        return f"&{NAMED[letter]};"
    number = random.choice((f"#{ord(letter)}", f"#x{ord(letter):x}", f"#X{ord(letter):06X}", f"#{ord(letter):09d}"))
    return f"&{number}" + random.choice((";", ";", ";", ""))


class Html:
    """HTML made at random around texts."""

    def __init__(self, random: Random, made: Made) -> None:
        self.random = random
        self.made = made

    def document(self) -> str:
        """Some elements, well nested or not."""
        some = "".join(self.element(3) for _ in range(self.random.randint(1, 5)))
        return "<" * 120 + some if self.random.random() < 0.05 else some  # which is too much, and only stripped of tags

    def element(self, depth: int) -> str:
        """One of the things of which HTML is made."""
        chance = self.random.random()
        if chance < 0.35 or not depth:
            return self.dressed(words.text(self.random, 5))
        if chance < 0.45:
            return self.link(depth)
        if chance < 0.52:
            return self.image()
        if chance < 0.62:
            return self.random.choice(SPLIT)
        tag = self.random.choice(INLINE if chance < 0.8 else BLOCK)
        self.made.elements.add(tag.split()[0])
        if "pre" in tag:
            self.made.elements.add("pre")
        inside = "".join(self.element(depth - 1) for _ in range(self.random.randint(1, 4)))
        end = "" if self.random.random() < 0.1 else f"</{tag.split()[0]}>"
        return f"<{tag}>{inside}{end}"

    def link(self, depth: int) -> str:
        """A link to somewhere, or to nowhere."""
        target = self.random.choice(
            ("http://link.example/a", "https://link.example/?b=c'd", "mailto:x@link.example", "#x")
        )
        if self.random.random() < 0.4:
            target += self.random.choice(("", "/")) + words.line(self.random)
        self.made.targets.add(target)
        return f'<a href="{escape(target)}">{self.element(depth - 1)}</a>'

    def image(self) -> str:
        """An image of the mail, of the web or of nobody; with words in its place."""
        self.made.images += 1
        source = self.random.choice(("cid:a", "cid:b", "CID:c", "cid:nobody", "cid:", f"http://{words.EVIL}/p.png"))
        return f'<img src="{source}" alt="{escape(words.line(self.random))}">'

    def dressed(self, text: str) -> str:
        """Text as HTML, some of its characters as entities, some parted by tags, some as they are."""
        pieces: list[str] = []
        for letter in text:
            chance = self.random.random()
            if chance < 0.1:
                pieces.append(entity(self.random, letter))
            elif letter in "<&":
                pieces.append(escape(letter))
            elif letter == "\n":
                pieces.append(self.random.choice(("<br>", "\n", "</p><p>")))
            else:
                pieces.append(letter)
            if chance > 0.95:
                pieces.append(self.random.choice(SPLIT))
        if "<hr>" in pieces:
            self.made.elements.add("hr")
        return "".join(pieces)


def plain_part(random: Random) -> str:
    """A leaf of plain text."""
    flowed = random.choice(("", "; format=flowed", "; format=flowed; delsp=yes"))
    return leaf(f"text/plain; charset=utf-8{flowed}", words.text(random, 25).encode("utf-8", "replace"))


def html_part(random: Random, made: Made) -> str:
    """A leaf of HTML."""
    made.html = True
    return leaf("text/html; charset=utf-8", Html(random, made).document().encode("utf-8", "replace"))


def calendar_part(random: Random) -> str:
    """An invitation."""
    said = words.line(random).replace("\n", " ")
    where = f"LOCATION:{words.line(random)}\\n{words.line(random)}"
    event = ("BEGIN:VEVENT", f"SUMMARY:{said}", "DTSTART:20261103T100000Z", where, "END:VEVENT")
    lines = ("BEGIN:VCALENDAR", "METHOD:REQUEST", *event, "END:VCALENDAR")
    return leaf("text/calendar; charset=utf-8; method=REQUEST", "\r\n".join(lines).encode("utf-8", "replace"))


def wrapped_part(random: Random) -> str:
    """A winmail.dat with a text and a file."""
    inside = tnef(attached("x.txt", b"x"), plain=words.text(random).encode("cp1252", "replace"))
    return leaf("application/ms-tnef; name=winmail.dat", inside)


def image_part(random: Random, content_id: str) -> str:
    """An image that HTML may show, under any name."""
    name = random.choice(NAMES) if random.random() < 0.8 else words.line(random)
    word = encoded(name)
    where = f'Content-ID: <{content_id}>\nContent-Disposition: inline; filename="{word}"'
    return leaf(f'image/png; name="{word}"', PNG + bytes([random.randint(0, 255)]), where)


def leaf(content_type: str, content: bytes, *fields: str) -> str:
    """A part in base64."""
    head = "\n".join((f"Content-Type: {content_type}", "Content-Transfer-Encoding: base64", *fields))
    return f"{head}\n\n{base64.encodebytes(content).decode()}"


def encoded(text: str) -> str:
    """An encoded word."""
    return "=?utf-8?b?" + base64.b64encode(text.encode("utf-8", "replace")).decode() + "?="


def multipart(random: Random, kind: str, *parts: str) -> str:
    """Parts in one."""
    boundary = f"b{random.getrandbits(60):x}"
    body = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n{body}--{boundary}--\n'


def body(random: Random, made: Made) -> str:
    """A body of one of the shapes that mail has."""
    chance = random.random()
    if chance < 0.2:
        return plain_part(random)
    if chance < 0.45:
        return html_part(random, made)
    if chance < 0.7:
        images = [image_part(random, each) for each in "abc"[: random.randint(1, 3)]]
        return multipart(random, "related", html_part(random, made), *images)
    others = (plain_part(random), calendar_part(random), wrapped_part(random), html_part(random, made))
    if chance < 0.8:
        return multipart(random, "alternative", leaf("text/plain", b"view this mail as HTML"), html_part(random, made))
    return multipart(random, "mixed", *random.sample(others, random.randint(1, len(others))))


def mail(random: Random, message_id: str, *fields: str) -> Made:
    """A mail with this id; `fields` are further lines of its header."""
    made = Made()
    subject = () if random.random() < 0.1 else (f"Subject: {encoded(words.line(random))}",)
    made.raw = message(message_id, body(random, made), *fields, *subject, name=words.line(random))
    made.targets |= {unescape(each) for each in made.targets}
    return made


def message(message_id: str, content: str, *fields: str, name: str = "Ann") -> bytes:
    """A mail of one person; `content` begins with the fields of its body."""
    head = (
        f"From: {encoded(name)} <ann@people.example>",
        "To: support@example.org",
        f"Message-ID: {message_id}",
        "Date: Mon, 02 Nov 2026 10:00:00 +0000",
        "MIME-Version: 1.0",
        *fields,
    )
    return "\n".join((*head, content)).encode()
