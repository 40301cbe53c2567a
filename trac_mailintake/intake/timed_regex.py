"""handle: an administrator's regular expressions, in Perl's notation or bare, for text from strangers.

Python's own `re` cannot be interrupted: a careless expression and a hostile text keep it busy for ever.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

import regex

from trac_mailintake.intake.times import Seconds

SECONDS: Final = Seconds(2.0)
"""How long one search may take."""
LONGEST: Final = 2000
"""Characters of an expression."""

_RECURSION: Final = re.compile(r"(?<!\\)(?:\\\\)*\(\?(?:R|[+-]?[0-9]|&|P>)")
"""Calls of a group: while a group calls itself, `regex` checks no time limit, and memory is unbounded."""

_PERL: Final = re.compile(
    r"m?/(?P<slashes>.*)/ | m\{(?P<braces>.*)\} | m(?P<mark>[!\#|,])(?P<marked>.*)(?P=mark)", re.DOTALL | re.VERBOSE
)
_FLAGS: Final = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL, "x": regex.VERBOSE}
_MEANINGLESS: Final = frozenset("gou")
"""Flags of Perl's that change nothing for a single search in Unicode text."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A valid expression, made by `read`."""

    typed: str
    _compiled: Any = field(repr=False, compare=False)

    def begin(self, text: str) -> int | None:
        """The index where the first match begins, or None. Raises TimeoutError if the search takes too long."""
        try:
            match = self._compiled.search(text, timeout=SECONDS)
        except MemoryError as error:
            raise TimeoutError from error
        return None if match is None else int(match.start())


def read(typed: str) -> Expression:
    """Parse `/…/flags` or `m{…}flags` as in Perl, or a bare expression.

    Raises ValueError, which says what is wrong.
    """
    written, flags = _parted(typed.strip())
    if len(written) > LONGEST:
        raise ValueError(f"it has more than {LONGEST} characters")
    if _RECURSION.search(written):
        raise ValueError("a group must not be called, neither by name nor by number")
    options = regex.UNICODE
    for flag in flags:
        if flag not in _FLAGS and flag not in _MEANINGLESS:
            raise ValueError(f"the flag {flag} is none of i, m, s, x")
        options |= _FLAGS.get(flag, regex.UNICODE)
    try:
        return Expression(typed, regex.compile(written, options))
    except (regex.error, RecursionError, MemoryError, OverflowError) as error:
        raise ValueError(str(error)) from error


def _parted(typed: str) -> tuple[str, str]:
    """The expression proper and its flags."""
    bare = typed.rstrip("abcdefghijklmnopqrstuvwxyz")
    match = _PERL.fullmatch(bare)
    if match is None:
        return typed, ""
    written = next(each for each in match.group("slashes", "braces", "marked") if each is not None)
    return written, typed[len(bare) :]
