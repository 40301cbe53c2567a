"""What is new in a reply."""

from __future__ import annotations

import textwrap
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mail.announcements import ANNOUNCEMENTS, UNDATED
from trac_mailintake.mail.reply.new_text import cut


@pytest.mark.parametrize("announcement", ANNOUNCEMENTS, ids=range(len(ANNOUNCEMENTS)))
@pytest.mark.parametrize("mark", ["> ", ""])
def test_the_quote_below_goes_with_what_announces_it(announcement: str, mark: str) -> None:
    """In the forms and languages of the usual mail software, with quote marks and, if it names a date, without."""
    if not mark and announcement in UNDATED:
        assert not cut(f"It works.\n\n{announcement}\n\nDoes it work?\nBob\n").removed
        return
    result = cut(f"Thank you, it works.\n\nAnn\n\n{announcement}\n\n{mark}Does it work?\n{mark}Bob\n")
    assert result.kept == "Thank you, it works.\n\nAnn"
    assert "Does it work?" in result.removed


@pytest.mark.parametrize(
    "announcement", [line for line in ANNOUNCEMENTS if len(line) > 60 and "\n" not in line and line not in UNDATED]
)
@pytest.mark.parametrize("width", [40, 60])
def test_an_announcement_may_be_wrapped(announcement: str, width: int) -> None:
    """At any word, as software does that knows no better; the quote itself goes in any case."""
    wrapped = textwrap.fill(announcement, width, break_on_hyphens=False)
    result = cut(f"Thank you, it works.\n\n{wrapped}\n\nDoes it work?\nBob\n")
    assert result.kept.startswith("Thank you, it works.")
    assert "Does it work?" in result.removed
    assert wrapped.splitlines()[-1] in result.removed


@pytest.mark.parametrize(
    "block",
    [
        "From: Support <support@example.com>\nSent: Monday, 2 March 2026 10:15\nTo: Ann\nSubject: RE: Printer\n",
        "Von: Support <support@example.com>\nGesendet: Montag, 2. März 2026 10:15\nAn: Ann\nBetreff: AW: Drucker\n",
        "De : Support <support@example.com>\nEnvoyé : lundi 2 mars 2026 10:15\nÀ : Ann\nObjet : RE: Imprimante\n",
        "________________________________\nFrom: Support\nSent: 2 March 2026 10:15\nTo: Ann\nSubject: Printer\n",
        "-----Original Message-----\nFrom: Support\nSent: Monday\nTo: Ann\nSubject: Printer\n",
        "-----Ursprüngliche Nachricht-----\nDoes it work?",
        "*From:* Support\n*Sent:* Monday, 2 March 2026 10:15\n*To:* Ann\n*Subject:* Printer\n",
        "Date: Wed, 16 May 2012 00:15:02 -0600\nTo: ann@example.com\n",
        "====\n\nMessage du : 12/12/2016 13:20\nDe : Support\nA : Ann\nCopie à :\nSujet : Imprimante\n",
        "Da: Support\nRisposta: Ann\nData: lunedì 2 marzo 2026 10:15\nA: Ann\nOggetto: Stampante\n",
        "送信者: Support\n日時: 2026年3月2日 10:15\n宛先: Ann\n件名: Printer\n",
        "От: Support\nДата: 2 марта 2026, 10:15\nКому: Ann\nТема: Printer\n",
        "'''From:''' Support\n'''Sent:''' Monday, 2 March 2026 10:15\n'''To:''' Ann\n'''Subject:''' Printer\n",
        "||From:||Support||\n||To:||Ann||\n||Date:||02.03.2026 10:15||\n||Subject:||Printer||\n----\n",
        "Original Message\nFrom: Support\nSent: Monday\nTo: Ann\nSubject: Printer\n",
        "Nadawca: Support\nData wysłania: 2 marca 2026 10:15\nAdresat: Ann\nTemat: Drukarka\n",
        "De la: Support\nTrimis: luni, 2 martie 2026 10:15\nCătre: Ann\nSubiect: Imprimanta\n",
        "От кого: Support\nДата: 2 марта 2026, 10:15\nКому: Ann\nТема: Принтер\n",
        "Šalje: Support\nPoslano: 2. ožujka 2026. 10:15\nPrima: Ann\nPredmet: Pisač\n",
        "보낸이: Support\n날짜: 2026-03-02 10:15\n받는이: Ann\n제목: 프린터\n",
        "จาก: Support\nวันที่: 2 มีนาคม 2569 10:15\nถึง: Ann\nเรื่อง: เครื่องพิมพ์\n",
        "Dari: Support\nTanggal: 2 Maret 2026 10.15\nKepada: Ann\nPerihal: Printer\n",
        "Afsender: Support\nDato: 2. marts 2026 10:15\nModtager: Ann\nEmne: Printer\n",
    ],
)
def test_a_header_block_begins_the_quote(block: str) -> None:
    """Outlook's way, in several languages, in plain text and in wiki text, whatever field comes first."""
    result = cut(f"It works.\n\n{block}\nDoes it work?\n")
    assert "Does it work?" in result.removed
    assert result.kept == "It works."


