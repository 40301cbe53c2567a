"""Header blocks that are quoted above a mail, and lines that separate two mails."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.reply import quoted_headers
from trac_mailintake.mail.reply.attribution import bare

BLOCKS = {
    "English": ("From: Bob <bob@example.org>", "Sent: Monday, 2 March 2026 10:15", "To: Ann", "Subject: Printer"),
    "German": ("Von: Bob", "Gesendet: Montag, 2. März 2026 10:15", "An: Ann", "Betreff: Drucker"),
    "French": ("De : Bob", "Envoyé : lundi 2 mars 2026 10:15", "À : Ann", "Objet : Imprimante"),
    "Japanese": ("差出人: Bob", "日時: 2026年3月2日 10:15", "宛先: Ann", "件名: Printer"),
    "Russian": ("От: Bob", "Дата: 2 марта 2026, 10:15", "Кому: Ann", "Тема: Принтер"),
    "bold": ("*From:* Bob", "*Sent:* Monday, 2 March 2026 10:15", "*To:* Ann", "*Subject:* x"),
    "unknown names among the fields": ("From: Bob", "X-First: a", "Sent: 2 March 2026 10:15", "Subject: x"),
    "sender last": ("Date: 2 Mar 2026 10:15", "To: Ann", "From: Bob <bob@example.org>"),
    "date and recipient": ("Date: Wed, 16 May 2012 00:15:02 -0600", "To: ann@example.com"),
    "one line": ("From: Bob [mailto:bob@example.org] Sent: Monday, 10:15 To: Ann Subject: Printer",),
}
PROSE = (
    ("From: here", "and no more"),
    ("host: example.org", "port: 25", "from: me"),
    ("User: ann@example.org", "Time: 2026-03-02 10:15", "Version: 1.2", "Result: failed"),
    ("Steps:", "first", "second"),
    ("Subject: printer", "It burns."),
    ("", "From: Bob"),
    ("From: Berlin", "To: Munich", "Date: 2026-12-12", "Time: 10:00"),
    ("From: Berlin", "To: Munich", "Date: 12 December 2026 10:15"),
    ("From: 10.0.0.1", "To: 10.0.0.2", "Date: 2026-12-12 10:15", "Subject: move"),
    ("Von: Raum 12", "An: Raum 14", "Datum: 12.12.2026"),
    ("From: ann@example.org", "Reply-To: office@example.org", "Subject: test"),
    ("Betreff: Rechnung 4711", "Datum: 12.11.2026 10:00", "An: buchhaltung@example.org"),
    ("from:ann': 0.01,", "to:bob': 0.2,", "subject:hi': 0.3,", "date:now': 0.4"),
    ("Received: from mx.example.org", "From: Bob <bob@example.org>", "To: Ann", "Date: Mon, 2 Mar 2026 10:15:00 +0100"),
    ("From: Ann <ann@example.org>", "Date: Mon, 2 Mar 2026 10:15:00 +0100", "Subject: [PATCH] fix it"),
    ("A: no, not since Monday", "", "From: Bob <bob@example.org>", "Sent: 2 March 2026 10:15", "To: Ann"),
)


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_begins_where_its_first_field_is(name: str) -> None:
    """In several languages, plain or bold, whatever follows."""
    lines = [*map(bare, BLOCKS[name]), "", "Does it work?"]
    assert quoted_headers.heads(lines, 0)
    assert quoted_headers.heads(["It works.", "", *lines], 2)


@pytest.mark.parametrize("lines", PROSE)
def test_settings_and_reports_are_no_block(lines: tuple[str, ...]) -> None:
    """Lines with colons are what people write about programs."""
    assert not quoted_headers.heads([*lines], 0)


@pytest.mark.parametrize("above", ["Message-ID: <1@example.org>", "From 12ab Mon Sep 17 00:00:00 2001"])
def test_the_source_of_a_mail_is_no_block(above: str) -> None:
    """Somebody pasted it; mail programs show neither line."""
    assert not quoted_headers.heads([above, *BLOCKS["English"]], 1)
    assert quoted_headers.heads([above, "", *BLOCKS["English"]], 2)


@pytest.mark.parametrize(
    ("line", "separates", "ends", "forwards"),
    [
        ("-----Original Message-----", True, True, False),
        ("----- Ursprüngliche Nachricht -----", True, True, False),
        ("Original Message", False, True, False),
        ("________________________________", False, True, False),
        ("- - - -", False, True, False),
        ("##- Please type your reply above this line -##", True, False, False),
        ("## Bitte Ihre Antwort über dieser Zeile eingeben ##", True, False, False),
        ("---------- Forwarded message ---------", False, True, True),
        ("Begin forwarded message:", False, False, True),
        ("転送メッセージ", False, False, False),
        ("--- a/file", False, False, False),
        ("The original message was better.", False, False, False),
        ("Write it above this line of the form, please.", True, False, False),
        ("", False, False, False),
    ],
)
def test_lines_between_two_mails(line: str, separates: bool, ends: bool, forwards: bool) -> None:  # noqa: FBT001 - a row of the table
    """What announces an older mail; what is no answer above a quote; what announces a mail that is to be shown."""
    found = (quoted_headers.separates(line), quoted_headers.ends(line), quoted_headers.forwards(line))
    assert found == (separates, ends, forwards)


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        (["It works.", "", "________________"], 2),
        (["It works.", "________________", "", ""], 1),
        (["It works.", "________________", "", "", "", ""], 6),
        (["It works.", "-----Original Message-----", "Date: 2 Mar 2026"], 1),
        (["It works.", "Date: today"], 2),
        (["It works.", "Room: 12", "Date: 2 Mar 2026"], 3),
        (["It works."], 1),
        ([], 0),
    ],
)
def test_what_belongs_to_a_block_above_it(above: list[str], expected: int) -> None:
    """Rulers, separators and a line with the date, blank lines between them; an answer does not."""
    assert quoted_headers.top([*above, "From: Bob"], len(above), dated=True) == expected


@given(st.lists(st.text(max_size=30), min_size=1, max_size=12), st.data())
def test_any_lines_can_be_asked_about(lines: list[str], data: st.DataObject) -> None:
    """A block never begins in an empty line, and what belongs to it stands above."""
    index = data.draw(st.integers(0, len(lines) - 1))
    assert not (quoted_headers.heads(lines, index) and not lines[index].strip())
    assert 0 <= quoted_headers.top(lines, index) <= index
