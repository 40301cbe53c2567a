"""Sentences about the kind of sender are clauses of the rules about automatic mail."""

from __future__ import annotations

import string

from trac_mailintake.mail.classify import evidence
from trac_mailintake.mail.wording import Wording

ALL = {name: each for name, each in vars(evidence).items() if isinstance(each, Wording)}


def test_each_has_its_own_name() -> None:
    """A clause has no slug; its form tells which it is, also in a journal that was written long ago."""
    forms = [each.form for each in ALL.values()]
    assert sorted(set(forms)) == sorted(forms)
    assert all(form.startswith("evidence-") for form in forms)
    assert {each.slug for each in ALL.values()} == {""}


def test_each_is_a_sentence() -> None:
    """Whatever stands for its arguments."""
    for each in ALL.values():
        names = [name for _, name, _, _ in string.Formatter().parse(each.text) if name]
        sentence = each(**dict.fromkeys(names, "x")).sentence
        assert sentence[0].isupper()
        assert sentence.endswith(".")
