"""How mail programs quote what is answered: plain text and HTML of 25 of them, each in its languages."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.composed.languages import DAYS, LANGUAGES, Moment

if TYPE_CHECKING:
    from random import Random

PEOPLE: Final = (
    ("Support", "support@example.org"),
    ("Bob Miller", "bob.miller@help.example.org"),
    ("Example Help Desk (2nd level)", "help-desk@long.subdomain.of.example.org"),
    ("Müller, Jörg", "joerg.mueller@example.org"),
    ("Łukasz Żak", "lz@example.org"),
    ("Иван Петров", "ivan@example.org"),
    ("田中", "tanaka@example.org"),
)
"""Who wrote what is quoted."""


@dataclass
class Quote:
    """What is quoted: its lines, who wrote them and when, and the subject."""

    random: Random
    lines: list[str]
    code: str = ""
    moment: Moment = field(init=False)
    name: str = field(init=False)
    address: str = field(init=False)
    subject: str = "RE: [proj] #12: Printer"

    def __post_init__(self) -> None:
        self.code = self.code or self.random.choice(list(LANGUAGES))
        language = LANGUAGES[self.code]
        time = f"{self.random.randint(10, 12)}:{self.random.randint(10, 59)}"
        self.moment = Moment(language, self.random.randrange(len(DAYS)), time)
        self.name, self.address = self.random.choice(PEOPLE)

    def fill(self, template: str) -> str:
        """The template with who and when."""
        return self.moment.fill(template, self.name, self.address)

    def marked(self, mark: str = "> ") -> str:
        """The lines with quote marks; some paragraphs are apart."""
        lines = [line for each in self.lines for line in (each, "")][:-1] if self.random.random() < 0.3 else self.lines
        return "\n".join(f"{mark}{line}".rstrip() for line in lines)

    def unmarked(self) -> str:
        """The lines as they are."""
        return "\n".join(self.lines)


Maker = Callable[[Quote], str]


def _wrapped(random: Random, announced: str) -> str:
    """An attribution line, whole or broken at some blank, as programs do at about 72 characters or anywhere."""
    if random.random() < 0.5 or len(announced) < 40:
        return announced
    width = random.choice((72, 76, random.randint(30, 78)))
    return "\n".join(textwrap.wrap(announced, width, break_long_words=False, break_on_hyphens=False))


def _announced(quote: Quote, template: str, *, marks: bool = True) -> str:
    gap = quote.random.choice(("\n", "\n\n"))
    body = quote.marked() if marks else quote.unmarked()
    return f"{_wrapped(quote.random, quote.fill(template))}{gap}{body}"


def _gmail(quote: Quote) -> str:
    return _announced(quote, quote.random.choice(quote.moment.language.announced))


def _unmarked(quote: Quote) -> str:
    """Yahoo, Outlook for Macintosh and others: an attribution line with date and address, and no marks."""
    templates = [each for each in quote.moment.language.announced if "{a}" in each]
    return f"{quote.fill(quote.random.choice(templates))}\n\n{quote.unmarked()}"


def _broken_address(quote: Quote) -> str:
    """Gmail, where the address and its bracket came apart."""
    template = quote.random.choice(
        [each for each in quote.moment.language.announced if "<{a}>" in each]
        or ["On {d2}/{mm}/{y} {t}, {n} <{a}> wrote:"]
    )
    filled = quote.fill(template)
    place = quote.random.choice((f"{quote.address}\n>", f"\n{quote.address}>", f"\n{quote.address}\n>"))
    return f"{filled.replace(f'{quote.address}>', place)}\n\n{quote.marked()}"


def _fixed(*templates: str, marks: bool = True) -> Maker:
    return lambda quote: _announced(quote, quote.random.choice(templates), marks=marks)


def _outlook(quote: Quote) -> str:
    """Outlook's header block, below nothing, a ruler, or "Original Message"."""
    language = quote.moment.language
    sender, sent, to, cc, subject = language.fields
    colon = " :" if quote.code == "fr" else ":"
    names = quote.random.choice((f"{quote.name} <{quote.address}>", f"{quote.name} [mailto:{quote.address}]"))
    when = quote.fill("{w}, {d} {m} {y} {t}")
    lines = [f"{sender}{colon} {names}", f"{sent}{colon} {when}", f"{to}{colon} Ann Lee <ann@client.example>"]
    if quote.random.random() < 0.4:
        lines.append(f"{cc}{colon} Carl Long; 'dora@client.example'")
    lines.append(f"{subject}{colon} {quote.subject}")
    above = quote.random.choice(("", "_" * 32 + "\n", f"-----{language.original}-----\n", "\n"))
    emphasis = quote.random.random() < 0.2
    if emphasis:
        lines = [f"*{name}{colon}*{value}" for name, _, value in (line.partition(colon) for line in lines)]
    return above + quote.random.choice(("{}\n\n{}", "{}\n{}")).format("\n".join(lines), quote.unmarked())


