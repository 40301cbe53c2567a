"""A mailbox that is not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.intake.model import Account, Answer, Listed
from trac_mailintake.sources.local.absent import AbsentMailbox

if TYPE_CHECKING:
    from trac_mailintake.intake.ports import Source

ACCOUNT = Account("imap", "imap://ann@mail.example.org/INBOX")


def test_it_has_nothing_and_refuses_nothing() -> None:
    """It lists and fetches nothing; the copy of a recorded mail is no reason to try again in each round."""
    source: Source = AbsentMailbox(ACCOUNT)
    listed = Listed("1/1", "1/1", 100)
    assert list(source.list()) == []
    assert list(source.fetch([listed])) == []
    assert [reply.answer for reply in source.dispose([(listed, "abc"), (listed, "abc")])] == [Answer.COMPLETED] * 2
    source.settle()
    source.close()
    assert source.account == ACCOUNT
