"""The options of `[mailintake]` have the defaults that are documented, and the permissions include one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac.config import Option
from trac.perm import PermissionCache

from tests.house.tree import ROOT
from trac_mailintake.components.options import ADMIN, VIEW, MailIntakeSystem

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


def test_every_option_is_documented_with_its_default(shared_env: TracEnv) -> None:
    """Wherever administrators read of it."""
    ours = {name: option for (section, name), option in Option.get_registry().items() if section == "mailintake"}
    pages = "".join(page.read_text("utf-8") for page in sorted((ROOT / "docs").glob("*.md")))
    assert [name for name in ours if name not in pages] == []
    system = MailIntakeSystem(shared_env.env)
    assert (system.fetch, system.at_once, system.watchdog, system.archive_days) == ("enabled", 4, 300, 365)


def test_who_may_change_may_look(sqlite_env: TracEnv) -> None:
    """And not the other way round."""
    sqlite_env.grant("keeper", ADMIN)
    sqlite_env.grant("viewer", VIEW)
    rights = {user: PermissionCache(sqlite_env.env, user) for user in ("keeper", "viewer", "other")}
    assert {user: (VIEW in found, ADMIN in found) for user, found in rights.items()} == {
        "keeper": (True, True),
        "viewer": (True, False),
        "other": (False, False),
    }
