"""What follows from the word of our own mail servers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.builders import MEMBER, STRANGER, context, message
from trac_mailintake.builtin import authentication, unchanged
from trac_mailintake.intake.model import Change, Hold, NewTicket

SPAM = (("X-Spam-Flag", "YES"), ("Received", "from a by mx.example.org"))


def test_what_a_trusted_host_calls_spam_is_held() -> None:
    """An administrator decides; where no host is trusted the field says nothing."""
    mail = message(fields=SPAM)
    objection = authentication.mailintake_screen(mail, context(authserv_ids="mx.example.org"))
    assert isinstance(objection, Hold)
    assert "X-Spam-Flag" in objection.reason
    assert authentication.mailintake_screen(mail, context()) is None


def test_an_unproved_sender_is_told_of_where_that_is_wanted() -> None:
    """`show_auth`: proved ones and other services say nothing."""
    for sender, shows, said in (
        (MEMBER, "true", True),
        (replace(MEMBER, proof="dmarc=pass by mx"), "true", False),
        (STRANGER, "false", False),
    ):
        wrapper = authentication.mailintake_change(context(sender=sender, show_auth=shows))
        next(wrapper)
        change = unchanged.mailintake_change(Change(NewTicket("new", "new"), sender, "s", "Text"))
        with pytest.raises(StopIteration) as end:
            wrapper.send(change)
        assert (authentication.UNPROVED in end.value.value.text) is said
        assert end.value.value.text.startswith("Text")


def test_an_ordinary_mail_passes() -> None:
    """Without a mark of a trusted host nobody objects."""
    assert authentication.mailintake_screen(message(), context(authserv_ids="mx.example.org")) is None
