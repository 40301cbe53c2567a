"""What is typed wrong is said, with what is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

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
