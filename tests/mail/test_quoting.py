"""What is new in a reply."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.quoting import cut

ANNOUNCEMENTS = [
    "On Mon, Mar 2, 2026 at 10:15 AM, Support <support@example.com> wrote:",
    "On Mon, Mar 2, 2026 at 10:15 AM, Support\n<support@example.com> wrote:",
    "Am 02.03.2026 um 10:15 schrieb Support <support@example.com>:",
    "Le lun. 2 mars 2026 à 10:15, Support <support@example.com> a écrit :",
    "El lun, 2 mar 2026 a las 10:15, Support (<support@example.com>) escribió:",
    "Il giorno lun 2 mar 2026 alle ore 10:15 Support <support@example.com> ha scritto:",
    "Em seg., 2 de mar. de 2026 às 10:15, Support <support@example.com> escreveu:",
    "Op ma 2 mrt 2026 om 10:15 schreef Support <support@example.com>:",
    "Den 2 mars 2026 kl. 10:15 skrev Support <support@example.com>:",
    "W dniu 2.03.2026 o 10:15, Support napisał(a):",
    "пн, 2 мар. 2026 г. в 10:15, Support <support@example.com>:",
    "2 марта 2026 г., 10:15, Support <support@example.com> написал:",
    "2026年3月2日(月) 10:15 Support <support@example.com>:",
    "Dne 2. 3. 2026 v 10:15 Support <support@example.com> napsal(a):",
    "2026-03-02 10:15 GMT+01:00 Support <support@example.com>:",
]


@pytest.mark.parametrize("announcement", ANNOUNCEMENTS, ids=range(len(ANNOUNCEMENTS)))
@pytest.mark.parametrize("mark", ["> ", ""])
def test_the_quote_below_goes_with_what_announces_it(announcement: str, mark: str) -> None:
    """In fifteen forms and languages, with quote marks and without."""
    result = cut(f"Thank you, it works.\n\nAnn\n\n{announcement}\n\n{mark}Does it work?\n{mark}Bob\n")
    assert result.kept == "Thank you, it works.\n\nAnn"
    assert "Does it work?" in result.removed


@pytest.mark.parametrize(
    "block",
    [
        "From: Support <support@example.com>\nSent: Monday, 2 March 2026 10:15\nTo: Ann\nSubject: RE: Printer\n",
        "Von: Support <support@example.com>\nGesendet: Montag, 2. März 2026 10:15\nAn: Ann\nBetreff: AW: Drucker\n",
        "De : Support <support@example.com>\nEnvoyé : lundi 2 mars 2026 10:15\nÀ : Ann\nObjet : RE: Imprimante\n",
        "________________________________\nFrom: Support\nSent: Monday, 2 March 2026\nTo: Ann\nSubject: Printer\n",
        "-----Original Message-----\nFrom: Support\nSent: Monday\nTo: Ann\nSubject: Printer\n",
        "-----Ursprüngliche Nachricht-----\nDoes it work?",
        "*From:* Support\n*Sent:* Monday\n*To:* Ann\n*Subject:* Printer\n",
        "'''From:''' Support\n'''Sent:''' Monday\n'''To:''' Ann\n",
    ],
)
def test_a_header_block_begins_the_quote(block: str) -> None:
    """Outlook's way, in several languages, in plain text and in wiki text."""
    result = cut(f"It works.\n\n{block}\nDoes it work?\n")
    assert result.kept == "It works."


def test_interleaved_answers_are_kept_with_what_they_answer() -> None:
    """An answer without its question says nothing."""
    text = "> Does it print?\nYes.\n> In colour?\nNo."
    assert "Yes.\n> In colour?\nNo." in cut(text).kept


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
    ],
)
def test_prose_is_no_quote(text: str) -> None:
    """When in doubt a line is kept."""
    assert cut(text).kept == text


@pytest.mark.parametrize(
    "signature", ["-- \nAnn Lee\nExample Ltd", "Sent from my iPhone", "Von meinem iPhone gesendet"]
)
def test_a_signature_goes(signature: str) -> None:
    """Behind `-- `, or what a telephone adds."""
    assert cut(f"It works.\n\n{signature}\n").kept == "It works."


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
    ]
)


@given(st.lists(LINES, max_size=20))
def test_no_line_is_lost(lines: list[str]) -> None:
    """What is kept and what is removed are together the whole."""
    result = cut("\n".join(lines))
    both = Counter(result.kept.split("\n") + result.removed.split("\n"))
    assert +Counter({line: count for line, count in both.items() if line}) == Counter(line for line in lines if line)
    assert bool(result.kept.strip()) == any(line.strip() for line in lines)


@pytest.mark.parametrize(
    "text",
    ["On " * 100_000, "\n" * 200_000, "wrote:\n" * 50_000, "> " * 200_000, "From: \n" * 50_000, "On 1:" * 50_000],
)
def test_hostile_text_takes_no_time(text: str) -> None:
    """Linear, whatever it is."""
    started = time.perf_counter()
    cut(text)
    assert time.perf_counter() - started < 1
