"""Sentences that are made from a slug and arguments."""

from __future__ import annotations

import pytest

from trac_mailintake.mail.wording import Reason, Wording

TOO_MANY = Wording("many", "It has {count} parts ({why}).")
CLAUSE = Wording("", "of {name}")


def test_a_sentence_is_made_of_its_arguments() -> None:
    """Another sentence may be one of them."""
    reason = TOO_MANY(count=3, why=CLAUSE(name="Ann {x}"))
    assert (reason.slug, reason.sentence, str(reason)) == ("many", *["It has 3 parts (of Ann {x})."] * 2)


def test_what_is_kept_of_it_makes_the_same_sentence() -> None:
    """The journal keeps slug, form and arguments."""
    other = TOO_MANY.also("few", "It has {count}.")
    reason = other(count=1)
    assert (reason.slug, reason.wording.form, reason.sentence) == ("many", "few", "It has 1.")
    assert Reason(reason.wording, {"count": 2}).sentence == "It has 2."


def test_an_argument_that_is_missing_is_an_error() -> None:
    """No sentence has a hole."""
    with pytest.raises(KeyError):
        _ = TOO_MANY(count=3).sentence
