"""Whom a mail is for, by its header alone. See also tests/intake/test_addressees.py."""

from __future__ import annotations

from trac_mailintake.mail.limits import Limits
from trac_mailintake.mail.recipients import recipients


def test_each_field_that_names_recipients_is_read() -> None:
    """In any case, folded, and more than once; no other field."""
    found = recipients(
        b"From: a@x\r\nTO: b@x,\r\n c@x\r\ncc: d@x\r\nBcc: e@x\r\nDelivered-To: f@x\r\nReply-To: g@x\r\n"
        b"Delivered-To: h@x\r\nresent-to: I <i@x>\r\nto: j@x\r\nSubject: k@x\r\n\r\n"
    )
    named = [[each.spec for each in field] for field in (found.to, found.cc, found.bcc, found.delivered_to)]
    assert named == [["b@x", "c@x", "j@x"], ["d@x"], ["e@x"], ["f@x", "h@x", "i@x"]]
    assert found.defects == ()


def test_what_was_not_read_is_told() -> None:
    """By the limits of the parser."""
    limits = Limits(head=200, field=100, addresses=2)
    assert [each.slug for each in recipients(b"To: %s\n\n" % (b"x" * 120), limits).defects] == ["long-field"]
    assert [each.slug for each in recipients(b"A: b\n" * 100 + b"To: c@x\n\n", limits).defects] == ["long-head"]
    assert len(recipients(b"To: a@x, b@x, c@x\n\n", limits).to) == 2
