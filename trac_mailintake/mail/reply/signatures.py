"""parse: finds the beginning of a signature: `-- ` (RFC 3676, 4.3) and variants, and the line that phones add."""

from __future__ import annotations

import re
from typing import Final

_DELIMITERS: Final = {"-- ", "--", "--\u00a0", "\u2014", "-- \\\\", "-\u00a0-", "--\u3000"}
_MOST_LINES: Final = 12
"""Lines of a signature; more are not one."""
_MOST_FOOTER: Final = 6
"""Lines of a footer below a ruler."""
_MOST_DELIMITERS: Final = 2
"""More of them separate chapters."""
_FOOTER: Final = re.compile(r"^_{10,}$|^[\u2014\u2500]{3,}$")
_LONGEST: Final = 160
_LINK: Final = re.compile(
    r"\[(?:https?|mailto):\S{1,300} ([^\]]{1,100})\]|<[^<>\s]{1,300}>|\((?:https?:)[^()\s]{1,300}\)"
)

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


def is_phone(line: str) -> bool:
    """Whether a bare line is a signature added by a phone or an app."""
    if len(line) > 2 * _LONGEST:
        return False
    line = _LINK.sub(lambda match: match[1] or "", line).strip(" *_'\\[]")
    return len(line) <= _LONGEST and bool(_PHONE.match(line))


def begin(lines: list[str], bare: list[str], start: int, end: int) -> int:
    """The first line of the signatures at the end of `lines[start:end]`; `end` if there are none.

    There may be one below another, since phones add theirs to the sender's; many of them separate chapters.
    """
    for index in reversed(_openings(lines, bare, start, end)):
        following = [line for line in bare[index + 1 : end] if line]
        if len(following) > _most(bare[index], bare[index + 1 : end]):
            break
        end = index
    return end


def _openings(lines: list[str], bare: list[str], start: int, end: int) -> list[int]:
    """The lines at which signatures may begin; only those of phones if delimiters separate chapters."""
    places = [index for index in range(start, end) if _opens(lines[index], bare[index])]
    phones = [index for index in places if is_phone(bare[index])]
    return phones if len(places) - len(phones) > _MOST_DELIMITERS else places


def _opens(line: str, bare: str) -> bool:
    """Whether a signature may begin at a line."""
    return line.rstrip("\r") in _DELIMITERS or bool(_FOOTER.match(bare)) or is_phone(bare)


def _most(opening: str, following: list[str]) -> int:
    """How many lines may follow. Below a ruler only one paragraph is a footer."""
    if not _FOOTER.match(opening):
        return _MOST_LINES
    text = "\n".join(following).strip("\n")
    return -1 if "\n\n" in text or not text else _MOST_FOOTER
