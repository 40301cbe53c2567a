"""parse: the lines with which mail software announces a quote, in the languages it speaks.

Each rule looks for what the announcements have in common (a verb of writing, a date, an address, a colon at the end),
not for the wording of one version of one program.
"""

from __future__ import annotations

import re
from typing import Final

_DRESS: Final = re.compile(r"^[\s*_'\u200b\u200e\u200f\ufeff]+|[\s*_'\\]+$")
"""Blanks and emphasis around a line, also those of wiki text."""

_VERB: Final = re.compile(
    r"""\b(?:wrote|writes|schrieb|a\ écrit|a\ ecrit|écrivait|escribió|escribio|ha\ scritto|scrive|escreveu
    |schreef|geschreven|skrev|skreiv|napisał(?:\(?a\)?)?|napsal(?:\(a\)|a)?|napísal(?:\(a\)|a)?
    |kirjoitti|kirjutas|írta|a\ scris|написа(?:л(?:\(а\)|а)?|в|ла)|пишет|пише|пишу|έγραψε
    |yazdı|şunu\ yazdı|שלח|כתב
    |napisao|napisala|je\ napisal|parašė|rakstīja|đã\ viết|menulis|ha\ escrit|a\ dit)(?!\w)
    |写道|寫道|さんは書きました|のメッセージ|작성|님이\ 작성""",
    re.IGNORECASE | re.VERBOSE,
)
_LEAD: Final = re.compile(
    r"(?:on|am|le|el|il|em|op|den|på|w dniu|dnia|dne|dňa|a|ma|ti|ke|to|pe|la|su|pada|vào|στις|în|у|в|от|at|von|de|from"
    r"|于|在|quoting|citando|zitat von)\b",
    re.IGNORECASE,
)
_BEGINNING: Final = re.compile(rf"{_LEAD.pattern}.{{20,}}[^.!?]$", re.IGNORECASE)
_EVIDENCE: Final = re.compile(r"\d|@")
_COLON: Final = re.compile(r"[:：]$")
_DATE_AND_ADDRESS: Final = re.compile(
    r"^.{0,80}?\d{1,4}[-/.年]\s?\d{1,2}[-/.月].{0,160}[<\[(][^<>\s]{1,100}@[^<>\s]{1,200}[>\])].{0,80}[:：]$"
    r"|^.{0,80}\d{1,2}:\d{2}.{0,120}<[^<>\s]{1,100}@[^<>\s]{1,200}>.{0,20}[:：]$"
)
_VERB_FIRST: Final = re.compile(
    r"^.{0,120}(?:schrieb am|skrev den|schreef op|wrote on|a écrit le)\b.{0,200}\d", re.IGNORECASE
)

_SEPARATOR: Final = re.compile(
    r"""^\W{0,3}[-_=]{2,}\s?(?:original\ ?message|original\ e?-?mail|reply\ message|forwarded\ message
    |message\ d.origine|message\ original|message\ transféré|ursprüngliche\ (?:nachricht|mail)
    |urspr\.?\ nachricht|original(?:t)?\ (?:meddelelse|meddelande|melding)
    |oprindelig\ (?:besked|meddelelse)|oorspronkelijk\ bericht|messaggio\ originale|mensagem\ original
    |mensaje\ original|alkuperäinen\ viesti|původní\ zpráva|pôvodná\ správa
    |eredeti\ üzenet|исходное\ сообщение
    |пересылаемое\ сообщение|wiadomość\ oryginalna|oryginalna\ wiadomość
    |mesaj\ original
    |orijinal\ (?:ileti|mesaj)|original\ nachricht|antwort\ nachricht|original\ mail|元のメッセージ|原始邮件
    |原始郵件|원본\ 메[일시]지?)\b.{0,40}$
    |^(?:begin\ forwarded\ message|anfang\ der\ weitergeleiteten\ nachricht|début\ du\ message\ (?:réexpédié
    |transféré)|inizio\ messaggio\ inoltrato|begin\ doorgestuurd\ bericht
    |inicio\ del\ mensaje\ reenviado)\s?:$""",
    re.IGNORECASE | re.VERBOSE,
)
_RULE: Final = re.compile(r"^[-_=*]{10,}$")
_FROM: Final = re.compile(
    r"^(?:from|von|de|da|van|från|fra|od|от|від|lähettäjä|feladó|kimden|από|expéditeur|enviado por|mittente|afzender"
    r"|saatja|nuo|no|差出人|发件人|寄件者|寄件人|보낸\s?사람|送信者|מאת)\s?[*_']*\s?[:：]",
    re.IGNORECASE,
)
_FIELD: Final = re.compile(r"^[^\s:：\d<>\"/][^:：\n]{0,30}?[*_']*\s?[:：](?:[*_'\s]|$|\S)")
_FIELDS: Final = 2
"""Lines that look like header fields and must follow `From:` closely."""
_LONGEST: Final = 500
_LINES: Final = 4

