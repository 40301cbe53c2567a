"""The arguments of a command (words, options, settings) and its exit status."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from trac.admin.api import AdminCommandError

from trac_mailintake.components.cli.output import complain
from trac_mailintake.intake.errors import ExplainedError, TemporaryFailure
from trac_mailintake.tracker.db.transaction import named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trac.env import Environment


class Exit(IntEnum):
    """Exit statuses of trac-admin (docs/behaviour.md#exit-statuses); an AdminCommandError also gives 2."""

    WELL = 0
    WAITING = 1
    """Some mail was held or deferred."""
    UNREACHABLE = 3
    """A service could not be reached, or could not run."""


@dataclass(frozen=True, slots=True)
class Typed:
    """Arguments: words in order, options by name (a flag has the value ""), settings (`name=value`) by name."""

    words: tuple[str, ...]
    options: Mapping[str, str]
    settings: Mapping[str, str]

    def flag(self, name: str) -> bool:
        """Whether the option was given."""
        return name in self.options

    def number(self, name: str) -> int | None:
        """The option's number, at least 1; None if it was not given. Raises AdminCommandError."""
        if name not in self.options:
            return None
        return positive(name, self.options[name])


def read(
    typed: Sequence[str],
    *,
    least: int = 0,
    most: int = 0,
    flags: Sequence[str] = (),
    valued: Sequence[str] = (),
    settings: bool = False,
) -> Typed:
    """Parse the arguments; `least` to `most` words. Raises AdminCommandError.

    An option with a value is written `--limit 5` or `--limit=5`.
    """
    words: list[str] = []
    options: dict[str, str] = {}
    pairs: dict[str, str] = {}
    left = list(typed)
    while left:
        word = left.pop(0)
        name, equals, value = word.partition("=")
        if name in valued:
            options[name] = value if equals else _next(name, left)
        elif word in flags:
            options[word] = ""
        elif word.startswith("--"):
            raise AdminCommandError(_not_allowed(name, [*flags, *valued]), show_usage=True)
        elif settings and equals and len(words) >= least:
            pairs[name] = value
        else:
            words.append(word)
    if not least <= len(words) <= most:
        raise AdminCommandError("Invalid arguments", show_usage=True)
    return Typed(tuple(words), options, pairs)


def _next(option: str, left: list[str]) -> str:
    """Take the next word as the option's value. Raises AdminCommandError if there is none."""
    if not left:
        raise AdminCommandError(f"{option} needs a value", show_usage=True)
    return left.pop(0)


def positive(name: str, typed: str) -> int:
    """A whole number of at least 1. Raises AdminCommandError."""
    if not typed.isascii() or not typed.isdigit() or not int(typed):
        raise AdminCommandError(f"{name}={typed}: not allowed. Allowed: a whole number, 1 or more")
    return int(typed)


def _not_allowed(option: str, allowed: Sequence[str]) -> str:
    return f"{option}: not allowed. Allowed: {', '.join(allowed) or 'no option'}"


@contextmanager
def told() -> Iterator[None]:
    """Turn our errors into AdminCommandError: trac-admin prints one line and ends with 2."""
    try:
        yield
    except ExplainedError as error:
        raise AdminCommandError(str(error)) from error


class UnlessDown:
    """A block that prints one line, and goes on after it, if the database or the disk cannot be used.

    The command ends with `Exit.UNREACHABLE` there: a temporary failure is not wrong usage (status 2).
    """

    def __init__(self, env: Environment) -> None:
        self._env = env

    def __enter__(self) -> None:
        """Nothing is prepared."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        """Whether the exception was a temporary failure, and has been told."""
        cause = error.__cause__ if isinstance(error, AdminCommandError) else error
        known = named(self._env, cause) if isinstance(cause, Exception) else cause
        if not isinstance(known, TemporaryFailure):
            return False
        complain(f"{known} Nothing is lost: try again once it can be used; the next run goes on where this ended.")
        return True


def starting(choices: Sequence[str], typed: Sequence[str], place: int = 0) -> list[str]:
    """Completions: the choices that match if the word at index `place` is being typed, otherwise []."""
    return list(choices) if len(typed) == place + 1 else []
