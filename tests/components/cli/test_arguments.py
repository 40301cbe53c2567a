"""What is typed wrong is said, with what is allowed."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest
from trac.admin.api import AdminCommandError

from trac_mailintake.components.cli.arguments import UnlessDown, told
from trac_mailintake.intake.errors import Misconfiguration, TemporaryFailure

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["server", "add", "main", "host=h", "protocol=exchange"],
            "protocol=exchange: not allowed. Allowed: imap, pop3",
        ),
        (["server", "add", "main", "extra", "host=h"], "Invalid arguments"),
        (["server", "remove", "main"], "server=main: not allowed. Allowed: none yet"),
        (["service", "add", "support", "kind=exchange"], "kind=exchange: not allowed"),
        (["service", "enable", "support"], "service=support: not allowed"),
        (["run", "support"], "service=support: not allowed"),
        (["run", "--frobnicate"], "--frobnicate: not allowed. Allowed: --force"),
        (["run", "--limit", "none"], "--limit=none: not allowed. Allowed: a whole number"),
        (["run", "--limit"], "--limit needs a value"),
        (["run", "a", "b"], "Invalid arguments"),
        (["journal", "show", "7"], "id=7: not allowed"),
        (["journal", "show", "seven"], "id=seven: not allowed. Allowed: a whole number"),
        (["journal", "list", "outcome=lost"], "outcome=lost: not allowed. Allowed: created, commented"),
        (["journal", "list", "colour=red"], "colour=red: not allowed. Allowed: service, outcome"),
        (["held", "discard", "7"], "id=7: not allowed"),
        (["explain", "/no/such/mail"], "--service=: not allowed"),
    ],
)
def test_wrong_words_end_with_two_and_say_what_is_allowed(sqlite_env: TracEnv, words: list[str], said: str) -> None:
    """The name, the value, what is allowed; on standard error."""
    finished = sqlite_env.command("mailintake", *words)
    assert finished.status == 2
    assert said in finished.err


@pytest.mark.parametrize(
    "error", [TemporaryFailure("The disk is away."), OSError(errno.ENOSPC, "No space left"), MemoryError()]
)
def test_what_passes_by_itself_is_said_in_a_line(
    sqlite_env: TracEnv, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    """The command goes on after the block, whether the failure was already turned into Trac's own error or not."""
    went_on = []
    with UnlessDown(sqlite_env.env):
        raise error
    with UnlessDown(sqlite_env.env), told():
        went_on.append(1)
        raise error
    lines = capsys.readouterr().err.splitlines()
    assert went_on == [1]
    assert len(lines) == 2
    assert all("Nothing is lost: try again" in line for line in lines)


@pytest.mark.parametrize(
    "error", [ValueError("a mistake"), AdminCommandError("wrong words"), Misconfiguration("plugin")]
)
def test_anything_else_is_raised(sqlite_env: TracEnv, capsys: pytest.CaptureFixture[str], error: Exception) -> None:
    """A mistake is not said to pass by itself."""
    with pytest.raises(type(error)), UnlessDown(sqlite_env.env):
        raise error
    assert capsys.readouterr().err == ""