_PHONE: Final = re.compile(
    r"""^(?:sent\ (?:from|via|by|with|using)\ (?:my|the|a|an|outlook|mail|gmail|yahoo|samsung|iphone|ipad
    |android|blackberry|mobile|nokia|windows|proton)|get\ outlook\ for|von\ mein(?:em
    |er)\ .{2,40}\ gesendet|gesendet\ (?:von|mit|aus|über)\b|envoyé\ (?:de|depuis|à\ partir)
    |enviado\ (?:desde|do|de|a\ partir)|inviato\ da
    |verzonden\ (?:vanaf|met|via)|verstuurd\ (?:vanaf|met|via)|skickat\ från|sendt\ fra
    |lähetetty|wysłan[eoy]\ (?:z
    |ze)|отправлено\ (?:с|из)|надіслано|odesláno\ z|odoslané\ z|elküldve|yolland[ıi]|发自我的|從我的|iphoneから送信
    |나의\ iphone에서\ 보냄|trimis\ de\ pe)""",
    re.IGNORECASE | re.VERBOSE,
)


def bare(line: str) -> str:
    """The line without blanks and emphasis around it."""
    line = line[:_LONGEST]
    return _DRESS.sub("", line) or line.strip()


def announces(lines: list[str], index: int, *, quoted_next: bool) -> int:
    """How many lines, `lines[index]` the last of them, announce a quote; 0 when they don't.

    `lines` are bare. `quoted_next` says that a line with a quote mark follows: then less is asked for.
    """
    last = lines[index]
    if not _COLON.search(last):
        return 1 if quoted_next and _VERB_FIRST.match(last) else 0
    joined = ""
    for count in range(1, min(_LINES, index + 1) + 1):
        line = lines[index - count + 1]
        if not line:
            return 0
        joined = f"{line} {joined}".strip()
        if len(joined) > _LONGEST:
            return 0
        announcement = _VERB.search(joined) and _is_announcement(joined, quoted_next=quoted_next)
        if announcement or _DATE_AND_ADDRESS.match(joined):
            return count + _continued(lines, index - count)
    return 0


def _is_announcement(joined: str, *, quoted_next: bool) -> bool:
    if not _EVIDENCE.search(joined):
        return quoted_next
    return quoted_next or bool(_LEAD.match(joined)) or "@" in joined


def _continued(lines: list[str], index: int) -> int:
    """1 when the announcement began a line earlier: its first words were broken off."""
    return int(index >= 0 and bool(_BEGINNING.match(lines[index])) and bool(_EVIDENCE.search(lines[index])))


def separates(line: str) -> bool:
    """Whether a bare line says that another message follows."""
    return bool(_SEPARATOR.match(line))


def rules(line: str) -> bool:
    """Whether a bare line is a ruler."""
    return bool(_RULE.match(line))


def heads(lines: list[str], index: int) -> bool:
    """Whether a header block, as Outlook quotes it, begins at `lines[index]` (bare)."""
    if not _FROM.match(lines[index]):
        return False
    following = [line for line in lines[index + 1 : index + 9] if line][:5]
    fields = [bool(_FIELD.match(line)) for line in following]
    return sum(fields) >= _FIELDS and any(fields[:2])


def is_phone(line: str) -> bool:
    """Whether a bare line is the signature that a telephone adds."""
    return bool(_PHONE.match(line))
