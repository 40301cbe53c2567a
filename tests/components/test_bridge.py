"""A Trac component as a plugin of mail intake: one file in an environment's `plugins/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.components.mails import mail
from trac_mailintake.intake.errors import Misconfiguration
from trac_mailintake.plugins.component_bridge import ComponentPlugins

if TYPE_CHECKING:
    from pathlib import Path

    from tests.components.mails import Mailbox
    from tests.servers.tracenv import TracEnv

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


WRONG: Final = {
    "an import that fails": (f"import something_that_is_not_there\n{PLUGIN}", "invoices.py does not load"),
    "a slip of the pen": (PLUGIN.replace("message.subject.lower()", "message.subject.lower("), "does not load"),
    "it ends the process": (PLUGIN.replace("class Inv", "raise SystemExit(0)\n\n\nclass Inv"), "does not load"),
    "it cannot be made": (
        f"{PLUGIN}\n    def __init__(self):\n        raise KeyError('a key')\n",
        "plugin invoices.Invoices cannot be made: KeyError: 'a key'",
    ),
    "it ends the process when it is made": (
        f"{PLUGIN}\n    def __init__(self):\n        raise SystemExit(0)\n",
        "plugin invoices.Invoices cannot be made: SystemExit: 0",
    ),
    "it does not say what it is": (
        PLUGIN.replace("    implements(IMailintakePlugin)\n", ""),
        "plugin invoices.Invoices: it has hooks, but no implements(IMailintakePlugin)",
    ),
    "functions of a module": (
        (
            "from trac_mailintake.api import Hold, hookimpl\n\n\n"
            "@hookimpl\ndef mailintake_screen(message):\n    return Hold('invoices', 'No.')\n"
        ),
        "invoices.py, mailintake_screen: in this folder only a component's methods are called",
    ),
}
"""Plugins that Trac does not load or nobody would ask, and what is said of them."""


@pytest.mark.parametrize("what", WRONG)
def test_a_plugin_that_would_not_be_asked_stops_intake(mailbox: Mailbox, what: str) -> None:
    """Trac logs it at most, and goes on without the rule that would have held the mail."""
    text, said = WRONG[what]
    mailbox.add_service("afterwards=delete")
    install(mailbox, text)
    mailbox.put(mail(1, subject="Invoice 12"))
    finished = mailbox.trac.admin("mailintake", "run", "--force")
    assert (finished.status, said in finished.out) == (3, True), finished.out + finished.err
    for _ in range(4):
        mailbox.trac.admin("mailintake", "run", "--force")
    assert "5 times in a row: plugin " in mailbox.trac.admin("mailintake", "status").out
    assert (mailbox.left(), mailbox.trac.tickets()) == (1, [])


def test_a_file_called_as_a_module_that_is_loaded_is_refused(mailbox: Mailbox) -> None:
    """Trac takes it for loaded, and does not even log it."""
    mailbox.add_service("afterwards=delete")
    (mailbox.trac.path / "plugins" / "calendar.py").write_text(PLUGIN, encoding="utf-8")
    mailbox.trac.close()
    mailbox.put(mail(1, subject="Invoice 12"))
    finished = mailbox.trac.admin("mailintake", "run", "--force")
    assert (finished.status, "another module is called calendar" in finished.out) == (3, True), finished.out


@pytest.mark.parametrize(
    ("section", "name", "value", "text"),
    [
        ("components", "invoices.*", "disabled", f"import something_that_is_not_there\n{PLUGIN}"),
        ("components", "invoices.invoices", "disabled", PLUGIN.replace("    implements(IMailintakePlugin)\n", "")),
        ("components", "other.*", "disabled", "import something_that_is_not_there"),
    ],
)
def test_a_plugin_that_is_disabled_or_anothers_stops_nothing(
    mailbox: Mailbox, section: str, name: str, value: str, text: str
) -> None:
    """An administrator said so; and a wiki macro that does not load is none of our business."""
    mailbox.add_service("afterwards=delete")
    mailbox.trac.set((section, name, value))
    install(mailbox, text)
    mailbox.put(mail(1, subject="Invoice 12"))
    assert mailbox.trac.admin("mailintake", "run", "--force").out == "support: 1 created\n"


@pytest.mark.parametrize(("enabled", "status"), [("invoices.invoices", 3), ("other.*", 0)])
def test_a_plugin_of_the_shared_folder_counts_where_it_is_enabled(
    mailbox: Mailbox, tmp_path: Path, enabled: str, status: int
) -> None:
    """Nobody else is to wait for its repair."""
    mailbox.add_service("afterwards=delete")
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "invoices.py").write_text(f"import something_that_is_not_there\n{PLUGIN}", encoding="utf-8")
    mailbox.trac.set(("inherit", "plugins_dir", str(shared)), ("components", enabled, "enabled"))
    mailbox.trac.close()
    mailbox.put(mail(1, subject="Invoice 12"))
    assert mailbox.trac.admin("mailintake", "run", "--force").status == status


def test_two_environments_may_have_copies_of_a_plugin(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """In tracd one of them is loaded for both; of two that differ the second is refused."""
    second = sqlite_env.copied(tmp_path / "second")
    name = f"invoices_{tmp_path.name}".replace("-", "_")
    for trac in (sqlite_env, second):
        (trac.path / "plugins" / f"{name}.py").write_text(PLUGIN, encoding="utf-8")
    assert [len(list(ComponentPlugins(trac.reopen()))) for trac in (sqlite_env, second)] == [1, 1]
    (second.path / "plugins" / f"{name}.py").write_text(PLUGIN.replace("invoice", "bill"), encoding="utf-8")
    with pytest.raises(Misconfiguration, match=f"another module is called {name}"):
        list(ComponentPlugins(second.reopen()))
    second.close()
