"""The console script `mailintake-deliver ENV SERVICE < mail`, for mail servers.

It stands apart from the components, so that it can answer even when Trac cannot be imported: a mail server bounces on
any exit status that sysexits.h does not know, such as the 1 of a Python that failed.
"""

from __future__ import annotations

import os
import sys

TEMPFAIL = 75
"""EX_TEMPFAIL: the mail server keeps the mail and tries again."""

ANSWERS = frozenset({0, 65, 69, TEMPFAIL, 77})
"""What a mail server may be answered (sysexits.h)."""


def main() -> int:
    """Hand the mail to the environment in a process of its own, and answer as sysexits.h says.

    However that process ends (killed for want of memory, by the watchdog, by a crash in a library), the mail is kept.
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
    """Take the mail, whatever happens to this process."""
    try:
        from trac_mailintake.components.deliver import main as taken  # noqa: PLC0415 - this import may be what fails

        return taken(sys.argv[1:])
    except Exception as error:  # noqa: BLE001 - whatever it is, the mail must not bounce for it
        sys.stderr.write(f"Not taken for now: {type(error).__name__}: {error}\n")
        return TEMPFAIL
    finally:
        sys.stderr.flush()
