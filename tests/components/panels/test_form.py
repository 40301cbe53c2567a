"""Forms are made of parameters: what was typed comes back, and what is wrong is said at its field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trac.web.api import _RequestArgs

from trac_mailintake.components.panels.form import UNSET, allowed, changed, check_each, fields, typed
from trac_mailintake.intake.settings import Kind, Parameter, SettingError

WORD = Parameter("word", Kind.TEXT, "", "A word")
NUMBER = Parameter("number", Kind.INTEGER, 5, "A number.", minimum=1)
CHOICE = Parameter("choice", Kind.CHOICE, "a", "One of two", choices=("a", "b"))
LOOSE = Parameter("loose", Kind.CHOICE, None, "One of two, or none", choices=("a", "b"))
TICK = Parameter("tick", Kind.BOOLEAN, default=False, help="Yes or no")
WHO = Parameter("who", Kind.ADDRESS, "", "")
EVERY = (WORD, NUMBER, CHOICE, LOOSE, TICK, WHO)


class Sent:
    """A request with these fields."""

    def __init__(self, **sent: str) -> None:
        self.args = _RequestArgs(sent)


def read(**sent: str) -> dict[str, str]:
    """What a form with these fields means."""
    return typed(Sent(**sent), EVERY)


def test_an_empty_field_is_the_default_where_nothing_cannot_be_typed() -> None:
    """A box that is not ticked is not sent at all."""
    assert read() == {"word": "", "number": "5", "choice": "a", "loose": "", "tick": "false", "who": ""}
    assert read(word="  x  ", number="7", tick="on", choice="b")["word"] == "x"
    assert (read(tick="on")["tick"], read(number=" ")["number"]) == ("true", "5")


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        ({}, set()),
        ({"number": "0"}, {"number"}),
        ({"number": "x", "choice": "c", "who": "nobody"}, {"number", "choice", "who"}),
        ({"who": "ann@example.org", "loose": "a"}, set()),
    ],
)
def test_every_field_is_checked_by_itself(sent: dict[str, str], wrong: set[str]) -> None:
    """Several may be wrong at once."""
    assert set(check_each(EVERY, read(**sent))) == wrong


def test_only_what_differs_is_saved() -> None:
    """From what is stored, or else from the default."""
    found = read(word="x", number="5", choice="b")
    assert changed(EVERY, found, {}) == {"word": "x", "choice": "b"}
    assert changed(EVERY, found, {"word": "x", "number": "7"}) == {"number": "5", "choice": "b"}


@given(st.fixed_dictionaries({}, optional={"word": st.text(), "number": st.integers(1).map(str)}))
def test_what_was_typed_is_shown_again(sent: dict[str, str]) -> None:
    """A form that is shown and sent again is the same form."""
    found = read(**sent)
    shown = {field.name: field.value for field in fields(EVERY, found, {})}
    assert read(**{name: value for name, value in shown.items() if value != "false"}) == found


def test_a_field_has_its_control_help_and_choices() -> None:
    """A list where there are few values; a value that is none of them any more is still shown."""
    options = {"word": ["north", "south"]}
    made = {
        each.name: each
        for each in fields(EVERY, {"word": "west"}, {"who": "Missing."}, labels={"who": "Whom"}, options=options)
    }
    assert [each.control for each in made.values()] == ["select", "text", "select", "select", "checkbox", "text"]
    assert made["word"].choices == (("", UNSET), ("north", "north"), ("south", "south"), ("west", "west"))
    assert made["choice"].choices == (("a", "a"), ("b", "b"))
    assert made["loose"].choices[0] == ("", UNSET)
    assert (made["who"].label, made["who"].error, made["who"].help) == ("Whom", "Missing.", "An e-mail address.")
    assert (made["number"].help, made["number"].size, made["number"].value) == ("A number.", 12, "5")


def test_an_error_is_said_without_the_name_that_is_beside_it() -> None:
    """The first one of a field stays; those of no field are warnings."""
    assert allowed(SettingError("number", "x", "a number")) == "x: not allowed. Allowed: a number."
    assert allowed(SettingError("number", "", "a number")) == "Missing. Allowed: a number."
    errors = check_each(EVERY, {"number": "x"})
    errors.add(SettingError("number", "y", "nothing"))
    assert errors["number"].startswith("x: ")
