"""What is wrong with a plugin is told at every use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake.settings import Kind, Parameter

if TYPE_CHECKING:
    from collections.abc import Generator

    from trac_mailintake.intake.model import Change, Objection
    from trac_mailintake.mail.message import Message

from tests.plugins.offers import refused, rules


def test_a_misspelled_hook_is_refused() -> None:
    """It would never be called; the plugin and the hook are named."""

    class Typo:
        """A plugin with a mistake."""

        @hookimpl
        def mailintake_scren(self) -> None:
            """Never called."""

    refused(rules(Typo()), "Typo.*mailintake_scren")


def test_a_hook_without_its_mark_is_refused() -> None:
    """It would never be called either."""

    class Unmarked:
        """A plugin with a mistake."""

        def mailintake_screen(self, message: Message) -> None:
            """Never called."""

    refused(rules(Unmarked()), "Unmarked.*mailintake_screen.*@hookimpl")


def test_a_hook_with_a_wrong_argument_is_refused() -> None:
    """It could not be called."""

    class Wrong:
        """A plugin with a mistake."""

        @hookimpl
        def mailintake_screen(self, mail: Message) -> None:
            """Never called."""

    refused(rules(Wrong()), "Wrong.*mailintake_screen")


def test_nothing_may_be_wrapped_but_the_change() -> None:
    """A wrapper around the screens could take an objection back."""

    class Lenient:
        """A plugin that wants to make intake less strict."""

        @hookimpl(wrapper=True)
        def mailintake_screen(self) -> Generator[None, list[Objection], list[Objection]]:
            """Nobody objected."""
            yield
            return []

    refused(rules(Lenient()), "Lenient, mailintake_screen")


def test_a_change_is_only_amended_by_wrapping() -> None:
    """Otherwise one plugin's change would silence another's."""

    class Usurper:
        """A plugin that answers for all."""

        @hookimpl
        def mailintake_change(self, change: Change) -> Change:
            """Never called."""
            return change

    refused(rules(Usurper()), "Usurper, mailintake_change.*wrapper=True")


def test_a_parameter_of_two_rules_is_refused() -> None:
    """A plugin cannot change what a rule of ours means."""

    class Meddler:
        """A plugin that knows `bulk` better."""

        PARAMETERS = (Parameter("bulk", Kind.TEXT, "accept", "Ours"),)

    refused(rules(Meddler()), "Meddler.*bulk")
