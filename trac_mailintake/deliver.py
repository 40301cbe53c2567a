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

    However that process ends (OOM killer, watchdog, a crash in a library), the mail server keeps the message.
    """
    child = os.fork()
    if not child:
        os._exit(deliver())
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code in ANSWERS:
        return code
    sys.stderr.write(f"Not taken for now: the process that took the mail ended with {code}\n")
    return TEMPFAIL


def deliver() -> int:
    """Take the message in this process. Never raises."""
    try:
        from trac_mailintake.components.deliver import main as taken  # noqa: PLC0415 - this import may be what fails

        return taken(sys.argv[1:])
    except Exception as error:  # noqa: BLE001 - whatever failed, the message must not bounce
        sys.stderr.write(f"Not taken for now: {type(error).__name__}: {error}\n")
        return TEMPFAIL
    finally:
        sys.stderr.flush()