def _phone_block(quote: Quote) -> str:
    """Samsung, K-9, BlackBerry, eM Client: "Original message" and a block, with any order of fields."""
    language = quote.moment.language
    dashes = "-" * quote.random.choice((5, 6, 8))
    sender, to, subject = (f"{language.fields[place]}: " for place in (0, 2, 4))
    when = quote.random.choice((f"{language.fields[1]}: ", "Date: ")) + quote.fill("{d2}/{mm}/{y}  {t}  (GMT+01:00)")
    who = f"{sender}{quote.name} <{quote.address}>"
    rest = [when, f"{to}ann@client.example", f"{subject}{quote.subject}"]
    quote.random.shuffle(rest)
    title = f"{dashes}{quote.random.choice((' ', ''))}{language.original}{dashes}"
    return "\n".join((title, who, *rest, "", quote.unmarked()))


def _gmx(quote: Quote) -> str:
    return (
        quote.fill('Gesendet: {w}, {d2}. {m} {y} um {t} Uhr\nVon: "{n}" <{a}>\nAn: ann@client.example\n')
        + f"Betreff: {quote.subject}\n{quote.unmarked()}"
    )


def _notes(quote: Quote) -> str:
    """HCL Notes: wide blanks behind the names, the sender's copy recipients below them."""
    return (
        quote.fill(
            'From:   "{n}" <{a}>\nTo:     ann@client.example\nCc:     carl@client.example\nDate:   {d2}.{mm}.{y} {t}\n'
        )
        + f"Subject:        {quote.subject}\n\n\n\n{quote.unmarked()}"
    )


def _initials(quote: Quote) -> str:
    """The Bat! marks quotes with the initials of who wrote them."""
    if len(quote.lines) == 1:
        quote.lines = quote.lines * 2
    return quote.fill("{w}, {m} {d}, {y}, {t}:00 AM, you wrote:") + "\n\n" + quote.marked("S> ")


PLAIN: Final[dict[str, tuple[Maker, tuple[str, ...]]]] = {
    "Gmail, Apple Mail, Thunderbird": (_gmail, ()),
    "Yahoo": (_unmarked, ()),
    "Gmail, broken address": (_broken_address, ()),
    "Outlook, OWA, Outlook mobile": (_outlook, ()),
    "Samsung, K-9, BlackBerry, eM Client": (_phone_block, ()),
    "GMX, web.de": (_gmx, ("de",)),
    "HCL Notes": (_notes, ("en", "de", "fr")),
    "The Bat!": (_initials, ("en",)),
    "GroupWise": (_fixed(">>> {n} <{a}> {d2}.{mm}.{y} {t} >>>", marks=False), ("de", "en")),
    "Zimbra": (
        lambda quote: quote.fill(
            "----- Original Message -----\nFrom: {n} <{a}>\nTo: ann@client.example\nSent: {w}, {d} {m}, {y} {t}:00\n"
        ) + f"Subject: {quote.subject}\n\n{quote.unmarked()}",
        ("en",),
    ),
    "Roundcube": (_fixed("On {y}-{mm}-{d2} {t}, {n} wrote:", "On {d2}.{mm}.{y} {t}, {n} wrote:"), ("en",)),
    "mutt": (
        _fixed("On {w3}, {m3} {d2}, {y} at {t}:00AM +0100, {n} wrote:", "* {n} <{a}> [{y}-{mm}-{d2} {t}]:"),
        ("en",),
    ),
    "Zoho": (_fixed("---- On {w3}, {d2} {m3} {y} {t}:00 +0100 {n} <{a}> wrote ----", marks=False), ("en",)),
    "Proton": (
        _fixed("------- Original Message -------\nOn {w}, {m} {d}th, {y} at {t} AM, {n} <{a}> wrote:"), ("en",)
    ),
    "Claws, Becky!": (_fixed("On {w3}, {d} {m3} {y} {t}:00 +0900\n{n} <{a}> wrote:"), ("en",)),
    "Evolution, KMail": (
        _fixed("On {w3}, {y}-{mm}-{d2} at {t} +0100, {n} wrote:", "On {w}, {d} {m} {y} {t}:00 CET {n} wrote:"), ("en",)
    ),
    "Gnus": (_fixed("{n} <{a}> writes:"), ("en",)),
    "Horde": (_fixed("Zitat von {n} <{a}>:", "Quoting {n} <{a}>:"), ("de",)),
    "Alpine": (_fixed("On {w3}, {d} {m3} {y}, {n} wrote:"), ("en",)),
    "mail.ru, Yandex": (
        _fixed("{w}, {d} {m} {y}, {t} +03:00 от {n} <{a}>:", '{d2}.{mm}.{y}, {t}, "{n}" <{a}>:'),
        ("ru",),
    ),
    "QQ, Foxmail": (
        lambda quote: quote.fill(
            "------------------ 原始邮件 ------------------\n发件人: {n} <{a}>;\n发送时间: {y}年{m}{d}日({w}) {t}\n"
        ) + f"收件人: Ann <ann@client.example>;\n主题: {quote.subject}\n\n{quote.unmarked()}",
        ("zh",),
    ),
    "NetEase": (_fixed('At {y}-{mm}-{d2} {t}:00, "{n}" <{a}> wrote:', marks=False), ("en", "zh")),
    "Lotus Notes, iNotes": (_fixed("{n} <{a}> wrote on {d2}/{mm}/{y} {t}:00 AM:", marks=True), ("en",)),
}  # fmt: skip  # one line a program
"""By programs: what they put below an answer, and in which languages (all if none is named)."""


