"""parse: plain text made safe for a field that is rendered as Trac wiki text; what the sender wrote reads the same.

Macros, processors, links into this tracker, accidental CamelCase and markup are escaped with `!`,
which Trac's formatter removes exactly where one of its rules would have matched.
So the rules below are those of Trac 1.6 (`WikiParser` and the syntax providers), in its order,
and the tests compare with its formatter. URLs and addresses stay links, quotes (`>`) stay quotes.
At the beginning of a line, where there is no escape, a zero-width space prevents the match.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from trac_mailintake.mail.scrub import scrub
from trac_mailintake.mail.wiki import formatter_cost

MARK: Final = formatter_cost.MARK
BREAK: Final = r" \\"
"""A line break in Trac's wiki text."""
LINE: Final = 1000
"""Longest line, in characters; longer ones are split, since some of Trac's rules take quadratic time."""
_TAB: Final = 8

_SCHEME: Final = r"[a-zA-Z][-a-zA-Z0-9+._]*"
_QUOTED: Final = r"'[^']+'|\"[^\"]+\""
_RANGES: Final = r"[0-9]+(?:[-:][0-9]+)?(?:,\u200b?[0-9]+(?:[-:][0-9]+)?)*"
_CHANGESET: Final = r"(?:[0-9]+|[a-fA-F0-9]{8,})"
_REVISIONS: Final = rf"(?:{_RANGES}|{_CHANGESET}(?:[:-]{_CHANGESET})?)"
_INTERTRAC: Final = r"[a-zA-Z.+-]*?"
_XML_NAME: Final = r"[\w:](?<!\d)(?:[\w:.-]*[\w-])?"
_RELATIVE: Final = r"[/\?#][^\s\]]*|\.\.?(?:[/\?#][^\s\]]*)?"
_TARGET: Final = r"[\w/?!#@](?<!_)(?:(?:\|(?=[^|\s])|[^|<>\s])*[\w/=](?<!_))?"
_ANCHOR_NAME: Final = r"[\w:](?<!\d)[\w:.-]*?"
_NAMESPACES: Final = (
    "ticket|bug|issue|comment|report|query|wiki|source|browser|repos|export|changeset|diff|log|milestone|attachment"
    "|raw-attachment|search|htdocs|timeline|intertrac|interwiki|javascript|data|vbscript"
)
_OURS: Final = re.compile(rf"(?:{_NAMESPACES}):", re.IGNORECASE)

_ADDRESS: Final = re.compile(rf"(?:{_SCHEME}://\S*|mailto:[^<>,;\s]*)\Z", re.IGNORECASE)
_LIVE: Final = re.compile(r"\[(?=\[[\w/+-]+\??(?:\(|\]\]))|[\[<](?=mailto:)")
"""The beginning of a macro, or of a mail address with a label."""
_REPORT: Final = re.compile(r"\{[a-zA-Z.+-]*+[^\S\n]*+\n\s*+(?=[0-9]++\})")
"""What precedes a number in braces in the next line. The brace may be our own last one, which stays whole."""

SUSPECT: Final = re.compile(
    r"[\^{`\[\\#|<:'*/_~,A-Z0-9]"
    r"(?:(?<=[\^{`\[\\#|])|(?<=[a-z][A-Z])|(?<=[a-z]/[A-Z])|(?<=:)(?=\S)|(?<=<)(?=[a-zA-Z][-a-zA-Z0-9+._]*:)|(?<=([*'/_~,]))\1|(?<=\br[0-9]))"
)
"""Matches every ASCII text that a rule could match, and few others: most lines need no further check.

A pattern that begins with a character set is several times as fast as one that begins with alternatives.
"""
_LETTER_BEYOND: Final = re.compile(r"[^\W\d_a-zA-Z]")
LINE_START: Final = re.compile(
    r"\s|={1,6}\s|----|(?:[-*\u2022]|[0-9]+\.|[a-zA-Z]\.|[ivxIVX]{1,5}\.)\s|\{\{\{\s*(?:$|#!)|\}\}\}\s*$"
)
"""What means something at the beginning of a line. A `}}}` alone is left out where Trac shows a text in one line:
what blanks were behind it may then begin the text, and Trac takes long over those."""
_MARKUP: Final = re.compile(r"\s|[> ]*+(?:={1,6} |----|\|\||[*] |[0-9]+[.] |\{\{\{$|\}\}\}$)")
"""Lines with block markup; strangers' lines must not match."""
_QUOTE: Final = re.compile(r"[ \t]*>(?:[> \t]*>)? ?")
TERM: Final = re.compile(r"::(?=\s|$)")
"""The end of a definition list's term, if the line begins with a blank; also where Trac joins many lines."""
_RULER: Final = re.compile(r"-{4,}[ \t]*")


