"""A test whose server is missing is skipped with the reason, or fails where every server must be there."""

from __future__ import annotations

from typing import Self

import pytest

from tests.servers.machine import ServerMissing, program
from tests.servers.required import SWITCH, running


class Absent:
    """A server whose program nobody has."""

    def __enter__(self) -> Self:
        """Look for the program."""
        program("mailintake-no-such-server")
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was started."""


def test_a_program_that_is_missing_is_named() -> None:
    """The reason says what to install."""
    with pytest.raises(ServerMissing, match="mailintake-no-such-server is not installed"):
        program("mailintake-no-such-server")


def test_skips_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's machine may lack a server."""
    monkeypatch.delenv(SWITCH, raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-server"), running(Absent()):
        pass


def test_fails_where_servers_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """CI may skip none."""
    monkeypatch.setenv(SWITCH, "1")
    with pytest.raises(pytest.fail.Exception, match="no-such-server"), running(Absent()):
        pass
