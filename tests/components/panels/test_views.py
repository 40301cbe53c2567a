"""Each panel that is declared has a view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.wsgi import Reader
from trac_mailintake.components.panels.views import VIEWS

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


@pytest.mark.parametrize("page", VIEWS)
def test_every_view_is_a_panel_for_those_who_may_see_it(sqlite_env: TracEnv, page: str) -> None:
    """In Trac's administration, with a link; for others there is none."""
    sqlite_env.grant("viewer", "MAILINTAKE_VIEW")
    found = Reader(sqlite_env, "viewer").get(f"/admin/mailintake/{page}")
    assert found.status == 200
    assert all(f'href="/admin/mailintake/{each}"' in found.text for each in VIEWS if each != page)
    assert Reader(sqlite_env, "other").get(f"/admin/mailintake/{page}").status in (403, 404)
