"""POP3 as a kind of source."""

from __future__ import annotations

from tests.sources import scripted
from tests.sources.contract import read, server, service
from trac_mailintake.hookspecs import Opening
from trac_mailintake.sources import pop3


def test_a_source_is_opened_with_what_the_service_says() -> None:
    """The server and the password, which is asked for only when somebody connects; there are no folders."""
    asked: list[str] = []

    def password() -> str:
        asked.append("once")
        return "secret"

    with scripted.pop3({"a": b"A: b\r\n"}) as talking:
        made = service(afterwards="leave")
        source = pop3.KIND.open(Opening(made, server("pop3", talking.port, "ann"), made.afterwards, password))
        assert asked == []
        assert read(source, list(source.list())) == [b"A: b\n"]
        assert asked == ["once"]
        source.close()
    assert not pop3.KIND.dated
