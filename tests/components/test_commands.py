"""The commands are declared as trac-admin knows them: each with its help, and with something that performs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trac.admin.api import AdminCommandManager

from tests.components.mails import Mailbox
from trac_mailintake.components import commands, run_commands

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

GROUPS = ("server", "service", "journal", "held", "contact", "queue")


@pytest.fixture(scope="module")
def trac(shared_env: TracEnv, tmp_path_factory: pytest.TempPathFactory) -> TracEnv:
    """A service and a mail server."""
    folder: Path = tmp_path_factory.mktemp("commands") / "maildir"
    assert Mailbox(shared_env, folder).add_service().status == 0
    shared_env.command("mailintake", "server", "add", "main", "host=mail.example.org")
    return shared_env


def declared(trac: TracEnv) -> dict[str, tuple[object, ...]]:
    """All commands of ours."""
    found = AdminCommandManager(trac.env).providers
    ours = [each for each in found if type(each).__module__ in (commands.__name__, run_commands.__name__)]
    return {command[0]: command for provider in ours for command in provider.get_admin_commands()}


def test_every_command_has_help_and_is_named_once(trac: TracEnv) -> None:
    """In trac-admin's own words."""
    found = declared(trac)
    assert len(found) >= 25
    text = trac.command("help", "mailintake").out
    for name, (_, words, help_, _, act) in found.items():
        assert name in text
        assert help_, name
        assert isinstance(words, str)
        assert callable(act)


def test_names_are_completed_where_there_are_names(trac: TracEnv) -> None:
    """Of services and servers, numbers of held mail, files; after the last word nothing."""
    complete = AdminCommandManager(trac.env).complete_command
    for command in ("run", "deliver", "claim", "probe", "service set", "service remove", "service import-jira"):
        assert complete(["mailintake", *command.split(), ""]) == ["support"], command
    for command in ("server set", "server remove", "server test"):
        assert complete(["mailintake", *command.split(), ""]) == ["main"], command
    for command in ("held retry", "held release", "contact remove"):
        assert complete(["mailintake", *command.split(), ""]) == [], command
    assert not complete(["mailintake", "run", "support", "again", ""])
    assert set(complete(["mailintake", ""])) >= {"run", "status", "explain", *GROUPS}


@pytest.mark.parametrize("name", ["status", "queue list", "held list", "journal list", "service list", "server list"])
def test_what_only_looks_ends_well(trac: TracEnv, name: str) -> None:
    """Each action is there behind its declaration."""
    assert trac.command("mailintake", *name.split()).status == 0
    assert trac.command("mailintake", *name.split(), "--json").out.lstrip()[0] in "[{"
    assert trac.command("mailintake", *name.split(), "--unknown").status == 2
