"""What a plugin offers or answers that is nothing of the kind is an error that names it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.builders import DELIVERY, HANDLER, MEMBER, message, service
from tests.fakes import FakeReader
from trac_mailintake.hookspecs import Handler, hookimpl
from trac_mailintake.intake.errors import Misconfiguration
from trac_mailintake.intake.model import Ignore
from trac_mailintake.plugins.hooks import Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from trac_mailintake.hookspecs import SourceKind
    from trac_mailintake.intake.model import Change

from tests.plugins.offers import NEW, Offering, change_of, rules


def rival(name: str) -> object:
    """Another plugin that offers the same."""

    class Rival(Offering):
        """By another name."""

    return Rival(name)


def test_two_of_the_same_name_are_refused() -> None:
    """Nobody could say which one a service means."""
    with pytest.raises(Misconfiguration, match=f"{HANDLER}.*create_or_comment and .*Offering"):
        _ = rules(Offering(HANDLER)).handlers
    with pytest.raises(Misconfiguration, match="two plugins offer wire"):
        _ = Rules(FakeReader(), bundled=(Offering("wire"),), extra=(rival("wire"),), group="none").kinds


@pytest.mark.parametrize("group", ["mailintake_handlers", "mailintake_sources"])
def test_what_is_no_offer_is_refused(group: str) -> None:
    """A handler is a Handler, a kind of source is a SourceKind."""

    class Muddled(Offering):
        """A plugin that mixes them up."""

        @hookimpl
        def mailintake_handlers(self) -> tuple[Handler, ...]:
            """Sources."""
            return super().mailintake_sources()  # type: ignore[return-value]  # that is the mistake

        @hookimpl
        def mailintake_sources(self) -> tuple[SourceKind, ...]:
            """Handlers."""
            return super().mailintake_handlers()  # type: ignore[return-value]  # that is the mistake

    with pytest.raises(Misconfiguration, match=f"Muddled, {group}"):
        _ = rules(Muddled()).handlers if group == "mailintake_handlers" else rules(Muddled()).kinds


@pytest.mark.parametrize("answer", [False, True, "hold", Ignore])
def test_a_verdict_is_a_value(answer: object) -> None:
    """Not False, not a word, not a class."""

    class Vague:
        """A plugin that answers with anything."""

        @hookimpl
        def mailintake_screen(self) -> object:
            """Answer."""
            return answer

        @hookimpl
        def mailintake_route(self) -> object:
            """Answer."""
            return answer

        @hookimpl(wrapper=True)
        def mailintake_change(self) -> Generator[None, Change, object]:
            """Answer."""
            yield
            return answer

    uses: list[tuple[str, Callable[[], object]]] = [
        ("mailintake_screen", lambda: rules(Vague()).screen(message(), DELIVERY, service(), MEMBER)),
        ("mailintake_route", lambda: rules(Vague()).route(message(), DELIVERY, service(), MEMBER)),
        ("mailintake_change", lambda: change_of(rules(Vague()))),
    ]
    for hook, use in uses:
        with pytest.raises(Misconfiguration, match=f"Vague, {hook}"):
            use()


def test_a_handler_that_answers_nothing_is_refused() -> None:
    """It is named."""

    class Silent:
        """A plugin with a handler that forgets to return."""

        @hookimpl
        def mailintake_handlers(self) -> tuple[Handler, ...]:
            """One."""
            return (Handler("silent", "Silent", lambda *_: None),)  # type: ignore[arg-type]  # the mistake

    with pytest.raises(Misconfiguration, match="handler silent"):
        rules(Silent()).handle(message(), NEW, replace(service(), handler="silent"), MEMBER)
