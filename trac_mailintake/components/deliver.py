"""`mailintake-deliver ENV SERVICE < mail` once Trac has been imported, and the action of `mailintake deliver`.

After the status 75 the mail server keeps the mail, so this is the answer whenever the outcome is not certain.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from trac.env import open_environment

from trac_mailintake.components import log_failures
from trac_mailintake.components.may_write import refusal, roots_command
from trac_mailintake.components.terminal import plain
from trac_mailintake.runs import deliver as one_mail
from trac_mailintake.runs import open_intake
from trac_mailintake.runs.deliver import Answer
from trac_mailintake.runs.sysexits import SysExit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.env import Environment

_WORDS = 2


def deliver(env: Environment, name: str) -> Answer:
    """Take one message from standard input. Never raises: without a certain outcome it answers TEMPFAIL.

    Reads nothing if this process may not write into the environment.
    """
    why = refusal(env, ("mailintake", "deliver", name))
    if why:
        return Answer(SysExit.TEMPFAIL, why)
    return one_mail.deliver(env, partial(open_intake.watched_intake, env), name, sys.stdin.buffer)


def main(arguments: Sequence[str] | None = None) -> int:
    """Main function of the console script, once Trac has been imported. Prints the result to standard error."""
    log_failures.silently()
    words = sys.argv[1:] if arguments is None else list(arguments)
    if len(words) != _WORDS:
        # Not EX_USAGE: a mail server would bounce the message, and a mistake in its configuration must not lose mail.
        answer = Answer(SysExit.TEMPFAIL, "Usage: mailintake-deliver ENV SERVICE < mail")
    else:
        answer = _open_and_deliver(*words)
    sys.stderr.write(f"{' '.join(plain(answer.line).split())}\n")
    return answer.status


def _open_and_deliver(path: str, service: str) -> Answer:
    why = roots_command(path, "mailintake-deliver", [service])
    if why:  # before Trac opens its log, which may have to be made
        return Answer(SysExit.TEMPFAIL, why)
    try:
        env = open_environment(path)
    except Exception as error:  # noqa: BLE001 - as in `deliver`
        return Answer(SysExit.TEMPFAIL, f"Trac's environment {path} cannot be opened: {error}")
    try:
        return deliver(env, service)
    finally:
        env.shutdown()
