"""What can be wrong with a message: the list that the journal and the documentation use."""

from __future__ import annotations

import ast
import string
from collections import Counter

from tests.mirror import PACKAGE
from trac_mailintake.mail import defects

SOURCE = PACKAGE / "mail" / "defects.py"


def test_all_of_them_are_listed() -> None:
    """`WORDINGS` has each that the module declares, in its order."""
    names = [
        node.target.id
        for node in ast.parse(SOURCE.read_text("utf-8")).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]
    assert [getattr(defects, name) for name in names if name != "WORDINGS"] == list(defects.WORDINGS)


def test_none_is_like_another() -> None:
    """Each slug with its form stands for one sentence; the first form of a slug has no name."""
    keys = Counter((each.slug, each.form) for each in defects.WORDINGS)
    assert set(keys.values()) == {1}
    assert {slug for slug, _ in keys} == {slug for slug, form in keys if not form}
    assert all(each.slug for each in defects.WORDINGS)


def test_each_is_a_sentence() -> None:
    """Whatever stands for its arguments."""
    for each in defects.WORDINGS:
        names = [name for _, name, _, _ in string.Formatter().parse(each.text) if name]
        sentence = each(**dict.fromkeys(names, "x")).sentence
        assert sentence[0].isupper()
        assert sentence.endswith(".")
