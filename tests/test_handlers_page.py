"""What the documentation says of handlers and their parameters is what they are."""

from __future__ import annotations

from tests.fakes import FakeReader
from tests.pages import HANDLERS, filled, headings
from trac_mailintake.plugins.hooks import Rules

PAGE = HANDLERS.read_text("utf-8")


def test_each_handler_has_a_section() -> None:
    """And nothing else has one."""
    assert headings(PAGE) == list(Rules(FakeReader(), group="none").handlers)


def test_each_parameter_is_told_with_its_kind_default_and_help() -> None:
    """`python -m tests.pages` writes the tables."""
    assert filled(PAGE) == PAGE
    assert PAGE.count("| `splitregex` |") == 1


def test_every_parameter_of_a_service_is_on_the_page() -> None:
    """Of each handler, and of the rules."""
    rules = Rules(FakeReader(), group="none")
    names = {parameter.name for handler in rules.handlers for parameter in rules.parameters(handler)}
    assert [name for name in sorted(names) if f"| `{name}` |" not in PAGE] == []
