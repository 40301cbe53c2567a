"""The console script `mailintake-deliver ENV SERVICE < mail`, for mail servers.

It stands apart from the components, so that it can answer even when Trac cannot be imported: a mail server bounces on
any exit status that sysexits.h does not know, such as the 1 of a Python that failed.
"""

from __future__ import annotations

import sys

TEMPFAIL = 75
"""EX_TEMPFAIL: the mail server keeps the mail and tries again."""


def main() -> int:
    """Hand the mail to the environment, and answer as sysexits.h says."""
    try:
        from trac_mailintake.components.deliver import main as deliver  # noqa: PLC0415 - this import may be what fails

        return deliver(sys.argv[1:])
    except Exception as error:  # noqa: BLE001 - whatever it is, the mail must not bounce for it
        sys.stderr.write(f"Not taken for now: {type(error).__name__}: {error}\n")
        return TEMPFAIL