def test_interleaved_answers_are_kept_with_what_they_answer() -> None:
    """An answer without its question says nothing."""
    text = "> Does it print?\nYes.\n> In colour?\nNo."
    assert "Yes.\n> In colour?\nNo." in cut(text).kept


def test_a_quote_among_answers_stays_with_the_first_question() -> None:
    """Only the line that announces it goes."""
    text = "On 2 Mar 2026, Bob <b@example.org> wrote:\n> Does it print?\n\nYes.\n\n> In colour?\n\nNo."
    assert cut(text).kept == "> Does it print?\n\nYes.\n\n> In colour?\n\nNo."


def test_a_greeting_below_the_quote_answers_nothing() -> None:
    """The quote goes, the greeting stays."""
    text = "Test reply\n\nOn 04/19/2011 07:10 AM, Bob wrote:\n\n>\n> Test\n\nRegards, Ann"
    assert cut(text).kept.split() == ["Test", "reply", "Regards,", "Ann"]


def test_a_quote_on_top_that_nothing_announces_is_what_is_answered() -> None:
    """Somebody put it there."""
    assert cut("> This is a quote.\n\nAnd this is some text.").kept.startswith("> This is a quote.")


def test_an_announcement_may_share_its_line_with_the_answer() -> None:
    """Where a line break got lost."""
    result = cut("reply--- On Wed, Apr 4, 2012 at 3:59 PM, bob@example.com wrote:\n> Hi")
    assert result.kept == "reply"
    assert result.removed.startswith("--- On Wed")


def test_a_forwarded_message_is_kept() -> None:
    """It is what the sender wants to show: by its own announcement, or by the mail's subject."""
    text = "See below.\n\n---------- Forwarded message ---------\nFrom: Bob\nDate: 2 Mar 2026\nSubject: x\n\nBroken!\n"
    assert cut(text).kept == text


@pytest.mark.parametrize("ruler", ["_" * 32, "-" * 20, "Original Message", "***** Original Message *****"])
def test_a_ruler_above_a_quote_goes_with_it(ruler: str) -> None:
    """It parts the answer from the quote; a heading that is underlined stays."""
    assert cut(f"It works.\n\n{ruler}\n\n> Does it?\n").kept == "It works."
    assert cut("It works.\n\nHow\n-----\n\n> Does it?\n").kept == "It works.\n\nHow\n-----"


def test_python_is_no_quote() -> None:
    """What is typed at its prompt stays."""
    text = "I typed this:\n\n>>> 1 / 0\n>>> print(2)"
    assert cut(text).kept == text


def test_quotes_may_be_marked_with_initials() -> None:
    """As some software of old does."""
    assert cut("Yes.\n\nBS> Does it print?\nBS> In colour?\n").kept == "Yes."


def test_an_answer_below_the_quote_is_kept() -> None:
    """The quote above it goes."""
    result = cut("On Mon, 2 Mar 2026, Bob wrote:\n> Does it print?\n\nYes, it does.\n")
    assert result.kept == "Yes, it does."


@pytest.mark.parametrize(
    "text",
    [
        "On Monday our deploy script wrote:\n\n  error 12\n\nWhat now?",
        "The log says:\nFrom: here\nand no more",
        "version 1.2.3 at git@github.com:org/repo fails",
        "Steps:\n-- first\n-- second",
        "--- a/file\n+++ b/file\n-old\n+new",
        "As he wrote: never mind.",
        "Sent from the wrong printer were three pages, and the fourth one never came; it is still in the queue.",
        "Sent from here, it fails.\n\nIt works from there.",
        "Expires\n--------------------\nJun 27 example.com\n\nSincerely",
        "a\n--\nb\n--\nc\n--\nd",
        "The settings are:\nhost: example.org\nport: 25\nfrom: me",
        "* one\n* two: three\n\n| a | b |",
        "SQL> select 1;\nSQL> exit",
        "User: ann@example.org\nTime: 2026-03-02 10:15\nVersion: 1.2\nResult: failed",
        "The original message was better:\n\nOriginal Message\n\nHello",
        "Download the driver for Windows from our site, please, and tell me whether it works.",
        ">>> import this\n>>> 1 / 0",
    ],
)
def test_prose_is_no_quote(text: str) -> None:
    """When in doubt a line is kept."""
    assert cut(text).kept == text


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nAnn Lee\nExample Ltd",
        "--\nAnn\n\nSent from my iPhone",
        "_______________________\nusers mailing list\nhttps://lists.example.org/users",
        "Sent from my iPhone",
        "Sent from my Samsung Galaxy smartphone.",
        "Sent from Mail for Windows",
        "Sent from Yahoo Mail on Android",
        "Sent from TypeApp<http://example.com/r?b=2621>",
        "Sent with [https://proton.me/ Proton Mail] secure email.",
        "Get Outlook for iOS<https://example.com/o0ukef>",
        "Get [https://example.com/o0ukef Outlook for Android]",
        "Outlook für iOS beziehen",
        "Von meinem iPhone gesendet",
        "Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.",
        "Gesendet von Outlook für Android",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Enviado do meu iPhone",
        "Inviato da iPhone",
        "Verstuurd vanaf mijn iPhone",
        "Skickat från min iPhone",
        "Sendt fra min iPhone",
        "Lähetetty iPhonesta",
        "Wysłane z iPhone'a",
        "Отправлено с iPhone",
        "Надіслано з iPhone",
        "Odesláno z iPhonu",
        "iPhone'umdan gönderildi",
        "iPhoneから送信",
        "发自我的iPhone",
        "나의 iPhone에서 보냄",
        "נשלח מה-iPhone שלי",
        "Sent from myMail for iOS",
        "Get BlueMail for Android",
        "Von unterwegs gesendet",
        "Skickades från min iPhone",
        "iPhone készülékemről küldve",
        "Изпратено от моя iPhone",
        "Gửi từ iPhone của tôi",
        "Dikirim dari iPhone saya",
        "ส่งจาก iPhone ของฉัน",
        "來自我的iPhone",
        "내 iPhone에서 보냄",
        "أرسلت من الـ iPhone",
    ],
)
def test_a_signature_goes(signature: str) -> None:
    """Behind `-- `, or what a telephone adds; above a quote, too."""
    assert cut(f"It works.\n\n{signature}\n").kept == "It works."
    assert cut(f"It works.\n\n{signature}\n\nOn 2 Mar 2026, Bob <b@example.org> wrote:\n> x\n").kept == "It works."


