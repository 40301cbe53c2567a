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
    assert "Component:   component2" in explained.out
    assert "| Please help." in explained.out
    shown = json.loads(mailbox.trac.command("mailintake", "explain", str(file), "--service", "support", "--json").out)
    assert (shown["outcome"], shown["change"]["summary"]) == ("created", "The printer smokes")
    assert shown["change"]["fields"]["component"] == "component2"
    assert mailbox.trac.tickets() == []
    assert mailbox.trac.query("SELECT COUNT(*) FROM mailintake_delivery") == before


ATTACHED = """\
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b
"""
WITH_A_LOG = """\
--b
Content-Type: text/plain

Me too.

On 1 Nov 2026, support wrote:
> Has it stopped?
> Please say.
--b
Content-Type: text/plain
Content-Disposition: attachment; filename=printer.log

all is smoke
--b--"""


def test_all_of_a_comment_is_shown(mailbox: Mailbox, tmp_path: Path) -> None:
    """The ticket that it would be written to, who becomes Cc, the attachments, and what would be cut."""
    mailbox.add_service("ccwatcher=true")
    mailbox.put(mail(1))
    mailbox.run()
    file = tmp_path / "mail.eml"
    copied = "Cc: Bob <bob@example.net>\n"
    file.write_bytes(mail(2, text=WITH_A_LOG, more=f"In-Reply-To: <1@example.net>\n{copied}{ATTACHED}"))
    lines = mailbox.trac.command("mailintake", "explain", str(file)).out.splitlines()
    assert lines[0].startswith("commented #1 (")
    assert not any(line.startswith("  Summary:") for line in lines)
    assert not any(line.startswith("  Cc:  ") for line in lines), "strangers may add nobody"
    assert any("Not added to cc" in line and "bob@example.net" in line for line in lines)
    assert "  Attachment:  printer.log" in lines
    cut = lines[lines.index("  Cut from the text:") :]
    assert "  | > Please say." in cut
    assert [line for line in lines if line == "  | Me too."] == ["  | Me too."]
    mailbox.trac.grant("anonymous", "TICKET_EDIT_CC", "TICKET_CHGPROP")
    lines = mailbox.trac.command("mailintake", "explain", str(file)).out.splitlines()
    assert any(line.startswith("  Cc:  ") and "bob@example.net" in line for line in lines)


def test_mail_that_would_not_be_filed_has_a_reason_and_no_ticket(mailbox: Mailbox, tmp_path: Path) -> None:
    """The rules that were asked are there all the same."""
    mailbox.add_service()
    file = tmp_path / "mail.eml"
    file.write_bytes(mail(1, more="Auto-Submitted: auto-replied\n"))
    lines = mailbox.trac.command("mailintake", "explain", str(file)).out.splitlines()
    assert lines[0].startswith("held (")
    assert any(line.startswith("  screen  ") for line in lines)
    assert not any(line.startswith(("  Author:", "  Text:")) for line in lines)
    shown = json.loads(mailbox.trac.command("mailintake", "explain", str(file), "--json").out)
    assert (shown["outcome"], shown["ticket"], shown["change"]) == ("held", None, None)


def test_a_file_that_cannot_be_read_is_named(mailbox: Mailbox, tmp_path: Path) -> None:
    """With the cause."""
    mailbox.add_service()
    missing = tmp_path / "none.eml"
    explained = mailbox.trac.command("mailintake", "explain", str(missing))
    assert explained.status == 2
    assert f"{missing} cannot be read: No such file or directory" in explained.err
