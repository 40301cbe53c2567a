"""What may be typed for each kind of parameter, what becomes of it, and what is said if it is wrong."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.intake.settings import Kind, Parameter, SettingError, Values, check

PARAMETERS: Final = {
    kind: Parameter(kind.name.lower(), kind, None, "", choices=("hold", "accept") if kind is Kind.CHOICE else ())
    for kind in Kind
}
"""One of each kind, without limits."""

TYPED: Final[dict[Kind, dict[str, object]]] = {
    Kind.TEXT: {" a  b ": "a  b", "": ""},
    Kind.USER: {" Ann ": "Ann"},
    Kind.INTEGER: {"0": 0, " 12 ": 12},
    Kind.SIZE: {
        "0": 0,
        "7": 7,
        "2k": 2048,
        "2 KB": 2048,
        "2KiB": 2048,
        "3m": 3 * 1024**2,
        "3 Mib": 3 * 1024**2,
        "1G": 1024**3,
    },
    Kind.BOOLEAN: {"Yes": True, "ON": True, "1": True, "enabled": True, "no": False, "off": False, "0": False},
    Kind.CHOICE: {"hold": "hold", " Accept ": "accept"},
    Kind.ADDRESS: {"": "", "ann@example.org": "ann@example.org", "ann@localhost": "ann@localhost"},
    Kind.ADDRESSES: {"": (), " a@x.example,b@x.example ;\n c@x.example": ("a@x.example", "b@x.example", "c@x.example")},
    Kind.WORDS: {"": (), " a, b;c d ": ("a", "b", "c", "d"), ",": ()},
    Kind.EXPRESSION: {"": "", r"^\[SPAM\]": r"^\[SPAM\]"},
}
WRONG: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.INTEGER: ("", "-1", "1.5", "many", "0x10"),
    Kind.SIZE: ("", "-1", "2 T", "k", "1.5M", "20 Mbit", "1" * 16),
    Kind.BOOLEAN: ("", "maybe", "2"),
    Kind.CHOICE: ("", "reject", "hold accept"),
    Kind.ADDRESS: ("ann", "@example.org", "ann@", "a@b@c", "a b@c", "<ann@example.org>", "a@x.example, b@x.example"),
    Kind.ADDRESSES: ("ann", "a@x.example, ann", "Ann <ann@example.org>"),
    Kind.EXPRESSION: ("(", "[a-", "*"),
}


def cases(table: dict[Kind, dict[str, object]]) -> list[tuple[Kind, str, object]]:
    """The rows of a table."""
    return [(kind, typed, value) for kind, each in table.items() for typed, value in each.items()]


@pytest.mark.parametrize(("kind", "typed", "value"), cases(TYPED))
def test_what_may_be_typed(kind: Kind, typed: str, value: object) -> None:
    """The value has the type that its kind says, and is the same when it is typed as it is written."""
    parameter = PARAMETERS[kind]
    found = parameter.read(typed)
    assert (found, type(found)) == (value, type(value))
    assert parameter.read(parameter.write(found)) == found


@pytest.mark.parametrize(("kind", "typed"), [(kind, typed) for kind, words in WRONG.items() for typed in words])
def test_what_may_not_be_typed(kind: Kind, typed: str) -> None:
    """The error names the parameter, and what is allowed."""
    with pytest.raises(SettingError) as caught:
        PARAMETERS[kind].read(typed)
    assert caught.value.name == kind.name.lower()
    assert str(caught.value).startswith(f"{kind.name.lower()}=")
    assert str(caught.value).partition(": not allowed. Allowed: ")[2]


def test_a_wrong_address_in_a_list_is_the_one_that_is_named() -> None:
    """Among many that are right."""
    with pytest.raises(SettingError, match=r"^addresses=bob: not allowed\. Allowed: e-mail addresses"):
        PARAMETERS[Kind.ADDRESSES].read("a@x.example, bob, c@x.example")


@pytest.mark.parametrize("kind", [Kind.INTEGER, Kind.SIZE])
@given(number=st.integers(0, 100), least=st.integers(0, 100), most=st.none() | st.integers(0, 100))
def test_a_number_has_limits(kind: Kind, number: int, least: int, most: int | None) -> None:
    """Both count as allowed; the error says them."""
    parameter = Parameter("n", kind, 0, "", minimum=least, maximum=most)
    if least <= number and (most is None or number <= most):
        assert parameter.read(str(number)) == number
    else:
        with pytest.raises(SettingError) as caught:
            parameter.read(str(number))
        upper = "or more" if most is None else f"to {most}"
        assert caught.value.allowed == f"{kind.value}, {least} {upper}"


def test_values_are_written_as_they_would_be_typed() -> None:
    """Also those that nobody has typed."""
    written = [PARAMETERS[Kind.TEXT].write(each) for each in (None, True, False, 0, 5, "a", (), ("a", "b"))]
    assert written == ["", "true", "false", "0", "5", "a", "", "a, b"]


# all parameters of a service

DECLARED: Final = (
    Parameter("name", Kind.TEXT, None, ""),
    Parameter("size", Kind.SIZE, 5, ""),
    Parameter("bulk", Kind.BOOLEAN, default=True, help=""),
    Parameter("block", Kind.WORDS, ("x.example",), ""),
)


def test_what_was_not_typed_has_its_default() -> None:
    """Each method reads the values of its kinds."""
    for typed, expected in (
        ({}, ("", 5, True, ("x.example",))),
        ({"name": "a", "size": "1k", "bulk": "no", "block": ""}, ("a", 1024, False, ())),
    ):
        values = check(DECLARED, typed)
        found = (values.text("name"), values.number("size"), values.flag("bulk"), values.words("block"))
        assert found == expected


def test_a_parameter_that_there_is_not_is_refused() -> None:
    """The error lists those that there are."""
    said = r"^blok=\(not shown\): not allowed\. Allowed: the parameters block, bulk, name, size$"
    with pytest.raises(SettingError, match=said):
        check(DECLARED, {"name": "a", "blok": "a"})


def test_one_wrong_value_refuses_all() -> None:
    """Whichever it is."""
    for wrong in ({"size": "big"}, {"bulk": "perhaps"}):
        with pytest.raises(SettingError, match=f"^{next(iter(wrong))}="):
            check(DECLARED, {"name": "a", **wrong})


def test_values_are_not_confused() -> None:
    """A text is no number; what is no list has no words; an unknown name is an error and no default."""
    values = check(DECLARED, {"name": "5"})
    with pytest.raises(TypeError, match="name"):
        values.number("name")
    assert values.words("name") == ()
    for method in (values.text, values.flag, values.number, values.words):
        with pytest.raises(KeyError):
            method("nmae")
    with pytest.raises(KeyError):
        Values().text("name")
    with pytest.raises(TypeError):
        values.values["name"] = "changed"  # type: ignore[index]  # frozen, which mypy knows as well
