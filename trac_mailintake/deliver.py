"""The console script `mailintake-deliver ENV SERVICE < mail`, for mail servers.

It is separate from the components so that it can answer even if Trac cannot be imported: a mail server bounces on any
exit status that sysexits.h does not define, such as the 1 of a failed Python.
"""

from __future__ import annotations

import os
import sys

TEMPFAIL = 75
"""EX_TEMPFAIL: the mail server keeps the mail and tries again."""

ANSWERS = frozenset({0, 65, 69, TEMPFAIL, 77})
"""The exit statuses that a mail server may get (sysexits.h)."""


def main() -> int:
    """Hand the message to the environment in a separate process. Returns an exit status of sysexits.h.

    However that process ends (OOM killer, watchdog, a crash in a library), the mail server keeps the message. Its exit
    status alone is no answer: a library can end it with 0 while the message is in hand.
    """
    answers, answering = os.pipe()
    child = os.fork()
    if not child:
        status = deliver()
        os.write(answering, bytes([status]))
        os._exit(status)
    _, waited = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(waited)
    # Processes that a plugin has started may keep the other end open.
    os.set_blocking(answers, False)
    if code in ANSWERS and _read(answers) == bytes([code]):
        return code
    sys.stderr.write(f"Not taken for now: the process that took the mail ended with {code}\n")
    return TEMPFAIL


def _read(answers: int) -> bytes:
    try:
        return os.read(answers, 2)
    except BlockingIOError:
        return b""


def deliver() -> int:
    """Take the message in this process. Never raises, not even SystemExit."""
    try:
        from trac_mailintake.components.deliver import main as taken  # noqa: PLC0415 - this import may be what fails

        return taken(sys.argv[1:])
    except BaseException as error:  # noqa: BLE001 - whatever failed, the message must not bounce
        sys.stderr.write(f"Not taken for now: {type(error).__name__}: {error}\n")
        return TEMPFAIL
    finally:
        sys.stderr.flush()
