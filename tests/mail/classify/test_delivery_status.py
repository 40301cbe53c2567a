"""Which mail a bounce is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders import message, part
from trac_mailintake.mail.classify.delivery_status import reported_ids

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("content_type", ["message/rfc822", "text/rfc822-headers", "message/global-headers"])
def test_the_enclosed_mail_is_the_one(tmp_path: Path, content_type: str) -> None:
    """Whole, or its header alone; what its text says does not count."""
    head = b"Subject: x\r\nMessage-Id: <a@x>\r\n\r\nMessage-ID: <text@x>\r\n"
    enclosed = part(tmp_path, "a.eml", head, content_type=content_type)
    assert reported_ids(message(parts=(enclosed,))) == ("<a@x>",)


def test_other_attachments_do_not_count(tmp_path: Path) -> None:
    """A text file may say anything."""
    notes = part(tmp_path, "a.txt", b"Message-ID: <a@x>\n", content_type="text/plain")
    assert reported_ids(message(parts=(notes,))) == ()


def test_a_mail_quoted_in_the_text_is_found() -> None:
    """Each id once."""
    text = "Returned:\n> Message-ID: <a@x>\n Message-ID: <b@x>\nMessage-ID: <a@x>\nsee Message-ID: <c@x>\n"
    assert reported_ids(message(text=text)) == ("<a@x>", "<b@x>")


def test_of_a_large_mail_only_the_head_is_read(tmp_path: Path) -> None:
    """Nobody's header is larger."""
    late = part(tmp_path, "a.eml", b"X: y\n" * 30_000 + b"Message-ID: <a@x>\n", content_type="message/rfc822")
    assert reported_ids(message(parts=(late,))) == ()
