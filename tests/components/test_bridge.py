"""A Trac component as a plugin of mail intake: one file in an environment's `plugins/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.components.mails import mail

if TYPE_CHECKING:
    from tests.components.mails import Mailbox

PLUGIN = '''
"""Holds what mentions invoices, and offers a handler."""

from trac.core import Component, implements

from trac_mailintake.api import Hold, IMailintakePlugin, hookimpl


class Invoices(Component):
    implements(IMailintakePlugin)

    @hookimpl
    def mailintake_screen(self, message):
        if "invoice" in message.subject.lower():
            return Hold("invoices", "It is about an invoice, for " + self.env.project_name + ".")
'''

BROKEN = PLUGIN.replace("def mailintake_screen(self, message)", "def mailintake_scream(self, message)")


def install(mailbox: Mailbox, text: str) -> None:
    """Put a plugin into the environment's folder; Trac enables what lies there.

    What is loaded stays loaded, so from then on every command is a process of its own.
    """
    (mailbox.trac.path / "plugins").mkdir(exist_ok=True)
    (mailbox.trac.path / "plugins" / "invoices.py").write_text(text, encoding="utf-8")
    mailbox.trac.close()


def test_a_component_that_is_a_plugin_is_asked(mailbox: Mailbox) -> None:
    """With the environment at hand."""
    mailbox.add_service()
    install(mailbox, PLUGIN)
    mailbox.put(mail(1, subject="Invoice 12"), mail(2))
    finished = mailbox.trac.admin("mailintake", "run", "--force")
    assert finished.out == "support: 1 created, 1 held\n", finished.err
    shown = mailbox.trac.admin("mailintake", "journal", "show", "1")
    assert "held (invoices): It is about an invoice, for Project of a test." in shown.out


def test_a_component_with_a_misspelled_hook_stops_intake_and_loses_nothing(mailbox: Mailbox) -> None:
    """Fail closed: its rule would never be called, so the mail waits; after five such faults the service stops."""
    mailbox.add_service("afterwards=delete")
    install(mailbox, BROKEN)
    mailbox.put(*(mail(number) for number in range(1, 7)))
    for _ in range(5):
        finished = mailbox.trac.admin("mailintake", "run", "--force")
        assert finished.status == 3
        assert "mailintake_scream" in finished.out
    assert mailbox.left() == 6
    assert mailbox.trac.tickets() == []
    status = mailbox.trac.admin("mailintake", "status")
    assert status.status == 3
    assert "5 times in a row" in status.out
    assert mailbox.trac.admin("mailintake", "run", "--force").out == ""
    install(mailbox, PLUGIN)
    mailbox.trac.admin("mailintake", "service", "enable", "support")
    assert mailbox.trac.admin("mailintake", "run").out == "support: 6 created\n"