@cache
def _letters() -> tuple[str, str]:
    """The letters that Trac treats as upper case and as lower case."""
    letters = "".join(map(chr, range(0x10000)))
    return "".join(filter(str.isupper, letters)), "".join(filter(str.islower, letters))


@cache
def _rules(*, code: bool, macro: bool, quoted: bool, latin: bool) -> re.Pattern[str]:
    """The inline rules of Trac's formatter, in its order; compiled on first use.

    `code=False`, `macro=False`: for a line without the end of either, where repeated searches for it are slow.
    `latin=True`: for a line with only the letters a to z, since a pattern of all letters is slow to compile.
    """
    upper, lower = ("A-Z", "a-z") if latin else _letters()
    words = rf"(?:[{upper}](?:[{lower}])+/?){{2,}}(?:@[0-9]+)?(?:#{_XML_NAME})?"
    page = rf"{words}(?=:(?:\Z|\s)|[^:\w{upper}{lower}]|__|\s|\Z)"
    rules = (
        r"'''''|'''|\*\*|''|//|__|~~|,,|\^",
        r"\{\{\{.*?\}\}\}" if code else "",
        r"`.*?`",
        rf"(?<![\w/])(?:\.{{0,2}}/)*+{page}",
        rf"\[{page}\s+(?:{_QUOTED}|[^\]]+)\]",
        rf"\[(?:{_QUOTED})(?:\s+(?:{_QUOTED}|[^\]]+))?\]",
        rf"(?<!&)#{_INTERTRAC}{_RANGES}",
        _optional(
            rf"\{{(?={_INTERTRAC}\s*[0-9]+\}})",
            rf"\[(?={_INTERTRAC}\s*{_CHANGESET}(?:[/?\#][^\]]*)?\])",
            rf"\[(?={_INTERTRAC}\s*{_REVISIONS}(?:[/?][^\]]*)?\])",
            rf"\br(?=[0-9]+(?:\b|(?=__))(?!:[0-9])|{_RANGES}(?:\b|(?=__)))",
        ),
        r"\\\\",
        r"(?P<keep>[a-zA-Z0-9.'+_-]+@(?:[a-zA-Z0-9_-]+\.)+[a-zA-Z](?:[-a-zA-Z\d]*[a-zA-Z\d])?)",
        rf"(?P<angle><{_SCHEME}:[^>]+>)",
        rf"(?P<link>(?<![a-zA-Z]){_SCHEME}:(?:{_SCHEME}:(?:{_QUOTED})|{_QUOTED}|{_TARGET}))",
        rf"\[(?:{_RELATIVE}|{_SCHEME}:(?:{_SCHEME}:(?:{_QUOTED})|{_QUOTED}|[^\]\s\u200b]*))(?:[\s\u200b]+(?:{_QUOTED}|[^\]]*))?\]",
        rf"\[=\#{_ANCHOR_NAME}(?:\s+[^\]]*)?\]",
        r"\[\[(?:[^]]|][^]])+\]\]" if macro else "",
        r"\|-+\s*(?:[-\w]+=(?:\".*?\"|'.*?'|[-,\w]+)\s*)*",
        r"=?(?:\|\|)+=?(?:\s*\\?$)?",
        _unended(page, quoted=quoted),
    )
    return re.compile("|".join(filter(None, rules)))


def _unended(page: str, *, quoted: bool) -> str:
    """The beginnings of markup that may end in another line: the timeline shows a text in one line."""
    bracketed = (
        r"\[|'[^']|\"[^\"]|['\"]\Z|=\#|[/?\#]|\.\.?(?:[/?\#\s\u200b]|\Z)",
        rf"{_SCHEME}:|{page}(?:\s|\Z)",
        rf"{_INTERTRAC}\s*(?:\Z|(?:{_CHANGESET}|{_REVISIONS})[/?\#])",
    )
    open_quote = rf"(?<![a-zA-Z]){_SCHEME}:(?:{_SCHEME}:)?(?='[^']|\"[^\"]|['\"]\Z)"
    return rf"(?P<unended>\[(?={'|'.join(bracketed)})|<(?={_SCHEME}:){f'|{open_quote}' if quoted else ''})"


def _optional(*rules: str) -> str:
    """First characters of rules by providers that may be disabled, which would leave a `!` behind."""
    return f"(?P<optional>{'|'.join(rules)})"


def neutral(text: str) -> str:
    """Wiki text that Trac renders as `text` reads, if Trac keeps line breaks (see `broken`).

    A text that would take Trac too long becomes a block. Control characters are removed first: if they were removed
    later, when the ticket's text is stored, the text on both sides would be joined.
    """
    text = "\n".join(map(str.rstrip, scrub(text).splitlines()))  # some ends of lines are no line feeds
    return formatter_cost.verbatim(text) if formatter_cost.heavy(text) else formatter_cost.shallow(lines(text))


