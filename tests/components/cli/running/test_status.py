"""What `mailintake status` says, and ends with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.components.mails import Mailbox, mail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.components.mails import Mailbox


AUTOMATIC = "Auto-Submitted: auto-replied\n"


def test_status_says_whether_somebody_should_look(mailbox: Mailbox, tmp_path: Path) -> None:
    """By its exit status: 0, 1 with held mail, 3 when a round failed."""
    mailbox.add_service()
    mailbox.put(mail(1))
    mailbox.run()
    assert mailbox.trac.command("mailintake", "status").status == 0
    mailbox.put(mail(2, more=AUTOMATIC))
    mailbox.run()
    status = mailbox.trac.command("mailintake", "status", "--json")
    assert status.status == 1
    (service,) = json.loads(status.out)["services"]
    assert service["counts"] == {"created": 1, "held": 1}
    assert service["last_result"] == "1 held"
    mailbox.folder.rename(tmp_path / "elsewhere")
    mailbox.run()
    failed = mailbox.trac.command("mailintake", "status")
    assert failed.status == 3
    assert str(mailbox.folder) in failed.out
