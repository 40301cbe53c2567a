"""What `mailintake explain` says would become of a mail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.components.mails import Mailbox, mail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.components.mails import Mailbox


def test_explain_says_what_would_become_of_a_mail_and_writes_nothing(mailbox: Mailbox, tmp_path: Path) -> None:
    """The same rules, the would-be ticket, and what was cut."""
    mailbox.add_service("component=component2")
    file = tmp_path / "mail.eml"
    file.write_bytes(mail(text="Please help."))
    before = mailbox.trac.query("SELECT COUNT(*) FROM mailintake_delivery")
    explained = mailbox.trac.command("mailintake", "explain", str(file))
    assert explained.status == 0
    assert explained.out.startswith("created (new): ")
    assert "Summary:     The printer smokes" in explained.out
    assert "component:   component2" in explained.out
    assert "| Please help." in explained.out
    shown = json.loads(mailbox.trac.command("mailintake", "explain", str(file), "--service", "support", "--json").out)
    assert (shown["outcome"], shown["change"]["summary"]) == ("created", "The printer smokes")
    assert shown["change"]["fields"]["component"] == "component2"
    assert mailbox.trac.tickets() == []
    assert mailbox.trac.query("SELECT COUNT(*) FROM mailintake_delivery") == before
