"""How commands speak: tables and sentences for people, JSON for programs, progress for a terminal."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trac.util.datefmt import format_datetime, from_utimestamp, localtz
from trac.util.text import print_table, printout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def say(text: str) -> None:
    """Print a sentence."""
    printout(text)


def say_json(value: object) -> None:
    """Print a value as JSON. Times in it are microseconds since 1970, UTC, as everywhere in the tables."""
    printout(json.dumps(value, ensure_ascii=False, indent=2))


def say_table(rows: Sequence[Sequence[object]], headers: Sequence[str], none: str) -> None:
    """Print a table, or the sentence `none`."""
    if rows:
        print_table(rows, list(headers))
    else:
        printout(none)


def when(microseconds: object) -> str:
    """A time as people read it, "never" for 0."""
    if not isinstance(microseconds, int) or not microseconds:
        return "never"
    return str(format_datetime(from_utimestamp(microseconds), "iso8601", localtz)).replace("T", " ")


def cut(text: str, length: int) -> str:
    """A text on one line, at most `length` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a terminal; nothing on a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm  # noqa: PLC0415 - for terminals only

    with tqdm(desc=label, unit=" mails", file=sys.stderr) as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield advance
