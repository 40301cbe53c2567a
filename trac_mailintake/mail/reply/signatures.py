"""parse: finds signatures: below `-- ` (RFC 3676, 4.3) and variants, what phones add, and footers of mailing lists."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_DELIMITERS: Final = {"-- ", "--\u00a0", "-- \\\\", "--\u3000", "-\u00a0-"}
"""Programs write these; people type what is in `_TYPED`."""
_TYPED: Final = {"--", "\u2014", "---", "\u2013"}
MOST_LINES: Final = 12
"""Lines of a signature; more are not one."""
_MOST_TYPED: Final = 8
"""Lines of a signature below a delimiter that somebody typed."""
_MOST_FOOTER: Final = 9
"""Lines of a footer below a ruler."""
_MOST_DELIMITERS: Final = 2
"""More of them separate chapters."""
_FOOTER: Final = re.compile(r"^_{10,}$|^-{20,}$|^={20,}$|^\*{20,}$|^[\u2014\u2500]{3,}$|^-{3}$|^(?:~-?){10,}~?$")
_LIST: Final = re.compile(
    r"mailing[- ]?list|unsubscri|listinfo|\bsubscri(?:be|ption)|(?:this|your) list\b|yahoo! groups|google ?groups"
    r"|sponsored by|abmelden|abbestellen|désabonn|désinscri|darse de baja|cancellar[es]i|afmelden|отписаться",
    re.IGNORECASE,
)
_URL: Final = re.compile(r"https?://\S+")
_REACHABLE: Final = re.compile(r"https?://|www\.\S|\S@\S+\.\S")
_CONTACT: Final = re.compile(
    r"https?://|www\.\S|\S@\S+\.\S|\+?\d[\d ()/.-]{6,}\d|^(?:tel|phone|fon|fax|mobil?e?|web|mail|e-mail)\b",
    re.IGNORECASE,
)
_SENTENCE: Final = re.compile(r"[^\W\d_]{2,}[.?!…]$|[?:,;]$")
_NAME: Final = re.compile(r"^[^\W\d_][^:;?!]{0,38}$")
_SHORT: Final = 100
_NAME_WORDS: Final = 4
_BELOW_PHONE: Final = 3
"""Most lines below what a phone adds: a name, or the line of another app."""
_LONGEST: Final = 160
_POSTSCRIPT: Final = re.compile(r"p\.? ?s\b", re.IGNORECASE)
_CLOSING: Final = re.compile(
    r"regards|wishes|thank|cheers|sincerely|grüße|gruß|gruss|gruesse|cordialement|salutations|saludos|saluti|groet|hälsning|hilsen"
    r"|pozdrav|pozdrow|уважением|atenciosamente|cumprimentos|terveisin|üdvözlettel|saygılar",
    re.IGNORECASE,
)
_FIELD: Final = re.compile(r"^[^:]{1,30}:\s")
_LINK: Final = re.compile(
    r"\[(?:https?|mailto):\S{1,300} ([^\]]{1,100})\]|<[^<>\s]{1,300}>|\((?:https?:)[^()\s]{1,300}\)"
)
_DEVICE: Final = re.compile(
    r"unterwegs|i-?phon|i-?pad|i-?pod|\bios\b|android|samsung|galaxy|blackberry|huawei|nokia|lumia|windows"
    r"|outlook|yahoo|proton|k-9|blue ?mail|typeapp|my ?mail|thunderbird|gmail|\bhtc\b|xperia|sony|motorola"
    r"|\blg\b|nexus|pixel|oneplus|xiaomi|redmi|\bmi\b|mail ?bird|mailspring|\bspark\b|airmail|newton|boxer"
    r"|aqua ?mail|\bnine\b|zoho|smart ?phone|smartfon|tablet|\bphone|telefon|téléphone|teléfono|telefoon"
    r"|телефон|handy|\bmobil|móvil|мобил|handheld|verizon|t-mobile|sprint|at&t|vodafone|\bmac\b|macbook|treo"
    r"|palm|hotmail|\bmsn\b|\baol\b|gmx|web\.de|mail\.ru|yandex|tutanota|\btuta\b|\bmail\b|e-?mail|\bapp\b"
    r"|wireless|device|gerät|appareil|dispositivo|устройств|\bfairmail|fairemail|canary|superhuman|front\b"
    r"|missive|edison|cloudmagic|inbox|touchdown|roundcube|webmail|symbian|wp\b|poco|oppo|vivo|honor|zenfone",
    re.IGNORECASE,
)
"""What such a line names. Else it is a sentence: "Sent from the warehouse"."""
_PHONE: Final = re.compile(
    r"""^(?:
    sent\ (?:from|via|by|with|using)\ (?:my|the|a|an)\ \S.{0,60}
    |sent\ (?:from|via|with|using)\ (?-i:[a-z]{0,3}[A-Z])\S{0,30}(?:\ \S{1,20}){0,5}
    |(?:get|download)\ .{0,20}\bfor\ (?:ios|android|iphone|ipad|windows|mac)\b.{0,30}
    |.{0,40}\boutlook\b.{0,20}\b(?:ios|android)\b.{0,30}
    |(?:diese\ nachricht\ wurde\ )?von\ (?:mein(?:em|er)\S{0,10}\ .{2,60}|unterwegs)\ (?:gesendet|geschickt|verschickt)
    |(?:mobil|unterwegs)\ gesendet.{0,60}
    |gesendet\ (?:von|mit|aus|über)\b.{1,80}
    |(?:message\ )?envoyé[es]?\ (?:de|depuis|à\ partir|avec|par)\b.{1,80}
    |enviad[oa]\ (?:desde|do|de|a\ partir|a\ través|con|com|pelo)\b.{1,80}|inviat[oa]\ (?:da|dal|con)\b.{1,80}
    |(?:verzonden|verstuurd|verzonden)\ (?:vanaf|met|via|van|vanuit)\b.{1,80}|skicka(?:t|des)\ från\b.{1,80}
    |sendt\ fra\b.{1,80}|lähetetty\ .{1,80}|wysłan[eoy]\ (?:z|ze)\b.{1,80}
    |отправлено\ (?:с|из|от)\b.{1,80}|надіслано\ (?:з|із)\b.{1,80}|odesláno\ z\b.{1,80}|odoslané\ z\b.{1,80}
    |(?:el)?küldve\b.{1,80}|.{2,60}(?:ről|ról)\ küldve|изпратено\ от\b.{1,80}|enviat\ (?:des\ del?|amb)\b.{1,80}
    |gửi\ từ\b.{1,60}|dikirim\ dari\b.{1,60}|ส่งจาก.{1,40}|.{2,60}[ıiuü]m[dt][ae]n\ gönderildi|trimis\ de\ pe\b.{1,80}
    |στάλθηκε\ από\b.{1,80}|poslano\ (?:s|z|iz)\b.{1,80}
    |(?:发自|寄件?自|[来來]自|[从從傳传])我的.{1,40}|发自\ .{1,40}|.{1,40}からの?送信|.{1,40}에서\ 보[냄냈].{0,6}
    |נשלח\ מה.{1,40}|أُ?رسلت?\ من\b.{1,60}
    |yahoo\ mail:.{1,60}
    )[.!]?$""",
    re.IGNORECASE | re.VERBOSE,
)
_OWN: Final = re.compile(
    r"^sent (?:from|with|on|by) (?:my|the all new) \S{2,20}(?: (?-i:[A-Z0-9])\S{0,12}){0,4}$", re.IGNORECASE
)
"""What people call their phones cannot be listed."""
_OFFERED: Final = re.compile(
    r"(?:get|download) (?!.*(?:mail|outlook|typeapp|spark|newton|edison|canary|\bapp\b))", re.IGNORECASE
)
"""What people tell others to install; programs advertise themselves."""
_WORDS: Final = 12
_ASIDE: Final = re.compile(
    r",\s|[.!?]\s|\d{4,}|\b(?:is|are|was|were|and|und|et|y|but|please|bitte|sorry|merci)\b", re.IGNORECASE
)
"""Where a line goes on as a sentence does."""


class Tail(Enum):
    """What stands below a text."""

    SIGNATURE = auto()
    PHONE = auto()
    FOOTER = auto()


def is_phone(line: str) -> bool:
    """Whether a bare line is a signature added by a phone or an app: it names one, and is no sentence."""
    if len(line) > 2 * _LONGEST:
        return False
    line = _LINK.sub(lambda match: match[1] or "", line).strip(" *_'\\[]")
    if len(line) > _LONGEST or not _PHONE.match(line):
        return False
    if _OFFERED.match(line):
        return False
    short = line.rstrip(".!")
    return bool(
        _OWN.match(short) or (_DEVICE.search(short) and len(short.split()) <= _WORDS and not _ASIDE.search(short))
    )


def has_chapters(lines: Sequence[str]) -> bool:
    """Whether so many delimiters are among the lines that they separate chapters."""
    return sum(1 for line in lines if line.rstrip("\r") in _DELIMITERS | _TYPED) > _MOST_DELIMITERS


def begin(
    lines: Sequence[str], bare: Sequence[str], start: int, end: int, *, chapters: bool
) -> tuple[int, Tail] | None:
    """The first line of the lowest signature or footer at the end of `lines[start:end]`, and what it is; else None.

    With `chapters`, delimiters do not begin signatures.
    """
    some = 0
    for index in range(end - 1, start - 1, -1):
        tail = _tail(lines, bare, index, end) if bare[index] and _opens(lines[index], bare[index]) else None
        if tail and not (chapters and tail is Tail.SIGNATURE):
            return index, tail
        some += bool(bare[index])
        if some > MOST_LINES:
            break
    return None


def _opens(line: str, bare: str) -> bool:
    """Whether a signature or a footer may begin at a line."""
    plain = line.rstrip("\r")
    return plain in _DELIMITERS or plain in _TYPED or bool(_FOOTER.match(bare)) or is_phone(bare)


@dataclass(frozen=True, slots=True)
class _Below:
    """What is told of the lines below one that may begin a signature. `some` are those that are not blank.

    `parted`: a blank line is above the one. `adjacent`: none is directly below it. `one`: they are one paragraph.
    """

    some: Sequence[str]
    parted: bool
    adjacent: bool
    one: bool

    def any(self, pattern: re.Pattern[str]) -> bool:
        """Whether the pattern is in one of the lines."""
        return any(map(pattern.search, self.some))

    def is_last(self) -> bool:
        """Whether what a phone adds is the end: a name may follow, or, below a line of its own, one short paragraph."""
        if len(self.some) <= _BELOW_PHONE and all(is_phone(line) or _is_name(line) for line in self.some):
            return True
        short = self.one and len(self.some) <= _MOST_TYPED // 2
        return self.parted and not self.adjacent and short and not _POSTSCRIPT.match(self.some[0])

    def is_footer(self, opening: str) -> bool:
        """Whether the lines below a ruler are a footer: of a mailing list, or one paragraph with an address."""
        if not 0 < len(self.some) <= _MOST_FOOTER:
            return False
        if any(_LIST.search(_URL.sub("", line)) for line in self.some):
            return True
        ruled = self.one and opening != "---" and bool(_FOOTER.match(opening))
        return ruled and (self.is_remark() or self.is_address(lined=opening.startswith("_")))

    def is_address(self, *, lined: bool) -> bool:
        """Whether short lines say where to write; below any ruler but an underline, first a name or an address."""
        short = self.adjacent and all(len(line) <= _SHORT for line in self.some)
        return short and self.any(_REACHABLE) and (lined or _begins_signature(self.some[0]))

    def is_remark(self) -> bool:
        """Whether a few lines stand directly below a ruler that is apart from the text, and are no form."""
        return self.parted and self.adjacent and self.is_few() and not self.any(_FIELD)

    def is_signature(self) -> bool:
        """Whether the lines below `-- ` are a signature; a sentence apart from it is the next paragraph."""
        return not self.some or self.adjacent or not self.any(_SENTENCE)

    def is_signed(self) -> bool:
        """Whether the lines below a delimiter that somebody typed are a signature: a name, and how to reach them."""
        if not self.some:
            return self.parted
        if not self.adjacent or len(self.some) > _MOST_TYPED:
            return False
        contact, prose = self.any(_CONTACT), self.any(_SENTENCE)
        if _begins_signature(self.some[0]):
            return contact or (self.parted and not prose)
        return self.parted and contact and not prose and self.is_few()

    def is_few(self) -> bool:
        """Whether they are one paragraph of very few lines."""
        return self.one and len(self.some) <= _BELOW_PHONE


def _below(bare: Sequence[str], index: int, end: int) -> _Below:
    text = "\n".join(bare[index + 1 : end])
    some = [line for line in bare[index + 1 : end] if line]
    parted = index == 0 or not bare[index - 1]
    return _Below(some, parted, bool(some) and not text.startswith("\n"), "\n\n" not in text.strip("\n"))


def _tail(lines: Sequence[str], bare: Sequence[str], index: int, end: int) -> Tail | None:
    """What begins at a line and ends at the end."""
    below = _below(bare, index, end)
    plain = lines[index].rstrip("\r")
    if len(below.some) > MOST_LINES:
        return None
    if is_phone(bare[index]):
        return Tail.PHONE if below.is_last() else None
    if below.is_footer(bare[index]):
        return Tail.FOOTER
    signed = plain in _DELIMITERS and below.is_signature()
    return Tail.SIGNATURE if signed or (plain in _TYPED and plain != "---" and below.is_signed()) else None


def _begins_signature(line: str) -> bool:
    return _is_name(line) or bool(_CONTACT.search(line) or _CLOSING.search(line))


def _is_name(line: str) -> bool:
    """Whether a line may be a name: a few words, the first of which is no small word."""
    if line[0].islower() or len(line.split()) > _NAME_WORDS:
        return False
    return bool(_NAME.match(line)) and not _SENTENCE.search(line)
