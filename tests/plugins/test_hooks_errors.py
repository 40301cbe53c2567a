"""Whose fault it is, and plugins that are installed."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.builders import DELIVERY, MEMBER, message, service
from tests.fakes import FakeReader
from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake.errors import Misconfiguration, TemporaryFailure
from trac_mailintake.intake.model import Hold, Outcome, Status
from trac_mailintake.plugins.hooks import Rules
from trac_mailintake.plugins.registry import GROUP

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from trac_mailintake.hookspecs import Context
    from trac_mailintake.intake.model import Change

from tests.plugins.offers import NEW, Shouter, Strict, change_of, refused, rules

# whose fault it is


class Failing:
    """A plugin all of whose hooks fail, by themselves or by asking the tracker."""

    def fail(self, context: Context | None = None) -> None:
        """Fail."""
        if context is None:
            raise LookupError("no such thing")
        context.reader.ticket(1)

    @hookimpl
    def mailintake_screen(self, context: Context) -> None:
        """Fail."""
        self.fail(context)

    @hookimpl
    def mailintake_route(self) -> None:
        """Fail."""
        self.fail()

    @hookimpl(wrapper=True)
    def mailintake_change(self) -> Generator[None, Change, None]:
        """Fail."""
        yield
        self.fail()

    @hookimpl
    def mailintake_recorded(self) -> None:
        """Fail."""
        self.fail()


def test_a_failing_plugin_is_named_with_hook_and_cause() -> None:
    """It defers the mail without counting against it."""
    asked = rules(Shouter("!"), Failing(), Strict(), reader=FakeReader(failure=LookupError("no such thing")))
    outcome = Outcome(Status.CREATED, "new", "")
    uses: list[tuple[str, Callable[[], object]]] = [
        ("mailintake_screen", lambda: asked.screen(message(), DELIVERY, service(), MEMBER)),
        ("mailintake_route", lambda: asked.route(message(), DELIVERY, service(), MEMBER)),
        ("mailintake_change", lambda: change_of(asked)),
        ("mailintake_recorded", lambda: asked.recorded(message(), outcome, service(), MEMBER)),
    ]
    for hook, use in uses:
        with pytest.raises(Misconfiguration, match=f"Failing.*, {hook}: LookupError: no such thing") as raised:
            use()
        assert isinstance(raised.value.__cause__, LookupError)


def test_of_two_plugins_the_one_that_failed_is_named(installed: Callable[..., None]) -> None:
    """Not the one around it."""
    inner = """
        @hookimpl(wrapper=True)
        def mailintake_change():
            yield
            return 1 / 0
    """
    installed("careless_intake", inner)
    with pytest.raises(Misconfiguration, match=r"plugin careless_intake .*ZeroDivisionError"):
        change_of(Rules(FakeReader(), extra=(Shouter("!"),), group=GROUP))


def test_a_failing_handler_of_a_plugin_is_named(installed: Callable[..., None]) -> None:
    """Wherever its function lies."""
    installed("helping_intake_parts", "def handle(message, target, context):\n    raise KeyError('x')", entry=False)
    installed(
        "helping_intake",
        """
        from trac_mailintake.api import Handler
        from helping_intake_parts import handle

        @hookimpl
        def mailintake_handlers():
            return (Handler("help", "Help", handle),)
        """,
    )
    with pytest.raises(Misconfiguration, match=r"plugin helping_intake .*handler help: KeyError"):
        Rules(FakeReader()).handle(message(), NEW, replace(service(), handler="help"), MEMBER)


def test_the_products_own_failure_is_the_messages() -> None:
    """It passes as it is, plugins or not."""
    reader = FakeReader(failure=LookupError("ours"), signed={"support@example.org": 12})
    with pytest.raises(LookupError, match="ours"):
        rules(Strict(), Shouter("!"), reader=reader).route(message(), DELIVERY, service(), MEMBER)


def test_a_plugin_is_not_to_blame_for_a_database_that_is_down() -> None:
    """What it asked for failed for a time."""
    asked = rules(Failing(), reader=FakeReader(failure=TemporaryFailure("database is locked")))
    with pytest.raises(TemporaryFailure):
        asked.screen(message(), DELIVERY, service(), MEMBER)


# installed plugins


def test_an_installed_module_is_a_plugin(installed: Callable[..., None]) -> None:
    """Behind the entry point group, without any configuration."""
    installed(
        "polite_intake",
        """
        from trac_mailintake.api import Hold

        @hookimpl
        def mailintake_screen(message):
            return Hold("polite", message.subject)
        """,
    )
    objections = Rules(FakeReader()).screen(message(), DELIVERY, service(), MEMBER)
    assert objections == [Hold("polite", "The printer burns")]


def test_a_plugin_that_does_not_load_stops_everything(installed: Callable[..., None]) -> None:
    """Fail closed: who knows what it would have held. It is named, with the cause."""
    installed("broken_intake", "import something_that_is_not_there")
    refused(
        Rules(FakeReader()), "plugin broken_intake.*does not load: ModuleNotFoundError.*something_that_is_not_there"
    )


def test_nothing_is_loaded_before_the_first_question(installed: Callable[..., None]) -> None:
    """A round without mail asks none."""
    installed("idle_intake", "")
    asked = Rules(FakeReader())
    assert "idle_intake" not in sys.modules
    assert asked.kinds == {}
    assert "idle_intake" in sys.modules
