"""Delivery reports by their wording: what software says, and what people say about it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.classify import bounce_phrases

SUBJECTS = (
    "Undeliverable: The printer",
    "Mail delivery failed: returning message to sender",
    "Delivery Status Notification (Failure)",
    "Returned mail: see transcript for details",
    "failure notice",
    "Warning: message 1abcde-0001 delayed 24 hours",
    "Unzustellbar: Der Drucker",
    "Mensaje no entregado",
    "Échec de la remise",
    "Недоставленное сообщение",
    "配信エラー",
    "系统退信",
)


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("before", ["", "*** ", "[list] "])
def test_the_subject_of_a_report(subject: str, before: str) -> None:
    """In many languages, whatever marks stand before it, in capitals or not."""
    assert bounce_phrases.subject(before + subject)
    assert bounce_phrases.subject((before + subject).upper())


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("before", ["Re: ", "Fwd: ", "AW: ", "Question about "])
def test_a_subject_about_a_report_is_none(subject: str, before: str) -> None:
    """People answer, forward and ask."""
    assert not bounce_phrases.subject(before + subject)


@pytest.mark.parametrize(
    ("subject", "ends"),
    [
        ("The printer - undeliverable", True),
        ("The printer (Unzustellbar)", True),
        ("The printer: non remis", True),
        ("The printer undeliverable", False),
        ("Undeliverable - the printer", False),
        ("x" * 10_000 + ": undelivered", True),
    ],
)
def test_what_gateways_append(subject: str, ends: bool) -> None:  # noqa: FBT001 - a row of the table
    """To the subject of the mail that they return, behind a mark."""
    assert bounce_phrases.ending(subject) is ends


@pytest.mark.parametrize(
    ("sender", "daemon", "software"),
    [
        ("Mail Delivery System <MAILER-DAEMON@mx.example.org>", True, True),
        ("postmaster@example.org", True, False),
        ('"MDaemon at mx" <x@example.org>', True, False),
        ("noreply@example.org", False, True),
        ("Mail-Gateway <gw@example.org>", False, True),
        ("bounces+12@example.org", False, True),
        ("Ann Example <ann@example.org>", False, False),
        ("Ann Postmaster-Smith <ann@example.org>", False, False),
        ("reply@example.org", False, False),
    ],
)
def test_senders(sender: str, daemon: bool, software: bool) -> None:  # noqa: FBT001 - a row of the table
    """Names that only delivery software has, and names of gateways, which send other mail, too."""
    assert bool(bounce_phrases.DAEMON.search(sender)) is daemon
    assert bounce_phrases.software(sender) is software


SENTENCES = (
    "Your message could not be delivered to the following recipients:",
    "The following addresses had permanent fatal errors",
    "This message was created automatically by mail delivery software.",
    "host mx.example.org said: 550 5.1.1 user unknown",
    "Ihre Nachricht konnte nicht an ann@example.org zugestellt werden.",
    "No ha podido ser entregado",
    "Сообщение не может быть доставлено",
    "配信できませんでした",
)


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_of_mail_software(sentence: str) -> None:
    """However it is wrapped, near the beginning of a text."""
    assert bounce_phrases.sentence(f"Hello,\n\n{sentence}\n")
    assert bounce_phrases.sentence(sentence.replace(" ", "\n  "))
    assert not bounce_phrases.sentence("word " * 1000 + sentence)


@pytest.mark.parametrize(
    "text",
    [
        "The parcel could not be delivered because nobody was at home.",
        "I cannot deliver the report before Monday.",
        "We bought 550 5-inch screens.",
        "The error is permanent in version 5.1.",
    ],
)
def test_a_sentence_of_a_person(text: str) -> None:
    """People deliver things, too."""
    assert not bounce_phrases.sentence(text)


@given(st.text(max_size=300))
def test_no_text_is_a_report_by_chance(text: str) -> None:
    """What people write before a report's subject makes it theirs; and no text is an error."""
    assert not bounce_phrases.subject(f"Ann says {text}")
    bounce_phrases.sentence(text)
