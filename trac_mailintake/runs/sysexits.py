"""The exit statuses of sysexits.h that a mail server is answered through a pipe, and which one each outcome gets."""

from __future__ import annotations

from enum import IntEnum
from typing import assert_never

from trac_mailintake.intake.model import Status


class SysExit(IntEnum):
    """Answers to an MTA (sysexits.h)."""

    OK = 0
    DATAERR = 65
    """The input is not a message: it bounces."""
    UNAVAILABLE = 69
    """The service is disabled: the message bounces."""
    TEMPFAIL = 75
    """The mail server keeps the mail and tries again."""
    NOPERM = 77
    """Rejected: it bounces."""


def exit_of(status: Status) -> SysExit:
    """The exit status for an outcome: the column *exit of `deliver`* in docs/behaviour.md#outcomes."""
    match status:
        case Status.REJECTED:
            return SysExit.NOPERM
        case Status.DEFERRED:
            return SysExit.TEMPFAIL
        case (
            Status.CREATED
            | Status.COMMENTED
            | Status.DUPLICATE
            | Status.IGNORED
            | Status.FORWARDED
            | Status.DISCARDED
            | Status.HELD
        ):
            return SysExit.OK
        case _:
            assert_never(status)