def paragraphs(lines: list[str]) -> str:
    """Lines as HTML: each in its own element."""
    return "".join(f"<div>{html.escape(line, quote=False)}</div>" if line else "<div><br></div>" for line in lines)


def _html_gmail(quote: Quote) -> str:
    announced = html.escape(quote.fill(quote.random.choice(quote.moment.language.announced)), quote=False)
    return (
        f'<br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">{announced}<br></div>'
        f'<blockquote class="gmail_quote" style="margin:0 0 0 .8ex">{paragraphs(quote.lines)}</blockquote></div>'
    )


def _html_block(quote: Quote) -> str:
    sender, sent, to, _, subject = quote.moment.language.fields
    when = quote.fill("{w}, {d} {m} {y} {t}")
    fields = ((sender, f"{quote.name} &lt;{quote.address}&gt;"), (sent, when), (to, "Ann"), (subject, quote.subject))
    return "<br>".join(f"<b>{name}:</b> {value}" for name, value in fields)


def _html_outlook(quote: Quote) -> str:
    return (
        '<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm">'
        f'<p class="MsoNormal">{_html_block(quote)}</p></div>{paragraphs(quote.lines)}'
    )


def _html_owa(quote: Quote) -> str:
    return f'<hr><div id="divRplyFwdMsg" dir="ltr">{_html_block(quote)}</div>{paragraphs(quote.lines)}'


def _html_thunderbird(quote: Quote) -> str:
    announced = html.escape(quote.fill(quote.random.choice(quote.moment.language.announced)), quote=False)
    return (
        f'<div class="moz-cite-prefix">{announced}<br></div>'
        f'<blockquote type="cite" cite="mid:1@example.org">{paragraphs(quote.lines)}</blockquote>'
    )


def _html_apple(quote: Quote) -> str:
    announced = html.escape(quote.fill(quote.random.choice(quote.moment.language.announced)), quote=False)
    return (
        f'<div><br><blockquote type="cite"><div>{announced}</div><br></blockquote></div>'
        f'<blockquote type="cite"><div>{paragraphs(quote.lines)}</div></blockquote>'
    )


def _html_plain_block(quote: Quote) -> str:
    """A header block that no element marks."""
    return f"<p>{_html_block(quote)}</p>{paragraphs(quote.lines)}"


def _html_yahoo(quote: Quote) -> str:
    announced = html.escape(quote.fill(quote.moment.language.announced[0]), quote=False)
    return f'<div id="ydp1yahoo_quoted_1" class="yahoo_quoted"><div>{announced}</div>{paragraphs(quote.lines)}</div>'


HTML: Final[dict[str, Maker]] = {
    "Gmail": _html_gmail,
    "Outlook": _html_outlook,
    "Outlook on the web": _html_owa,
    "Thunderbird": _html_thunderbird,
    "Apple Mail": _html_apple,
    "Yahoo": _html_yahoo,
    "a block that nothing marks": _html_plain_block,
}
"""The same as HTML."""

FOOTERS: Final = (
    (
        "_______________________________________________\nusers mailing list\nusers@lists.example.org\n"
        "https://lists.example.org/listinfo/users"
    ),
    (
        "-------------------------------------------------------\nThis list is sponsored by: Example\n"
        "https://example.com/\n_______________________________________________\nusers mailing list\n"
        "users@lists.example.org\nhttps://lists.example.org/listinfo/users"
    ),
    (
        '-- \nYou received this message because you are subscribed to the group "users".\n'
        "To unsubscribe from this group, send an email to users+unsubscribe@example.org."
    ),
    "---\nTo unsubscribe, e-mail: users-unsubscribe@lists.example.org",
)
"""What mailing lists put below a mail."""
