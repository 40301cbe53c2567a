"""Commands that run something are loaded when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.admin.api import AdminCommandManager

from tests.components.mails import mail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.components.mails import Mailbox


def test_a_run_takes_the_mail_and_a_probe_needs_an_address(mailbox: Mailbox, tmp_path: Path) -> None:
    """Each command of this module comes to its action, with what was typed."""
    trac = mailbox.trac
    mailbox.add_service()
    mailbox.put(mail(1))
    assert trac.command("mailintake", "run").out == "support: 1 created\n"
    assert trac.command("mailintake", "probe", "support").status == 2
    trac.command("mailintake", "service", "add", "handed", "kind=pipe")
    taken = trac.command("mailintake", "deliver", "handed", stdin=mail(2))
    assert (taken.status, "created #2" in taken.err) == (0, True)
    file = tmp_path / "mail.eml"
    file.write_bytes(mail(3))
    assert trac.command("mailintake", "explain", str(file), "--service", "support").status == 0
    assert trac.command("mailintake", "queue", "flush").out == "0 sent, 0 waiting.\n"
    assert trac.command("mailintake", "status").status == 0


def test_files_are_completed_for_explain_and_only_the_first(mailbox: Mailbox, tmp_path: Path) -> None:
    """As trac-admin completes them elsewhere."""
    (tmp_path / "one.eml").touch()
    complete = AdminCommandManager(mailbox.trac.env).complete_command
    assert any("one.eml" in str(each) for each in complete(["mailintake", "explain", f"{tmp_path}/"]))
    assert not complete(["mailintake", "explain", f"{tmp_path}/one.eml", ""])
