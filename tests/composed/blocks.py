"""What people write in a reply, block by block: each is their own text, whatever it looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

SENTENCES: Final = (
    "The printer on floor {0} still shows error {0}.",
    "I switched it off and on {0} times, and nothing changed.",
    "Please send somebody to room {0} before noon.",
    "Your colleague called at half past {0}, but we were cut off.",
    "Order {0} came without the cable, so we cannot use it.",
    "Wir haben Gerät {0} getauscht, der Fehler bleibt.",
    "Bitte schickt uns {0} neue Kartuschen.",
    "Nous avons reçu la pièce {0}, merci beaucoup.",
    "El pedido {0} llegó ayer por la tarde.",
    "La stampante {0} ora funziona di nuovo.",
    "Принтер {0} снова не печатает.",
    "プリンター{0}は動きました。",
    "Is version {0} the one that you mean?",
    "On Monday I wrote to your colleague, who said that part {0} is on its way.",
    "From what I see, case {0} is solved.",
    "To be sure I tried it with cable {0} too.",
    "Subject to your approval we order {0} more.",
    "Date and time of visit {0} are fine with me.",
)
"""Each ends a sentence; `{0}` is a number that makes it unique."""
QUOTED: Final = (
    "Which floor is the device number {0} on?",
    "Did you restart the machine as described in step {0}?",
    "We need the serial number, it begins with {0}.",
    "Please answer above and keep reference {0}.",
    "Best regards, your help desk, extension {0}",
    "The technician will call you back, ticket queue {0}.",
    "Have you got the invoice number {0} at hand?",
)
"""What the mail said that is answered."""
SALUTATIONS: Final = ("Hello,", "Hi Bob,", "Dear support team,", "Hallo,", "Guten Tag,", "Bonjour,", "Hola:", "Ciao,")
NAMES: Final = ("Ann", "Ann Lee", "Jürgen Groß", "María José", "Анна", "山田", "A. Lee")
CLOSINGS: Final = (
    "Thanks", "Thank you!", "Best regards", "Kind regards,", "Viele Grüße", "Mit freundlichen Grüßen", "Cordialement,",
    "Un saludo", "Cordiali saluti", "Met vriendelijke groet,", "Med vänliga hälsningar", "Z poważaniem,", "S pozdravem",
    "С уважением,", "Saygılarımla", "Ystävällisin terveisin", "Με εκτίμηση", "בברכה", "よろしくお願いします", "此致",
)  # fmt: skip  # one table
DISCLAIMERS: Final = (
    "This e-mail is confidential. If you are not the intended recipient, please delete it.",
    "Diese E-Mail ist vertraulich. Wenn Sie nicht der richtige Adressat sind, löschen Sie sie bitte.",
    "Ce message est confidentiel ; si vous n'en êtes pas le destinataire, merci de le supprimer.",
    "Please consider the environment before printing this e-mail.",
)


def sentences(random: Random, most: int = 3) -> list[str]:
    """A paragraph."""
    return [
        sentence.format(random.randrange(100, 9999)) for sentence in random.sample(SENTENCES, random.randint(1, most))
    ]


def quoted(random: Random) -> list[str]:
    """The lines of the mail that is answered, unquoted."""
    count = random.randint(1, 5)
    return [sentence.format(random.randrange(10_000, 99_999)) for sentence in random.sample(QUOTED, count)]


INTRODUCED: Final[dict[str, tuple[str, ...]]] = {
    "settings": (
        "Here are my settings:\n\nfrom: /dev/sd{0}\nto: /dev/sdb\ndate: today",
        "I have entered this:\nFrom: ann@client.example\nReply-To: office{0}@client.example\nSubject: test",
        "[mail]\nfrom = ann@client.example\nsent = {0}\nsubject = test",
        "The file says\n'from:ann': 0.{0},\n'to:bob': 0.2,\n'subject:hi': 0.3,\n'date:now': 0.4",
        "host: mail{0}.client.example\nport: 25\nfrom: ann@client.example\nto: bob@client.example\ndate: no",
    ),
    "fields": (
        "please book this trip for me:\n\nFrom: Berlin\nTo: Munich\nDate: 2026-12-12\nTime: 10:{0}",
        "Please book a train.\n\nFrom: Berlin {0}\nTo: Munich\nDate: 2026-12-12",
        "Von: Raum {0}\nAn: Raum 14\nDatum: 12.12.2026",
        "De : Bâle {0}\nÀ : Berne\nDate : 12 mars 2026\nObjet : la table",
        "Betreff: Rechnung {0}\nDatum: 12.11.2026 10:00\nAn: buchhaltung@client.example",
        "Da: magazzino {0}\nA: ufficio\nData: domani",
        "Van: kamer {0}\nAan: kamer 14\nDatum: 3 maart",
        "Откуда и куда.\nОт: склад {0}\nКому: офис\nДата: завтра",
        "Q: does cable {0} fit?\nA: no, not since Monday\nCC: everyone",
        "Name: Ann\nRoom: {0}\nDate: 2026-03-02\nKey: 4711",
    ),
    "log": (
        "The log says:\n\n2026-03-02 09:15 login <root@web{0}.example>\n2026-03-02 09:16 logout <root@web1.example>",
        (
            "Mar  2 10:15:00 mx1 postfix/smtp[{0}]: to=<ann@client.example>, status=sent\n"
            "Mar  2 10:15:02 mx1 postfix/qmgr[17]: from=<bob@client.example>, removed"
        ),
        "10:15 job {0} wrote:\n10:16 3 files\n10:17 done",
        "2026-03-02 10:15:00 ERROR worker {0} wrote to bob@client.example:\n2026-03-02 10:15:01 disk full",
        "From 10:15 to 10:20 we saw this\n<node{0}@cluster.example> wrote:\n  0 bytes",
    ),
    "patch": (
        (
            "From 12345678{0} Mon Sep 17 00:00:00 2001\nFrom: Ann <ann@client.example>\n"
            "Date: Mon, 2 Mar 2026 10:15:00 +0100\nSubject: [PATCH] fix {0}\n\n---\n a.c | 2 +-"
        ),
        "--- a/file{0}\n+++ b/file\n@@ -1,2 +1,2 @@\n-old\n+new",
        "commit 12ab{0}\nAuthor: Ann <ann@client.example>\nDate:   Mon Mar 2 10:15:00 2026 +0100\n\n    fix it",
    ),
    "code": (
        ">>> import this  # {0}\n>>> 1 / 0",
        "def send(n={0}):\n    # -- \n    return n > 3",
        "SELECT * FROM mail -- {0}\nWHERE sent > 3;",
        "#!/bin/sh\ngrep '^From: ' mbox{0} > out\nsort < out",
    ),
    "table": (
        "Item {0}   Price   Sent\nChair     40,00   02.03.2026\nTable     90,00   03.03.2026",
        "| a | b{0} |\n|---|---|\n| 1 | 2 |",
        "From      To       Date\nBern {0} Basel    2026-03-02\nBasel     Bern     2026-03-05",
    ),
    "timetable": (
        "10:15 Berlin {0}\n12:30 Hamburg\n14:00 Kiel",
        "From Berlin at 10:15, train {0}\nTo Hamburg at 12:30",
        "Mon, 2 March 2026: arrival {0}\nTue, 3 March 2026: departure",
    ),
    "list": (
        "1. switched it off {0} times\n2. waited\n3. switched it on",
        "- first part {0}\n- second part\n-- a remark on it",
        "* one {0}\n* two: three",
    ),
    "dashes": (
        "First question: why {0}?\n\n--\n\nSecond question: how?",
        "Option A: refund of {0}\n--\nOption B: replacement\n\nI choose B.",
        "Chapter {0} is about chairs.\n\n\u2014\n\nThe next one is about tables.",
        "Done, see the form.\n______________\nName: Ann\nRoom: {0}\nKey: 4711",
        "line {0}\n--\nline 2\n--\nline 3 is the last one.",
        "First part {0}.\n----------\nSecond part.",
    ),
    "sent": (
        "Sent from the app were {0} orders.\nNone of them arrived.\nThe numbers are 17, 18 and 19.",
        "Sent by a colleague, so please answer her at extension {0}.",
        "das Paket ist unterwegs.\nGesendet mit DHL, Sendungsnummer {0}\nBitte prüfen Sie den Eingang.",
        "Envoyé par erreur au support {0}, merci de fermer.",
        "Enviado con Seur, localizador {0}.",
        "Verzonden met de verkeerde bijlage {0}, sorry.",
        "Отправлено с ошибкой {0}, повторите.",
        "Küldve lett tegnap a hibajegy {0}.",
        "Lähetetty viesti {0} ei mennyt perille.",
        "Get the package {0} for Windows and try again.",
        "Please do this:\nDownload the setup {0} for Windows\nand install it on my PC.",
        "My devices\nOutlook for iOS 4.{0}\nOutlook for Android 3\nBoth fail since Monday.",
        "Inviato con corriere SDA ieri, numero {0}.",
    ),
    "wrote": (
        "On 3 March 2020 at 10:00 the operator wrote:\n\nDisk full on node {0}.",
        "am 29.11.2026 schrieb mir Ihr Kollege:\n\nWir erstatten {0} EUR.",
        'On 2026-11-29 at 10:30 your colleague Bob wrote:\n"We refund you {0} EUR."',
        "Yesterday I wrote to sales@shop.example:\nPlease cancel order {0}.",
        "On Monday 30.11.2026 at 10:00 please call Bob <bob@client.example>:\nhe has key {0}.",
        "As he wrote: never mind case {0}.",
        "Le 3 mars 2026 le technicien m'a écrit :\n\nLe disque {0} est plein.",
        "El 3 de marzo de 2026 el técnico escribió:\n\nEl disco {0} está lleno.",
        "3 марта 2026 мастер написал:\n\nДиск {0} полон.",
    ),
    "pasted": (
        (
            "This mail was refused:\n\nDate: Fri, 06 Sep 2002 17:17:13 -0400\nFrom: Bob <bob{0}@client.example>\n"
            "Subject: Hotel\nTo: ann@client.example\n\nI have been looking."
        ),
        (
            "The supplier sent me this:\n\nFrom: Shop <shop@shop.example>\nSent: Monday, 2 March 2026 10:15\n"
            "To: Ann\nSubject: Invoice {0}\n\nPlease pay now."
        ),
        (
            "Received: from mx{0}.client.example by mail.example.org; Mon, 2 Mar 2026 10:15:00 +0100\n"
            "From: Bob <bob@client.example>\nTo: ann@client.example\nSubject: x\nMessage-ID: <1@client.example>"
        ),
        "I got your mail with\n-----Original Message-----\nin it, case {0}.",
        (
            "Begin forwarded message:\n\nFrom: Bob <bob@client.example>\nSubject: case {0}\nDate: 2 March 2026 10:15\n"
            "To: ann@client.example\n\nIt burns."
        ),
        (
            "--- begin forwarded text\n\n\nTo: ann@client.example\nFrom: bob@client.example\n"
            "Date: Thu, 03 Oct 2002 06:01:38 -0700\nSubject: the URL {0}\n\nThe URL is wrong.\n\n--- end forwarded text"
        ),
    ),
    "quotation": (
        "The supplier's answer was this:\n\n> Serial {0} is out of warranty.\n> Please buy a new one.",
        "The contract says:\n> The fee of {0} is due in March.",
        "Please change the line:\n> timeout {0}\nto\n> timeout 60",
        "please note:\n\n>From next week on office {0} is closed.",
    ),
}
"""Blocks by kind. Whatever stands below a block is the author's, too."""


def block(random: Random, kind: str) -> list[str]:
    """A block of a kind, as lines."""
    return random.choice(INTRODUCED[kind]).format(random.randrange(100, 9999)).split("\n")


def signature(random: Random) -> list[str]:
    """The author's name and what belongs to it, below a delimiter or not; it may be cut, and may stay."""
    name = random.choice(NAMES)
    return random.choice(
        (
            [name],
            [random.choice(CLOSINGS), name],
            ["-- ", name, "Example Ltd"],
            [random.choice(CLOSINGS), "", "-- ", name, "Tel. +49 30 1234567", "https://client.example"],
            [random.choice(CLOSINGS), name, "", random.choice(DISCLAIMERS)],
        )
    )


def is_open(line: str) -> bool:
    """Whether something must follow a line: a salutation, or what ends in a colon or a comma."""
    return line.rstrip().endswith((":", ",", "：", "，"))
