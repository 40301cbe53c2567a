"""Our own mail is left alone (docs/behaviour.md#our-own-mail)."""

from __future__ import annotations

from tests.builders import context, message
from tests.fakes import FakeReader
from trac_mailintake.builtin import own_mail
from trac_mailintake.intake.model import Hold, Ignore, gravest


def test_mail_that_we_sent_is_never_processed() -> None:
    """Not even held: it ends the matter, and says how it was recognised."""
    objection = own_mail.mailintake_screen(message(), context(FakeReader(loop="it has our loop header")))
    assert isinstance(objection, Ignore)
    assert "it has our loop header" in objection.reason
    assert gravest([Hold("other", ""), objection]) is objection


def test_other_mail_is() -> None:
    """The loop header of somebody else means nothing."""
    assert own_mail.mailintake_screen(message(), context()) is None