@pytest.mark.parametrize(
    "text", ["> only a quote", "-- \nAnn", "On Mon, 2 Mar 2026, Bob <b@example.org> wrote:\n> x", ""]
)
def test_if_nothing_is_left_everything_is_kept(text: str) -> None:
    """A reply is never filed empty because of us."""
    assert cut(text) == type(cut(""))(text, "")


LINES = st.sampled_from(
    [
        "",
        "text",
        "> quote",
        ">> deeper",
        "-- ",
        "Sent from my iPhone",
        "On 2 Mar 2026, Bob <b@example.org> wrote:",
        "____________",
        "From: x",
        "Sent: y",
        "To: z",
        "-----Original Message-----",
        "wrote:",
        "  indented",
        ">>> x = 1",
        "On 2 Mar 2026, Bob",
        "<b@example.org> wrote:",
        "C> x",
        "====",
        "---------- Forwarded message ---------",
        "<",
        "> wrote:",
        "reply On Mon, Apr 4, 2012 at 3:59 PM, bob@example.com wrote:",
        "Date: 2.3.2026 10:15",
        "a longer line that says much about the matter and ends with a dot.",
    ]
)


TEXTS = st.lists(LINES, max_size=24).map("\n".join)


@given(TEXTS)
def test_nothing_is_lost(text: str) -> None:
    """What is kept and what is removed are together the whole, and something is kept if there was something."""
    result = cut(text)
    assert Counter("".join(result.kept.split())) + Counter("".join(result.removed.split())) == Counter(
        "".join(text.split())
    )
    assert bool(result.kept.strip()) == bool(text.strip())


@given(TEXTS)
def test_cutting_twice_is_cutting_once(text: str) -> None:
    """What was kept is an answer, and stays one."""
    kept = cut(text).kept
    assert cut(kept).kept.strip("\n") == kept.strip("\n")


@pytest.mark.slow
@pytest.mark.parametrize("times", [5, 40, 2000])
def test_cutting_twice_is_cutting_once_however_many_rounds_it_takes(times: int) -> None:
    """Each round uncovers the next signature; what would take too many is kept whole."""
    text = "It works.\n" + "> quote\n-- \nAnn\n\n" * times
    kept = cut(text).kept
    assert cut(kept).kept.strip("\n") == kept.strip("\n")
    assert kept.startswith("It works.")


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    [
        *(
            "On ",
            "\n",
            "wrote:\n",
            "> ",
            "From: \n",
            "On 1:",
            "-- \n",
            "--\na\n",
            "> \na\n",
            "a@b 10:15\n",
            "<\n",
            "C> \n",
        ),
        *("Sent from my x\n", "Date: 1:23\nTo: a@b\n", "____________\n", "On 2 Mar 2026 10:15 x <a@b>\n", ">>> a\n"),
        *("x" * 600 + "\n", "---- wrote ----\n", "reply On Mon, 3:59 x wrote:\n", "-_", "- ", "a: \n"),
    ],
)
@pytest.mark.parametrize("lines", [19_999, 1_000_000])
def test_hostile_text_takes_no_time(unit: str, lines: int) -> None:
    """Linear, whatever it is."""
    text = "\n".join((unit * (300_000 // len(unit))).split("\n")[:lines])
    started = time.process_time()
    cut(text)
    assert time.process_time() - started < 10
