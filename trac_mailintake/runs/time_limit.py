"""Limits how long a person waits for a mail server."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from trac_mailintake.intake.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from trac_mailintake.intake.times import Seconds

T = TypeVar("T")


def within(seconds: Seconds, work: Callable[[], T]) -> T:
    """Return or raise what `work` does. Raises SourceError if it takes longer than `seconds`.

    Network operations have their own time-outs, but a server can answer many of them slowly. Work that is not done in
    time continues in its thread, and ends at the first of those time-outs or with the process.
    """
    results: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as failure:  # noqa: BLE001 - raised again in the waiting thread
            failures.append(failure)

    thread = threading.Thread(target=run, name="mailintake-panel", daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not results:
        raise SourceError(f"the server was too slow: it has not finished answering within {seconds:g} s")
    return results[0]