def lines(text: str) -> str:
    """As `neutral`, but never a block, whatever it costs Trac."""
    return unended("\n".join(_line(piece) for line in text.splitlines() for piece in _pieces(line)))


def unended(text: str) -> str:
    """Make lines that are each safe also safe if they are joined into one line."""
    return _REPORT.sub(rf"\g<0>{MARK}", text) if "{" in text else text


def broken(text: str) -> str:
    """Our own wiki text `text` for a Trac that joins lines (`[ticket] preserve_newlines = false`)."""
    lines = text.split("\n")
    end = ""
    for index in range(len(lines) - 1):
        line, following = lines[index], lines[index + 1]
        if end or line.lstrip("> ") == "{{{":
            end = "" if line.strip() == end else end or line.strip().replace("{{{", "}}}")
        elif not (_MARKUP.match(line) or _MARKUP.match(following)) and joins(line, following):
            lines[index] = _with_break(line)
    return "\n".join(lines)


def _with_break(line: str) -> str:
    """The line with a line break, whose blank must not turn a lone character into a list item or a heading."""
    quote = _QUOTE.match(line)
    front, rest = (quote[0], line[quote.end() :]) if quote else ("", line)
    return front + guarded(rest + BREAK)


def escaped(text: str) -> str:
    """`text`, part of a line, with everything escaped that Trac's formatter would treat as markup or a link."""
    if text.isascii() and not SUSPECT.search(text) and "!" not in text:
        return text  # a `!` may stand before a link that is kept, and Trac would hide it
    return rules_for(text).sub(escape, text)


def inert(text: str) -> str:
    """A text within code, a label or an escape, whose end Trac's timeline may cut off.

    The text is then outside, so nothing may begin in it that runs or that Trac shows as HTML.
    Other links and emphasis are harmless there.
    """
    if "::" in text:
        text = TERM.sub(f":{MARK}:", text)
    return _LIVE.sub(lambda found: found[0] + MARK, text) if "[[" in text or "mailto:" in text else text


def rules_for(piece: str) -> re.Pattern[str]:
    """The rules that apply to a line, or to part of one."""
    quoted = ":'" in piece or ':"' in piece
    return _rules(code="}}}" in piece, macro="]]" in piece, quoted=quoted, latin=not _LETTER_BEYOND.search(piece))


def escape(match: re.Match[str]) -> str:
    """The escaped form of a rule's match."""
    found, kind = match[0], match.lastgroup
    if kind in {"optional", "unended"}:
        return found + MARK
    before = match.string[match.start() - 1 : match.start()]
    if kind == "keep" or (kind in {"angle", "link"} and _leads_outside(found.strip("<>"))):
        return f"!{found}" if before == "!" else found
    found = found[0] + inert(found[1:])
    return f"{MARK}!{found}" if before == ":" else f"!{found}"  # `name:!` would be a link of its own


def _leads_outside(link: str) -> bool:
    """Whether a link shows its target; others lead into Trac, or to an InterTrac or InterWiki target.

    If there are several addresses, Trac shows them unescaped, as HTML, to users without EMAIL_VIEW
    (`Formatter._make_link`).
    """
    return bool(_ADDRESS.match(link)) and not _OURS.match(link)


def _line(line: str) -> str:
    """One line; the marks of a quote stay in front of it."""
    quote = _QUOTE.match(line)
    front, rest = (quote[0], line[quote.end() :]) if quote else ("", line)
    if not rest or _RULER.fullmatch(rest):
        return front + rest
    rest = TERM.sub(f":{MARK}:", rest) if front else rest
    if not LINE_START.match(rest):
        return front + guarded(escaped(rest))  # the escape may make a processor's `#!` of a `#`
    bare = rest.lstrip()
    blanks = len(rest[: len(rest) - len(bare)].expandtabs(_TAB))
    return front + MARK + "\u00a0" * blanks + escaped(bare)


def guarded(line: str) -> str:
    """A line whose inside is already escaped, changed so that it is no heading, list, block or ruler."""
    return MARK + line if LINE_START.match(line) else line


def _pieces(line: str) -> list[str]:
    """The line, or pieces short enough for Trac, cut at blanks if there are any."""
    line = line.rstrip()
    pieces = []
    while len(line) > LINE:
        at = line.rfind(" ", LINE // 2, LINE)
        at = LINE if at < 0 else at
        pieces.append(line[:at])
        line = line[at:].lstrip(" ")
    return [*pieces, line]


def joins(line: str, following: str) -> bool:
    """Whether Trac would join two lines that the sender separated."""
    if not line or not following or _RULER.fullmatch(line) or _RULER.fullmatch(following):
        return False
    quote, next_quote = _QUOTE.match(line), _QUOTE.match(following)
    if not quote or not next_quote:
        return not quote and not next_quote
    same_depth = quote[0].count(">") == next_quote[0].count(">")
    return same_depth and quote.end() < len(line) and next_quote.end() < len(following)
