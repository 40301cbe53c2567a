"""parse: recognises header blocks that Outlook and others quote above a mail, and lines that separate two mails.

A block needs several fields whose names are header names in some language. If it begins with the sender, the lines need
only look like fields.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS: Final = {
    "from": "from von de da van från fra od от від lähettäjä feladó kimden από expéditeur enviado_por remitente"
    " mittente afzender saatja nuo no absender avsender avsändare frá gửi_từ من מאת 差出人 送信元 发件人"
    " 寄件者 寄件人 보낸사람 보낸_사람 보낸이 送信者 nadawca de_la от_кого gönderen šalje từ จาก dari"
    " daripada afsender",
    "sent": "sent date gesendet datum envoyé envoyé_le envoyée enviado enviado_el enviada enviada_em fecha data"
    " inviato inviata verzonden skickat sendt dato wysłano wysłane отправлено дата надіслано надіслане"
    " lähetetty päivämäärä päiväys küldve elküldve dátum gönderildi gönderilme gönderme_tarihi tarih"
    " ημερομηνία στάλθηκε odesláno odoslané poslano poslané trimis saadetud išsiųsta nosūtīts ngày"
    " sendt_den message_du נשלח תאריך تاريخ التاريخ تم_الإرسال 日時 送信日時 日付 发送时间 日期 时间"
    " 寄件日期 傳送時間 보낸_날짜 날짜 보낸날짜 data_wysłania trimis изпратено poslato küldve đã_gửi ngày ส่ง วันที่"
    " tanggal dikirim dihantar enviat_el",
    "to": "to an à a para pour aan naar till til do komu кому vastaanottaja címzett kime alıcı προς către"
    " pentru pro saaja kam kas destinataire destinatario destinatário ata až gavėjas đến إلى אל 宛先"
    " 收件人 收件者 받는_사람 받는사람 받는이 adresat tới ถึง kepada modtager mottaker mottagare empfänger ontvanger"
    " adressaat za prima per_a",
    "cc": "cc bcc cci kopie copie copie_à copia kopia kopi kk копия копія másolat másolatot_kap bilgi κοιν dw"
    " udw 抄送 副本 참조 עותק نسخة kópia kopio копие κοιν. สำเนา tembusan",
    "subject": "subject betreff objet sujet asunto oggetto assunto onderwerp ämne emne temat тема aihe tárgy konu"
    " θέμα předmět predmet subiect teema tēma tema efni chủ_đề الموضوع נושא 件名 主题 主旨 主題 제목 เรื่อง"
    " subjek perihal assumpte относно zadeva",
    "other": "reply-to antwort_an répondre_à responder_a importance wichtigkeit priority priorität priorité"
    " attachments anlagen anhänge pièces_jointes adjuntos organization organisation importancia risposta"
    " resent-from mailed-by",
}
_KIND: Final = {word.replace("_", " "): kind for kind, words in _KINDS.items() for word in words.split()}
_NAME: Final = re.compile(r"^([^\s:：\d<>\"/][^:：\n]{0,30}?)[*_']*\s{0,3}[:：](?=[*_'\s]|$|\S)[*_']*\s?(.*)")
_INSIDE: Final = re.compile(r"(?<=\s)(\w{1,12}(?: \w{2,5})?)\s?[:：](?=\s)")
_BLANKS: Final = re.compile(r"\s+")
_TIME: Final = re.compile(r"(?<![\d.])\d{1,2}[:.h]\d{2}(?![\d.])")
_DATE: Final = re.compile(
    r"\d{1,4}[./-]\d{1,2}[./-]\d{2,4}|(?<!\d)(?:19|20|25)\d\d(?!\d)|\d ?[年月년월]"
    r"|\b\d{1,2}\.? [^\W\d_]{3,}|[^\W\d_]{3,}[ -]\d{1,2}[-,]"
)
_REACH: Final = 12
"""Lines in which the fields of a block stand."""
_BETWEEN: Final = 4
"""Most lines of one field, such as a long list of recipients."""
_FULL: Final = 3
"""Different fields that make a block."""
_FLAT: Final = 5
"""Lines of a block whose own line breaks were lost, and that was wrapped since."""
_WIDE: Final = 50
"""A line at least so long may have been wrapped."""
_LETTER: Final = re.compile(r"[^\W\d_]")
_STAMP: Final = re.compile(r"\d{4} \d{1,2}:\d\d(?::\d\d)? [+-]\d{4}\b")
"""The end of a date of RFC 5322, which people do not type."""
_MBOX: Final = re.compile(r"^>?From \S{1,100} .{0,60}\d{4}$")
"""The line above a mail in an mbox, and above a patch of Git."""
_HYPHENATED: Final = re.compile(r"^[A-Za-z]+(?:-[A-Za-z]+)+: ")
"""A field such as Return-Path, which mail programs do not show either."""
_RAW: Final = frozenset(
    {"received", "message-id", "mime-version", "content-type", "return-path", "x-mailer", "user-agent"}
)
"""Fields that mail programs do not show: this is the source of a mail, which somebody pasted."""

_RULER: Final = re.compile(r"^(?:[-_=*\u2014\u2500]\s?){3,}$|^-{3,}[^-].{0,80}-{3,}$")
_SEPARATOR: Final = re.compile(
    r"""^\W{0,3}[-_=]{2,}\s?(?:original\ ?message|original\ e?-?mail|original\ appointment|reply\ message
    |message\ d.origine|message\ original|mail\ original|ursprüngliche(?:r)?\ (?:nachricht|e?-?mail|message|termin)
    |urspr\.?\ nachricht|original[t-]?\ ?(?:meddelelse|meddelande|melding|bericht|nachricht)
    |oprindelig\ (?:besked|meddelelse)|ursprungligt\ meddelande|opprinnelig\ melding|oorspronkelijk\ bericht
    |messaggio\ originale|mensagem\ original|mensaje\ original|alkuperäinen\ viesti
    |původní\ (?:zpráva|e-mail)|pôvodn(?:á\ správa|ý\ e-?mail)
    |eredeti\ üzenet|исходное\ сообщение|оригинальное\ сообщение|вихідне\ повідомлення|wiadomość\ oryginalna
    |oryginalna\ wiadomość|mesaj\ original|izvirno\ sporočilo|izvorna\ poruka|αρχικό\ μήνυμα|הודעה\ מקורית
    |الرسالة\ الأصلية
    |orijinal\ (?:ileti|mesaj)|antwort\ nachricht|rendez-vous\ d.origine|cita\ original
    |pesan\ asli|original\ mail|元のメッセージ|原始邮件
    |原始郵件|원본\ (?:메[일시]지?|이메일)|original(?=\s?-{3}))(?!\w).{0,40}$""",
    re.IGNORECASE | re.VERBOSE,
)
_ABOVE: Final = re.compile(
    r"^\W{0,12}(?:please\ )?(?:type|write|enter|reply|respond|answer|post|add)\b.{0,40}\babove\ this\ line\b.{0,40}$"
    r"|^\W{0,12}(?:bitte\ )?.{0,20}antwort.{0,40}\b(?:über|oberhalb)\ dieser\ (?:zeile|linie)\b.{0,40}$"
    r"|^\W{0,12}(?:veuillez\ )?(?:répond|écri).{0,40}\bau-dessus\ de\ cette\ ligne\b.{0,40}$"
    r"|^\W{0,12}(?:por\ favor,?\ )?(?:respond|escrib).{0,40}\b(?:encima|arriba)\ de\ esta\ línea\b.{0,40}$",
    re.IGNORECASE | re.VERBOSE,
)
"""Lines that trackers put above their own mail."""
_ABOVE_WORDS: Final = re.compile(r"this line|dieser|cette ligne|esta l", re.IGNORECASE)
_TITLE: Final = re.compile(
    r"^\W{0,3}(?:original\ message|ursprüngliche\ nachricht|message\ d.origine)\W{0,3}$", re.IGNORECASE
)
"""What separates only above a header block or a quote: people use these words, too."""
_FORWARD: Final = re.compile(
    r"""^\W{0,3}[-_=]{2,}\s?(?:(?:begin\ )?forwarded\ (?:message|text|by|e?-?mail)
    |weitergeleitete\ (?:nachricht|mail)
    |message\ transféré|message\ réexpédié|mensaje\ reenviado|mensagem\ (?:encaminhada|reencaminhada)
    |messaggio\ inoltrato|doorgestuurd\ bericht|videresendt\ (?:besked|melding)|vidarebefordrat\ meddelande
    |przekazana\ wiadomość|wiadomość\ przekazana|пересылаемое\ сообщение|переслане\ повідомлення|přeposlaná\ zpráva
    |preposlaná\ správa|továbbított\ üzenet|välitetty\ viesti|iletilen\ (?:mesaj|ileti)|mesaj\ redirecționat
    |転送メッセージ|转发的?邮件|轉寄的?郵件|전달된\ 메[일시]지)(?!\w).{0,60}$
    |^(?:begin\ forwarded\ message|anfang\ der\ weitergeleiteten\ nachricht|début\ du\ message\ (?:réexpédié
    |transféré)|inizio\ messaggio\ inoltrato|begin\ doorgestuurd\ bericht|inicio\ del\ mensaje\ reenviado
    |início\ da\ mensagem\ reencaminhada|start\ på\ videresendt\ besked|vidarebefordrat\ brev)\s?:$""",
    re.IGNORECASE | re.VERBOSE,
)


def separates(line: str) -> bool:
    """Whether a bare line announces an older message."""
    if ("--" in line or "__" in line or "==" in line) and _SEPARATOR.match(line):
        return True
    return bool(_ABOVE_WORDS.search(line) and _ABOVE.match(line))


def forwards(line: str) -> bool:
    """Whether a bare line announces a forwarded message."""
    return ("--" in line or line.endswith(":")) and bool(_FORWARD.match(line))


def ends(line: str) -> bool:
    """Whether a bare line is no answer when a quote follows: a ruler, or the title of an older message."""
    return rules(line) or bool(_TITLE.match(line))


def titles(line: str) -> bool:
    """Whether a bare line above a header block says that an older message follows."""
    return bool(_TITLE.match(line)) or separates(line)


def rules(line: str) -> bool:
    """Whether a bare line is a ruler, perhaps with a word in it."""
    return bool(_RULER.match(line))


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that look like a header: those before `end`, and the first value of each kind of field.

    `flat` if the whole block is one line.
    """

    end: int
    values: Mapping[str, str]
    flat: bool

    def proves(self, *, titled: bool = False, ruled: bool = False) -> bool:
        """Whether this is the header of an older mail. Above it is "Original Message" (`titled`), or a ruler (`ruled`).

        This is the only place that weighs the fields. Settings, forms and timetables have such names, too; but they
        do not have sender, date, recipient and subject with a date or an address among their values.
        """
        known = self.values.keys() - {"", "unknown", "other"}
        if self.flat or (titled and len(known) > 1):
            return True
        if "from" not in known:
            return self.addressed and bool(_STAMP.search(self.sent))
        if not self.names_who_and_when:
            return False
        if self.addressed:
            return bool(known & {"to", "subject", "cc"})
        return "subject" in known and bool(ruled or _TIME.search(self.sent))

    @property
    def names_who_and_when(self) -> bool:
        """Whether the sender has letters, and the date is one."""
        return bool(_LETTER.search(self.values["from"]) and _DATE.search(self.sent))

    @property
    def sent(self) -> str:
        """The value of the field with the date."""
        return self.values.get("sent", "")

    @property
    def addressed(self) -> bool:
        """Whether the sender or a recipient has an address."""
        return any("@" in self.values.get(kind, "") for kind in ("from", "to"))


