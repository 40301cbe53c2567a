"""What mail programs write in each language: dates, names of header fields, and lines that announce a quote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DAYS: Final = (("Mon", "02", "Mar", "2026"), ("Wed", "14", "Oct", "2026"), ("Fri", "27", "Nov", "2026"))
"""The dates of quoted mails: weekday, day, month, year."""
NUMBERS: Final = (3, 10, 11)
"""The months of these dates."""


@dataclass(frozen=True)
class Language:
    """What programs write in one language.

    `weekdays` and `months` belong to `DAYS`. `fields`: Outlook's names for From, Sent, To, Cc, Subject.
    `announced`: templates above a quote, with a date, a time and a name or an address. `original`: "Original Message".
    `phone`: what a telephone writes below a mail.
    """

    weekdays: tuple[str, str, str]
    months: tuple[str, str, str]
    fields: tuple[str, str, str, str, str]
    announced: tuple[str, ...]
    original: str
    phone: tuple[str, ...]


LANGUAGES: Final = {
    "en": Language(
        ("Monday", "Wednesday", "Friday"),
        ("March", "October", "November"),
        ("From", "Sent", "To", "Cc", "Subject"),
        (
            "On {w3}, {m3} {d}, {y} at {t} AM {n} <{a}> wrote:",
            "On {d} {m3} {y}, at {t}, {n} <{a}> wrote:",
            "On {d2}/{mm}/{y} {t}, {n} wrote:",
            "On {w}, {m} {d}, {y} at {t}:00 AM GMT+1, {n} <{a}> wrote:",
        ),
        "Original Message",
        ("Sent from my iPhone", "Sent from my Galaxy S24", "Get Outlook for iOS", "Sent from Yahoo Mail on Android"),
    ),
    "de": Language(
        ("Montag", "Mittwoch", "Freitag"),
        ("März", "Oktober", "November"),
        ("Von", "Gesendet", "An", "Cc", "Betreff"),
        (
            "Am {w2}., {d}. {m3}. {y} um {t} Uhr schrieb {n} <{a}>:",
            "Am {d2}.{mm}.{y} um {t} schrieb {n} <{a}>:",
            "Am {d2}.{mm}.{y} um {t} schrieb {n}:",
            "Am {w}, {d}. {m} {y} um {t}:00 MEZ hat {n} <{a}> Folgendes geschrieben:",
        ),
        "Ursprüngliche Nachricht",
        ("Von meinem iPhone gesendet", "Gesendet von Outlook für Android", "Von meinem Samsung Gerät gesendet."),
    ),
    "fr": Language(
        ("lundi", "mercredi", "vendredi"),
        ("mars", "octobre", "novembre"),
        ("De", "Envoyé", "À", "Cc", "Objet"),
        (
            "Le {w3}. {d} {m} {y} à {t}, {n} <{a}> a écrit :",
            "Le {d2}/{mm}/{y} à {t}, {n} a écrit :",
            "Le {w} {d} {m} {y} à {t}:00 UTC+1, {n} <{a}> a écrit :",
        ),
        "Message d'origine",
        ("Envoyé de mon iPhone", "Envoyé depuis mon appareil mobile Samsung."),
    ),
    "es": Language(
        ("lunes", "miércoles", "viernes"),
        ("marzo", "octubre", "noviembre"),
        ("De", "Enviado", "Para", "CC", "Asunto"),
        (
            "El {w3}, {d} {m3} {y} a las {t}, {n} (<{a}>) escribió:",
            "El {d2}/{mm}/{y} a las {t}, {n} escribió:",
        ),
        "Mensaje original",
        ("Enviado desde mi iPhone", "Enviado desde Outlook para Android"),
    ),
    "it": Language(
        ("lunedì", "mercoledì", "venerdì"),
        ("marzo", "ottobre", "novembre"),
        ("Da", "Inviato", "A", "Cc", "Oggetto"),
        (
            "Il giorno {w3} {d} {m3} {y} alle ore {t} {n} <{a}> ha scritto:",
            "Il {d2}/{mm}/{y} {t}, {n} ha scritto:",
        ),
        "Messaggio originale",
        ("Inviato da iPhone", "Inviato da Outlook per Android"),
    ),
    "pt": Language(
        ("segunda-feira", "quarta-feira", "sexta-feira"),
        ("março", "outubro", "novembro"),
        ("De", "Enviada em", "Para", "Cc", "Assunto"),
        (
            "Em {w3}., {d} de {m3}. de {y} às {t}, {n} <{a}> escreveu:",
            "Em {d2}/{mm}/{y} {t}, {n} escreveu:",
        ),
        "Mensagem original",
        ("Enviado do meu iPhone", "Enviado do Outlook para Android"),
    ),
    "nl": Language(
        ("maandag", "woensdag", "vrijdag"),
        ("maart", "oktober", "november"),
        ("Van", "Verzonden", "Aan", "CC", "Onderwerp"),
        (
            "Op {w2} {d} {m3} {y} om {t} schreef {n} <{a}>:",
            "Op {d} {m3}. {y} om {t} heeft {n} <{a}> het volgende geschreven:",
        ),
        "Oorspronkelijk bericht",
        ("Verstuurd vanaf mijn iPhone", "Verzonden vanuit Outlook voor Android"),
    ),
    "sv": Language(
        ("måndag", "onsdag", "fredag"),
        ("mars", "oktober", "november"),
        ("Från", "Skickat", "Till", "Kopia", "Ämne"),
        ("Den {w3} {d} {m3}. {y} kl {t} skrev {n} <{a}>:", "{d} {m} {y} kl. {t} skrev {n} <{a}>:"),
        "Ursprungligt meddelande",
        ("Skickat från min iPhone",),
    ),
    "da": Language(
        ("mandag", "onsdag", "fredag"),
        ("marts", "oktober", "november"),
        ("Fra", "Sendt", "Til", "Cc", "Emne"),
        ("Den {w3}. {d}. {m3}. {y} kl. {t} skrev {n} <{a}>:",),
        "Oprindelig meddelelse",
        ("Sendt fra min iPhone",),
    ),
    "nb": Language(
        ("mandag", "onsdag", "fredag"),
        ("mars", "oktober", "november"),
        ("Fra", "Sendt", "Til", "Kopi", "Emne"),
        ("{w3}. {d}. {m3}. {y} kl. {t} skrev {n} <{a}>:",),
        "Opprinnelig melding",
        ("Sendt fra min iPhone", "Sendt fra Outlook for Android"),
    ),
    "fi": Language(
        ("maanantai", "keskiviikko", "perjantai"),
        ("maaliskuuta", "lokakuuta", "marraskuuta"),
        ("Lähettäjä", "Lähetetty", "Vastaanottaja", "Kopio", "Aihe"),
        ("{w2} {d}. {m3}k. {y} klo {t} {n} ({a}) kirjoitti:", "{n} <{a}> kirjoitti {d}.{mm}.{y} kello {t}:"),
        "Alkuperäinen viesti",
        ("Lähetetty iPhonesta",),
    ),
    "pl": Language(
        ("poniedziałek", "środa", "piątek"),
        ("marca", "października", "listopada"),
        ("Od", "Wysłano", "Do", "DW", "Temat"),
        ("{w3}., {d} {m3} {y} o {t} {n} <{a}> napisał(a):", "W dniu {d2}.{mm}.{y} o {t}, {n} pisze:"),
        "Wiadomość oryginalna",
        ("Wysłane z iPhone'a", "Wysłane z telefonu Samsung Galaxy"),
    ),
    "cs": Language(
        ("pondělí", "středa", "pátek"),
        ("března", "října", "listopadu"),
        ("Od", "Odesláno", "Komu", "Kopie", "Předmět"),
        ("{w2} {d}. {mm}. {y} v {t} odesílatel {n} <{a}> napsal:", "Dne {d2}. {mm}. {y} v {t} {n} napsal(a):"),
        "Původní zpráva",
        ("Odesláno z iPhonu",),
    ),
    "ru": Language(
        ("понедельник", "среда", "пятница"),
        ("марта", "октября", "ноября"),
        ("От", "Отправлено", "Кому", "Копия", "Тема"),
        (
            "{w2}, {d} {m3}. {y} г. в {t}, {n} <{a}>:",
            "{w}, {d} {m} {y}, {t} +03:00 от {n} <{a}>:",
            "{d2}.{mm}.{y} {t}, {n} пишет:",
        ),
        "Исходное сообщение",
        ("Отправлено с iPhone",),
    ),
    "uk": Language(
        ("понеділок", "середа", "п'ятниця"),
        ("березня", "жовтня", "листопада"),
        ("Від", "Надіслано", "Кому", "Копія", "Тема"),
        ("{w2}, {d} {m3}. {y} р. о {t} {n} <{a}> пише:",),
        "Вихідне повідомлення",
        ("Надіслано з iPhone",),
    ),
    "tr": Language(
        ("Pazartesi", "Çarşamba", "Cuma"),
        ("Mart", "Ekim", "Kasım"),
        ("Kimden", "Gönderildi", "Kime", "Bilgi", "Konu"),
        ("{n} <{a}>, {d} {m3} {y} {w3}, {t} tarihinde şunu yazdı:", "{d2}.{mm}.{y} {t} tarihinde {n} yazdı:"),
        "Orijinal Mesaj",
        ("iPhone'umdan gönderildi",),
    ),
    "hu": Language(
        ("hétfő", "szerda", "péntek"),
        ("március", "október", "november"),
        ("Feladó", "Elküldve", "Címzett", "Másolat", "Tárgy"),
        ("{n} <{a}> ezt írta (időpont: {y}. {m3}. {d}., {w3}, {t}):", "{y}. {mm}. {d2}. {t} keltezéssel, {n} írta:"),
        "Eredeti üzenet",
        ("iPhone készülékemről küldve",),
    ),
    "el": Language(
        ("Δευτέρα", "Τετάρτη", "Παρασκευή"),
        ("Μαρτίου", "Οκτωβρίου", "Νοεμβρίου"),
        ("Από", "Στάλθηκε", "Προς", "Κοιν.", "Θέμα"),
        ("Στις {w3} {d} {m3} {y} στις {t} π.μ., ο χρήστης {n} <{a}> έγραψε:",),
        "Αρχικό μήνυμα",
        ("Στάλθηκε από το iPhone μου",),
    ),
    "he": Language(
        ("יום שני", "יום רביעי", "יום שישי"),
        ("מרץ", "אוקטובר", "נובמבר"),
        ("מאת", "נשלח", "אל", "עותק", "נושא"),
        ("\u202bבתאריך {w}, {d} ב{m} {y} ב-{t} מאת {n} <\u202a{a}\u202c\u200f>:\u202c",),
        "הודעה מקורית",
        ("נשלח מה-iPhone שלי",),
    ),
    "ar": Language(
        ("الاثنين", "الأربعاء", "الجمعة"),
        ("مارس", "أكتوبر", "نوفمبر"),
        ("من", "تاريخ", "إلى", "نسخة", "الموضوع"),
        ("في {w}، {d} {m} {y} في {t} ص تمت كتابة ما يلي بواسطة {n} <\u202a{a}\u202c\u200f>:",),
        "الرسالة الأصلية",
        ("أرسلت من الـ iPhone",),
    ),
    "ja": Language(
        ("月", "水", "金"),
        ("3月", "10月", "11月"),
        ("差出人", "送信日時", "宛先", "CC", "件名"),
        ("{y}年{m}{d}日({w}) {t} {n} <{a}>:", "{y}/{mm}/{d2} {t}、{n} <{a}>のメール："),
        "元のメッセージ",
        ("iPhoneから送信",),
    ),
    "zh": Language(
        ("周一", "周三", "周五"),
        ("3月", "10月", "11月"),
        ("发件人", "发送时间", "收件人", "抄送", "主题"),
        ("{n} <{a}> 于{y}年{m}{d}日{w} {t}写道：", '在 {y}-{mm}-{d2} {t}:00，"{n}" <{a}> 写道：'),
        "原始邮件",
        ("发自我的iPhone",),
    ),
    "ko": Language(
        ("월", "수", "금"),
        ("3월", "10월", "11월"),
        ("보낸 사람", "보낸 날짜", "받는 사람", "참조", "제목"),
        ("{y}년 {m} {d}일 ({w}) 오전 {t}, {n} <{a}>님이 작성:",),
        "원본 메일",
        ("나의 iPhone에서 보냄",),
    ),
}
"""By their codes (ISO 639-1)."""


@dataclass(frozen=True)
class Moment:
    """A date and time of a quoted mail, in one language."""

    language: Language
    day: int
    time: str

    def fill(self, template: str, name: str, address: str) -> str:
        """The template with this moment, a name and an address."""
        weekday, month = self.language.weekdays[self.day], self.language.months[self.day]
        number = DAYS[self.day][1]
        words = {"w": weekday, "w3": weekday[:3], "w2": weekday[:2], "m": month, "m3": month[:3]}
        digits = {"d": number.lstrip("0"), "d2": number, "mm": f"{NUMBERS[self.day]:02}", "y": DAYS[self.day][3]}
        return template.format(**words, **digits, t=self.time, n=name, a=address)
