"""What all panels have in common: who may see, who may change, and what is said when something is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.wsgi import Reader
from trac_mailintake.components.panels.base import moment
from trac_mailintake.intake.times import Microseconds

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv

PANELS = "/admin/mailintake"
WRONG = """
from trac.core import Component, implements
from trac_mailintake.api import IMailintakePlugin, hookimpl


class Wrong(Component):
    implements(IMailintakePlugin)

    @hookimpl
    def mailintake_scren(self, message):
        return None
"""


@pytest.fixture
def trac(sqlite_env: TracEnv) -> TracEnv:
    """A keeper and a viewer."""
    sqlite_env.grant("keeper", "MAILINTAKE_ADMIN")
    sqlite_env.grant("viewer", "MAILINTAKE_VIEW")
    return sqlite_env


def test_changing_needs_the_permission_and_the_token(trac: TracEnv) -> None:
    """Also where the form is sent as another type, whose token Trac does not check."""
    for user, status in (("keeper", 303), ("viewer", 403), ("other", 404), ("", 404)):
        assert Reader(trac, user).post(f"{PANELS}/servers", {"cancel": "1"}).status == status, user
    keeper = Reader(trac, "keeper")
    assert keeper.post(f"{PANELS}/servers", {"cancel": "1", "__FORM_TOKEN": "guessed"}).status == 400
    other = keeper.ask("POST", f"{PANELS}/servers", headers={"Content-Type": "text/plain"}, body="cancel=1")
    assert other.status == 400


def test_a_plugin_that_is_wrong_is_a_sentence_and_no_traceback(trac: TracEnv) -> None:
    """On a page that needs its rules; the plugin and the hook are named."""
    (trac.path / "plugins" / "wrong_in_a_panel.py").write_text(WRONG, encoding="utf-8")
    trac.set(("components", "wrong_in_a_panel.*", "enabled"))
    page = Reader(trac, "keeper").get(f"{PANELS}/services?action=new&kind=maildir&handler=create")
    assert page.status == 500
    assert "mailintake_scren" in page.text
    assert "Traceback" not in page.text


def test_a_time_is_never_when_it_is_zero() -> None:
    """Templates show nothing then."""
    assert moment(Microseconds(0)) is None
    assert str(moment(Microseconds(1_000_000))) == "1970-01-01 00:00:01+00:00"