def opens(line: str) -> bool:
    """Whether a bare line is a field with which a header block may begin."""
    return _field(line)[0] not in {"", "unknown", "cc", "other"}


def block(lines: list[str], index: int) -> Block | None:
    """The header block that begins at `lines[index]` (bare) with a known field, or None.

    None also for the source of a mail, or a patch.
    """
    if not opens(lines[index]):
        return None
    kind, _ = _field(lines[index])
    if kind == "from" and _is_flat(lines[index : index + _FLAT]):
        return Block(index + 1, dict.fromkeys(("from", "sent", "to", "subject"), lines[index]), flat=True)
    values, end, raw = _fields(lines, index)
    raw = raw or (index > 0 and bool(_MBOX.match(lines[index - 1]) or _HYPHENATED.match(lines[index - 1])))
    return None if raw or _again(lines, index, end, kind) else Block(end, values, flat=False)


def _fields(lines: list[str], index: int) -> tuple[dict[str, str], int, bool]:
    """The first value of each kind of field, the first line below them, and whether a field is one of a mail's source.

    Single blank lines may separate fields, and a long field may be wrapped.
    """
    values: dict[str, str] = {}
    end, raw = index, False
    for place in range(index, min(len(lines), index + _REACH)):
        kind, value = _field(lines[place])
        if kind and (place == end or kind not in {"unknown", *values}):
            values.setdefault(kind, value)
            raw = raw or _is_raw(lines[place], value)
            end = place + 1
        elif place - end >= _BETWEEN or not _goes_on(lines, end, place):
            break
    return values, end, raw


