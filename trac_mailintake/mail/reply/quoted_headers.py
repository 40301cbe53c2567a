"""parse: recognises header blocks that Outlook and others quote above a mail, and lines that separate two mails.

A block needs several fields whose names are header names in some language. If it begins with the sender, the lines need
only look like fields.
"""

from __future__ import annotations

import re
from typing import Final

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
_TIME: Final = re.compile(r"\d[:.h]\d{2}(?!\d)|[年月]\d")
_DATE: Final = re.compile(r"\d{1,4}[./-]\d{1,2}|\b(?:19|20)\d\d\b")
_FIELDS: Final = 2
"""Lines that look like header fields and must follow the sender closely."""
_DISTINCT: Final = 3
"""Different fields that make a block."""
_REACH: Final = 9
"""Lines in which the fields of a block stand."""

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
_ABOVE_WORDS: Final = ("this line", "dieser", "cette ligne", "esta l")
_TITLE: Final = re.compile(
    r"^\W{0,3}(?:original\ message|ursprüngliche\ nachricht|message\ d.origine)\W{0,3}$", re.IGNORECASE
)
"""What separates only above a header block or a quote: people use these words, too."""
_FORWARD: Final = re.compile(
    r"""^\W{0,3}[-_=]{2,}\s?(?:forwarded\ (?:message|by|e?-?mail)|weitergeleitete\ (?:nachricht|mail)
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
    if any(mark in line for mark in ("--", "__", "==")) and _SEPARATOR.match(line):
        return True
    lower = line.lower()
    return any(word in lower for word in _ABOVE_WORDS) and bool(_ABOVE.match(line))


def forwards(line: str) -> bool:
    """Whether a bare line announces a forwarded message."""
    return ("--" in line or line.endswith(":")) and bool(_FORWARD.match(line))


def ends(line: str) -> bool:
    """Whether a bare line is no answer when a quote follows: a ruler, or the title of an older message."""
    return rules(line) or bool(_TITLE.match(line))


def rules(line: str) -> bool:
    """Whether a bare line is a ruler, perhaps with a word in it."""
    return bool(_RULER.match(line))


def heads(lines: list[str], index: int) -> bool:
    """Whether a quoted header block begins at `lines[index]` (bare)."""
    kind, value = _field(lines[index])
    if kind in {"", "unknown"}:
        return False
    following = [_field(line) for line in lines[index + 1 : index + _REACH] if line][:5]
    if kind == "from" and (_are_fields(following) or _is_flat(lines[index : index + _FIELDS + 1])):
        return True
    values = _block([(kind, value), *following])
    known = values.keys() - {"", "unknown"}
    if "from" in known and len(known) >= _DISTINCT:
        return True
    return _is_of_mail(values)


def _are_fields(following: list[tuple[str, str]]) -> bool:
    """Whether the lines below the sender look like fields, whatever their names are."""
    kinds = [kind for kind, _ in following]
    return any(kinds[:2]) and len(kinds) - kinds.count("") >= _FIELDS


def _block(fields: list[tuple[str, str]]) -> dict[str, str]:
    """The first value of each kind of field; one line that is no field may follow the first."""
    values: dict[str, str] = {}
    for kind, value in fields:
        if not kind and len(values) > 1:
            break
        values.setdefault(kind, value)
    return values


def _is_flat(lines: list[str]) -> bool:
    """Whether the lines are a whole block, whose own line breaks were lost."""
    kinds = {_KIND.get(name.casefold(), "") for name in _INSIDE.findall(" ".join(lines))}
    return {"sent", "to", "subject"} <= kinds


def _is_of_mail(values: dict[str, str]) -> bool:
    """Whether the fields have the time and an address, as those of a mail."""
    addressed = "@" in values.get("to", "") or "@" in values.get("from", "")
    return addressed and bool(_TIME.search(values.get("sent", "")))


def _field(line: str) -> tuple[str, str]:
    """Which field the line is (`unknown` when it only looks like one, "" when not even that), and its value."""
    match = _NAME.match(line) if ":" in line or "：" in line else None
    if not match:
        return "", ""
    return _KIND.get(_BLANKS.sub(" ", match[1]).casefold(), "unknown"), match[2]


def top(lines: list[str], index: int) -> int:
    """The first line of what belongs to the block or announcement at `lines[index]` (bare).

    Rulers and separators above it belong to it, and a line with the date.
    """
    above = index
    while (before := _before(lines, above)) >= max(0, index - _REACH) and _belongs(lines[before]):
        above = before
    return above


def _before(lines: list[str], index: int) -> int:
    """The line above that is not blank, two blank lines away at most; else -1."""
    for above in range(index - 1, max(-1, index - 4), -1):
        if lines[above]:
            return above
    return -1


def _belongs(line: str) -> bool:
    kind, value = _field(line)
    dated = kind == "sent" and bool(_DATE.search(value))
    return dated or ends(line) or separates(line)
