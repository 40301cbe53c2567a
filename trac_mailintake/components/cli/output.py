"""Output of commands: tables and sentences for people, JSON for programs, progress on a terminal."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trac.util.datefmt import format_datetime, from_utimestamp, localtz
from trac.util.text import print_table, printerr, printout

from trac_mailintake.components.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def say(text: str) -> None:
    """Print a sentence."""
    printout(plain(text))


def complain(text: str) -> None:
    """Print a sentence for standard error."""
    printerr(plain(text))


def say_json(value: object) -> None:
    """Print a value as JSON. Times are microseconds since 1970, UTC, as in the database."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    printout("".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text))


def say_table(rows: Sequence[Sequence[object]], headers: Sequence[str], none: str) -> None:
    """Print a table, or the sentence `none`."""
    if rows:
        print_table([[plain(cell) if isinstance(cell, str) else cell for cell in row] for row in rows], list(headers))
    else:
        printout(none)


def when(microseconds: object) -> str:
    """A time (microseconds since 1970, UTC) for people; "never" for 0."""
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

    # tqdm must start no monitor thread: a process with threads cannot be forked safely.
    tqdm.monitor_interval = 0
    with tqdm(desc=label, unit=" mails", file=sys.stderr) as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield advance