def _is_raw(line: str, value: str) -> bool:
    """Whether a field is one of the source of a mail, or of a patch."""
    return line.split(":", 1)[0].casefold() in _RAW or "[PATCH" in value


def _goes_on(lines: list[str], end: int, place: int) -> bool:
    """Whether a block goes on behind `lines[place]`, which is no field: one blank line, or more of the field above."""
    if not lines[place]:
        return place == end
    return bool(lines[end]) and _is_wrapped(lines[place - 1], lines[place])


def _is_wrapped(above: str, line: str) -> bool:
    """Whether a line continues the field above it."""
    return "@" in line or above.endswith((",", ";")) or line.endswith(";") or len(above) >= _WIDE


def _again(lines: list[str], index: int, end: int, kind: str) -> bool:
    """Whether the kind of the first field comes again below a sender: then that line belongs to the answer above."""
    kinds = [_field(line)[0] for line in lines[index + 1 : end]]
    return kind != "from" and kind in kinds and "from" in kinds


def heads(lines: list[str], index: int) -> bool:
    """Whether the header of an older mail begins at `lines[index]` (bare)."""
    found = block(lines, index)
    return bool(found and found.proves())


def _is_flat(lines: list[str]) -> bool:
    """Whether the lines are a whole block, whose own line breaks were lost."""
    some = list(takewhile(bool, lines))
    if sum(1 for line in some if opens(line)) >= _FULL:
        return False
    joined = " ".join(some)
    kinds = {_KIND.get(name.casefold(), "") for name in _INSIDE.findall(joined)}
    return {"sent", "to", "subject"} <= kinds and ("@" in joined or bool(_TIME.search(joined)))


def _field(line: str) -> tuple[str, str]:
    """Which field the line is (`unknown` when it only looks like one, "" when not even that), and its value."""
    match = _NAME.match(line) if ":" in line or "：" in line else None
    if not match:
        return "", ""
    return _KIND.get(_BLANKS.sub(" ", match[1]).casefold(), "unknown"), match[2]


def top(lines: list[str], index: int, *, dated: bool = False) -> int:
    """The first line of what belongs to the block or announcement at `lines[index]` (bare).

    Rulers and separators above it belong to it; with `dated` also a line with the date, which is no field of a form.
    """
    above = index
    while (before := _before(lines, above)) >= max(0, index - _REACH) and _belongs(lines, before, dated=dated):
        above = before
    return above


def _before(lines: list[str], index: int) -> int:
    """The line above that is not blank, two blank lines away at most; else -1."""
    for above in range(index - 1, max(-1, index - 4), -1):
        if lines[above]:
            return above
    return -1


def _belongs(lines: list[str], index: int, *, dated: bool) -> bool:
    kind, value = _field(lines[index])
    if dated and kind == "sent" and _DATE.search(value) and not (index and _field(lines[index - 1])[0]):
        return True
    return ends(lines[index]) or separates(lines[index])
