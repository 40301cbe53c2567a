"""Every mail of the corpus is read, at once and without an exception."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.corpus.measure import ROOT, comparison, entries, measure
from trac_mailintake.mail.parse import parse
from trac_mailintake.mail.reply import new_text
from trac_mailintake.mail.spool import Slice

if TYPE_CHECKING:
    from tests.corpus.measure import Entry

ENTRIES = list(entries())

pytestmark = pytest.mark.skipif(not ENTRIES, reason=f"the corpus is not at {ROOT}: set MAILINTAKE_CORPUS")

READ_RIGHT = 0.99
"""Share of the mails without quotes to strip that must be read without a problem. It only goes up."""


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_every_mail_is_read(entry: Entry) -> None:
    """No exception, not even one that the last resort catches; the reply is never empty; less than a second."""
    message = parse(Slice(str(entry.path), 0, entry.path.stat().st_size))
    assert "unparsable" not in [defect.slug for defect in message.defects]
    assert bool(new_text.reply(message).kept.strip()) == bool(message.text.strip())
    assert measure(entry, lambda _, __: []).seconds < 1


def test_most_mails_are_read_right() -> None:
    """By the corpus's own comparison."""
    problems = comparison()
    results = [measure(entry, problems) for entry in ENTRIES if not entry.strips]
    assert sum(not result.problems for result in results) / len(results) >= READ_RIGHT
