"""What happens if Trac's log cannot be written, for example since the disk is full.

By default `logging` prints a traceback on standard error for each line that is lost, and cron mails them all. A command
says it in one sentence instead. Trac's handlers are told so only while a command of ours runs.
"""

from __future__ import annotations

import logging
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trac.env import Environment


def _telling(note: Callable[[str], None]) -> Callable[[logging.LogRecord], None]:
    """A replacement of `logging.Handler.handleError`, which is called while the exception is handled."""

    def handle_error(record: logging.LogRecord) -> None:
        del record
        note(str(sys.exc_info()[1]))

    return handle_error


@contextmanager
def in_one_sentence(env: Environment, say: Callable[[str], None]) -> Iterator[None]:
    """Within the block, lost lines of Trac's log print nothing; after it, `say` gets a sentence if there were any."""
    lost: list[str] = []
    with ExitStack() as undone:
        for handler in env.log.handlers:
            vars(handler)["handleError"] = _telling(lost.append)
            undone.callback(vars(handler).pop, "handleError", None)
        yield
    if lost:
        say(f"Trac's log could not be written ({len(lost)} lines lost): {lost[0]}")


def silently() -> None:
    """Print nothing about lost lines from now on, in a process that is ours alone."""
    logging.raiseExceptions = False
