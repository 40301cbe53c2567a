"""Mails in the journal, and who looks at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components.mails import mail
from tests.servers.wsgi import Reader

if TYPE_CHECKING:
    from tests.components.mails import Mailbox

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def visitor(mailbox: Mailbox) -> Reader:
    """An administrator, where three mails were taken."""
    mailbox.add_service("bulk=hold")
    mailbox.put(
        mail(1, subject="The printer smokes"),
        mail(2, subject=f"Away {HOSTILE}", more="Auto-Submitted: auto-replied\n"),
        mail(3, subject="Größe", sender="Zoë <zoe@example.net>"),
    )
    mailbox.run()
    mailbox.trac.grant("admin", "TRAC_ADMIN")
    return Reader(mailbox.trac, "admin")
