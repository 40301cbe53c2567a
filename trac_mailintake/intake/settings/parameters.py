"""Parameters: declared with a kind and a default, checked when they are saved, frozen afterwards."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import timed_regex
from trac_mailintake.intake.errors import ExplainedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Value = str | int | bool | tuple[str, ...] | None

_ADDRESS = re.compile(r"[^\s@<>,;\"]+@[^\s@<>,;\"]+\Z")
_SIZE = re.compile(r"(\d{1,15})\s*([kmg]?)i?b?\Z")
_SIZE_UNIT: Final = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_WORDS_OF_BOOL: Final = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "enabled": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
    "disabled": False,
}  # fmt: skip  # a table reads better


class SettingError(ExplainedError, ValueError):
    """A setting is invalid. The text names the setting, the value and what is allowed."""

    def __init__(self, name: str, value: object, allowed: str) -> None:
        """`allowed` completes the sentence "allowed: ..."."""
        super().__init__(f"{name}={value}: not allowed. Allowed: {allowed}")
        self.name = name
        self.value = value
        self.allowed = allowed


NOT_SHOWN: Final = "(not shown)"
"""Stands for a value that may be a password."""


class Kind(Enum):
    """The type of a parameter's value."""

    TEXT = "text"
    INTEGER = "whole number"
    BOOLEAN = "true or false"
    CHOICE = "one of the choices"
    ADDRESS = "e-mail address"
    ADDRESSES = "e-mail addresses, separated by commas"
    WORDS = "words, separated by commas"
    SIZE = "size in bytes, or with k, M, G"
    EXPRESSION = "regular expression"
    USER = "username"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a handler, a source or a service: name, kind, default, and help in a sentence.

    `choices` counts for Kind.CHOICE; `minimum` and `maximum` for Kind.INTEGER and Kind.SIZE.
    """

    name: str
    kind: Kind
    default: Value
    help: str
    choices: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int | None = None

    def read(self, typed: str) -> Value:
        """Parse the input. Raises SettingError."""
        return _READERS[self.kind](self, typed.strip())

    def write(self, value: Value) -> str:
        """The value as text, as it would be typed."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, tuple):
            return ", ".join(value)
        return "" if value is None else str(value)


def _text(_: Parameter, typed: str) -> Value:
    return typed


def _integer(parameter: Parameter, typed: str) -> Value:
    try:
        number = int(typed)
    except ValueError:
        number = parameter.minimum - 1
    return _within(parameter, typed, number)


def _size(parameter: Parameter, typed: str) -> Value:
    match = _SIZE.match(typed.lower())
    number = int(match.group(1)) * _SIZE_UNIT[match.group(2)] if match else parameter.minimum - 1
    return _within(parameter, typed, number)


def _within(parameter: Parameter, typed: str, number: int) -> int:
    if number < parameter.minimum or (parameter.maximum is not None and number > parameter.maximum):
        upper = "" if parameter.maximum is None else f" to {parameter.maximum}"
        raise SettingError(parameter.name, typed, f"{parameter.kind.value}, {parameter.minimum}{upper or ' or more'}")
    return number


def _boolean(parameter: Parameter, typed: str) -> Value:
    try:
        return _WORDS_OF_BOOL[typed.lower()]
    except KeyError:
        raise SettingError(parameter.name, typed, "true or false") from None


def _choice(parameter: Parameter, typed: str) -> Value:
    if typed.lower() not in parameter.choices:
        raise SettingError(parameter.name, typed, ", ".join(parameter.choices))
    return typed.lower()


def _address(parameter: Parameter, typed: str) -> Value:
    if typed and not _ADDRESS.match(typed):
        raise SettingError(parameter.name, typed, "an e-mail address such as support@example.org, or nothing")
    return typed


def _addresses(parameter: Parameter, typed: str) -> Value:
    words = _split(typed)
    for word in words:
        if not _ADDRESS.match(word):
            raise SettingError(parameter.name, word, "e-mail addresses, separated by commas")
    return words


def _words(_: Parameter, typed: str) -> Value:
    return _split(typed)


def _split(typed: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[,;\s]+", typed) if word)


def _expression(parameter: Parameter, typed: str) -> Value:
    try:
        timed_regex.read(typed)
    except ValueError as error:
        raise SettingError(parameter.name, typed, f"a regular expression; this one has a mistake: {error}") from None
    return typed


_READERS: Final = {
    Kind.TEXT: _text,
    Kind.USER: _text,
    Kind.INTEGER: _integer,
    Kind.SIZE: _size,
    Kind.BOOLEAN: _boolean,
    Kind.CHOICE: _choice,
    Kind.ADDRESS: _address,
    Kind.ADDRESSES: _addresses,
    Kind.WORDS: _words,
    Kind.EXPRESSION: _expression,
}


@dataclass(frozen=True, slots=True)
class Values:
    """Checked parameter values by name, with defaults. Methods raise KeyError for unknown names."""

    values: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))

    def text(self, name: str) -> str:
        """The value of a text parameter."""
        return str(self.values[name] or "")

    def flag(self, name: str) -> bool:
        """The value of a boolean parameter."""
        return bool(self.values[name])

    def number(self, name: str) -> int:
        """The value of a number parameter."""
        value = self.values[name]
        if not isinstance(value, int):
            raise TypeError(name)
        return value

    def words(self, name: str) -> tuple[str, ...]:
        """The value of a list parameter."""
        value = self.values[name]
        return value if isinstance(value, tuple) else ()


def check(parameters: Iterable[Parameter], typed: Mapping[str, str]) -> Values:
    """Parse the input for all parameters. Raises SettingError, also for an unknown name, which may be `passwrd`."""
    by_name = {parameter.name: parameter for parameter in parameters}
    for name in typed:
        if name not in by_name:
            raise SettingError(name, NOT_SHOWN, f"the parameters {', '.join(sorted(by_name))}")
    return Values(
        MappingProxyType(
            {
                name: parameter.read(typed[name]) if name in typed else parameter.default
                for name, parameter in by_name.items()
            }
        )
    )
