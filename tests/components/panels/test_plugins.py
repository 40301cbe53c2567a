"""The panels where a plugin of somebody else's is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.chromium import Chromium
    from tests.servers.tracenv import TracEnv

SERVICES = "/admin/mailintake/services"
MISSPELLED = """\
from trac.core import Component, implements
from trac_mailintake.api import IMailintakePlugin, hookimpl

class Wrong(Component):
    implements(IMailintakePlugin)

    @hookimpl
    def mailintake_scren(self, message):
        return None
"""


@pytest.fixture
def broken(sqlite_env: TracEnv, tmp_path: Path) -> TracEnv:
    """An environment with a service, and then with a plugin whose hook is misspelled."""
    assert Mailbox(sqlite_env, tmp_path / "maildir").add_service().status == 0
    sqlite_env.grant("admin", "TRAC_ADMIN")
    (sqlite_env.path / "plugins" / "wrong.py").write_text(MISSPELLED, encoding="utf-8")
    sqlite_env.close()  # for good: what is loaded stays loaded, and this process shall not load it
    return sqlite_env


def test_services_are_listed_and_the_plugin_is_blamed(broken: TracEnv, chromium: Chromium) -> None:
    """Nothing runs until it is mended, nothing is lost, and no page ends in a traceback."""
    with broken.serve("admin") as tracd:
        tab = chromium.visit(tracd, "admin").go(SERVICES)
        assert "support" in tab.find("#mailintake-services").text
        assert "mailintake_scren" in tab.warnings
        tab.press("Run now")
        assert "mailintake_scren" in tab.warnings
        tab.go(f"{SERVICES}/support")
        assert "mailintake_scren" in tab.text
        assert "Traceback" not in tab.text
        assert tab.go("/admin/mailintake/journal").all("#content.error") == []
