"""Texts that try to be markup: Trac's own syntax, the characters that its readers overlook, and our marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.mail import marks

if TYPE_CHECKING:
    from random import Random

EVIL = "evil.example"
"""The host of whatever a text asks Trac to show. Text that names it may be a link to it, and nothing else."""
FORM = f"<form action=http://{EVIL}/><input name=pwn><script>pwn()</script><img src=http://{EVIL}/p.png></form>"

MACROS = (
    f"[[Image(http://{EVIL}/p.png)]]",
    "[[Image(logo.png, 5000px)]]",
    f"[[Image(http://{EVIL}/p.png, inline)]]",
    f"[[http://{EVIL}/|label]]",
    "[[span(x, class=pwn)]]",
    "[[Tripwire]]",
    "[[Tripwire(x)]]",
    "[[BR]]",
    "[[TicketQuery(id=1)]]",
    "[[RecentChanges]]",
    "[[TracIni]]",
    "[[Timeline]]",
    "[[NoSuchMacro(x)]]",
    "[[=#pwn]]",
    "[[WikiStart]]",
    "[[PageOutline]]",
    "[[MacroList]]",
    "[[x|y]]",
)
BLOCKS = (
    f"{{{{{{\n#!html\n{FORM}\n}}}}}}",
    f"{{{{{{#!html\n{FORM}\n}}}}}}",
    "{{{\n#!div class=pwn\nx\n}}}",
    "{{{#!td\nx\n}}}",
    "{{{\n[[Tripwire]]\n}}}\n[[Tripwire]]",
    "{{{\n#!comment\nx\n}}}",
    "{{{\n\n#!Tripwire\n}}}",
)
LINKS = (
    "WikiStart",
    "CamelCase",
    "wiki:WikiStart",
    "ticket:1",
    "#1",
    "r1",
    "[1]",
    "{1}",
    "report:1",
    "query:status=new",
    "milestone:milestone1",
    "source:trunk",
    "attachment:logo.png",
    "raw-attachment:logo.png",
    "comment:1:ticket:1",
    "log:@1",
    "changeset:1",
    "diff:a//b",
    "search:x",
    "htdocs:x.png",
    "export:1/x",
    "timeline:2026-01-01",
    "[/admin]",
    "['WikiStart']",
    "[..]",
    "<wiki:x>",
    "trac:#1",
    "[=#pwn]",
    "MeatBall:x",
    "mailto:x@people.example",
    "ann@people.example",
    "javascript:pwn()",
    "data:text/html,x",
    *f"http://{EVIL}/x <http://{EVIL}/y> <mailto:x@people.example,<img>".split(),
    "[wiki:WikiStart x]",
    '["WikiStart" x]',
    "[CamelCase x]",
    "[./x y]",
    "[#pwn x]",
    "[trac:1 x]",
    'wiki:"Wiki Start"',
    f"[http://{EVIL}/ x]",
    f"[mailto:x@people.example {FORM}]",
    f"<mailto:x@people.example, {FORM}",
)
STYLES = (
    "'''",
    "''",
    "'''''",
    "**",
    "//",
    "__",
    "~~",
    ",,",
    "^",
    "`",
    "{{{",
    "}}}",
    "||",
    "||=",
    "=||",
    "|-",
    "\\\\",
    "!",
    "[[",
    "]]",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    ",",
    "=",
    "|",
    ":",
    "::",
    "'",
    "#",
    "<",
    ">",
    "&",
    "#!",
    "----",
    ">",
    "#!html",
    "{{{#!html",
    "Image(",
    "Tripwire",
    ")]]",
    "http:",
    "wiki:",
    "ticket:",
    "r",
    "1",
    "Wiki",
    "Start",
    "@",
    "x",
    "STOP",
    '"',
    " * ",
    "- ",
    "1. ",
    " a. ",
    "= ",
    "== x ==",
    "= x = #pwn",
    "> ",
    " term:: ",
    "-- ",
    "---- ",
    "|-- class=pwn",
)
UNSEEN = (
    marks.QUOTED,
    marks.QUOTED_END,
    marks.OWN,
    marks.OWN_LINE,
    marks.OWN_END,
    *"\ufddf\ufdef\ufffe\uffff\U0001ffff\ue000\ue001\ue002\ue003\ue004\uf8ff",
    *"\u200b\u200c\u200d\u2060\ufeff\xad\x00\x01\x08\x1b\x1c\x1f\x7f\x85\x0b\x0c\r\u2028\u2029",
    *"\u202e\u2066\u200e\u200f\xa0\u3000\u180e\u0338\u1fef\ufffd\ufffc",
    "&nbsp_place_holder;",
)
SPEECH = (
    "Hello",
    "thank you",
    "the printer",
    "does not work",
    "Äpfel",
    "שלום,",
    "中文",
    "see",
    "x",
    "well.",
    "42",
    "no!",
    "\nOn Mon, 2 Nov 2026 at 10:00 Bob <bob@people.example> wrote:\n",
    " On Mon, 2 Nov 2026 at 10:00 Bob wrote:\n",
    "\n> quoted\n",
    "\n-- \n",
    "\n-----Original Message-----\n",
    "\nFrom: Bob\nSent: today\n",
    "\n\n",
)
KINDS = (MACROS, BLOCKS, LINKS, STYLES, STYLES, UNSEEN, SPEECH)
GLUE = ("", "", "", " ", "\n", "\n\n", "\t")


def text(random: Random, most: int = 14) -> str:
    """A few of these words, glued, parted, cut and repeated."""
    pieces: list[str] = []
    for _ in range(random.randint(1, most)):
        word = random.choice(random.choice(KINDS))
        if random.random() < 0.25:
            word = broken(random, word)
        if random.random() < 0.02:
            word = (word * random.randint(2, 300))[:1200]
        if random.random() < 0.02:
            word = "word " * random.randint(150, 260) + word
        pieces += word, random.choice(GLUE)
    return "".join(pieces)


def broken(random: Random, word: str) -> str:
    """A word with something between two of its characters that might be taken out later."""
    at = random.randint(0, len(word))
    return word[:at] + random.choice(UNSEEN) + word[at:]


def line(random: Random) -> str:
    """A text for a header."""
    return " ".join(text(random, 5).split())[:300]
