"""Notices to senders, in four languages: nothing is missing in any, and nothing is told that is not theirs to know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.intake.reasons import ALLOW, MAX_SIZE, PERMISSION, REQUIRE_SUBJECT, STRANGER
from trac_mailintake.tracker.outgoing.translations import LANGUAGES, phrases

TOLD = tuple(each.slug for each in (ALLOW, MAX_SIZE, PERMISSION, REQUIRE_SUBJECT, STRANGER))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("rule", [*TOLD, "block"])
def test_a_notice_says_what_it_is_about_in_each_language(language: str, rule: str, *, held: bool) -> None:
    """The project and the subject; why, where the sender may know it; no slug, no placeholder."""
    title, text = LANGUAGES[language].text("Moon", "{0} 100% {subject}", rule, held=held)
    assert title
    assert "Moon" in text
    assert "{0} 100% {subject}" in text, "a subject is not a format"
    assert text.count("\n\n") == (2 if rule in TOLD else 1)
    assert rule not in text.split()
    assert text.endswith("\n")


def test_the_languages_differ_and_have_the_same_sentences() -> None:
    """Nothing was left in English."""
    every = list(LANGUAGES.values())
    for first in every:
        for second in every:
            assert first is second or not {first.rejected, first.held, first.closing} & {second.rejected, second.held}
        assert set(first.why) == set(TOLD)


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        (("de",), "de"),
        (("DE-ch",), "de"),
        (("ja, fr;q=0.5",), "fr"),
        (("xx", "es"), "es"),
        (("german",), "en"),
        (("den",), "en"),
        (("", " ,, "), "en"),
        ((), "en"),
        (("fr", "de"), "fr"),
    ],
)
def test_the_first_language_that_we_have_is_spoken(wanted: tuple[str, ...], language: str) -> None:
    """English if there is none; each argument may be a list (RFC 3282)."""
    assert phrases(*wanted) is LANGUAGES[language]


@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_whatever_a_mail_says_of_its_language_something_is_spoken(wanted: list[str]) -> None:
    """A header field of a stranger's raises nothing."""
    assert phrases(*wanted) in LANGUAGES.values()
