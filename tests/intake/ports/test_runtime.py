"""What a process provides to the stages, if nothing special is asked for."""

from __future__ import annotations

from tests.builders import NOWHERE, message
from trac_mailintake.intake.ports import Clock, Deciding, Parser, Runtime
from trac_mailintake.intake.times import Seconds


class Noting(Deciding):
    """A watchdog and a connection that note what they are asked."""

    seconds = Seconds(5.0)

    def __init__(self) -> None:
        self.calls: list[str] = []

    def beat(self) -> None:
        """See `ports.Watch`."""
        self.calls.append("beat")

    def rest(self) -> None:
        """See `ports.Watch` and `ports.Deciding`."""
        self.calls.append("rest")


def test_a_message_is_parsed_when_it_is_asked_for() -> None:
    """Announcing it does nothing."""
    parser = Parser(lambda raw: message(raw=raw, subject="parsed"))
    parser.expect([NOWHERE] * 3)
    assert parser(NOWHERE).subject == "parsed"


def test_the_watchdog_and_the_connection_rest_together() -> None:
    """When no message is being handled; both are optional."""
    watch, connection = Noting(), Noting()
    runtime = Runtime(Parser(lambda _: message()), connection, watch=watch)
    runtime.beat()
    runtime.rest()
    assert (watch.calls, connection.calls) == (["beat", "rest"], ["rest"])
    plain = Runtime(Parser(lambda _: message()))
    plain.beat()
    plain.rest()
    assert plain.deciding(lambda: 7) == 7
    error = ValueError("as it is")
    assert plain.named(error) is error


def test_the_clock_goes_on() -> None:
    """While one sleeps, too."""
    clock = Clock()
    before = clock.now()
    clock.sleep(Seconds(0.01))
    assert clock.now() - before >= 0.01
