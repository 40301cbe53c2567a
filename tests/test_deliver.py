"""The program for mail servers: whatever ends the process that takes the mail, no mail is lost."""

from __future__ import annotations

import subprocess
import sys

import pytest

STAND_IN = """
import os, signal, sys, types
taking = types.ModuleType("trac_mailintake.components.deliver")
def main(words):
    {body}
taking.main = main
sys.modules[taking.__name__] = taking
from trac_mailintake.deliver import main
sys.exit(main())
"""
"""What takes the mail is another part of the product; here something stands in for it, in a process of its own."""


def answered(body: str, *words: str) -> tuple[int, str]:
    """The exit status that a mail server gets, and what is said."""
    done = subprocess.run(
        [sys.executable, "-c", STAND_IN.format(body=body), *words], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("status", [0, 65, 69, 75, 77])
def test_an_answer_is_passed_on(status: int) -> None:
    """Those of sysexits.h that a mail server may get."""
    assert answered(f"return {status}") == (status, "")


@pytest.mark.parametrize("status", [1, 64, 70, 78])
def test_no_other_status_is_an_answer(status: int) -> None:
    """A mail server would bounce."""
    code, said = answered(f"return {status}")
    assert (code, f"ended with {status}" in said) == (75, True)


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError('no disk')",
        "raise SystemExit(0)",
        "raise KeyboardInterrupt",
        "return None",
        "os._exit(0)",
        "os._exit(77)",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "import trac_mailintake.no_such_module",
    ],
)
def test_whatever_ends_the_process_the_mail_stays_with_the_mail_server(body: str) -> None:
    """75 of sysexits.h: try again. A status that was not also said is no answer, not even 0."""
    code, said = answered(body)
    assert (code, "Not taken for now: " in said) == (75, True)


def test_the_words_of_the_command_line_are_handed_on() -> None:
    """The environment and the service."""
    assert answered("sys.stderr.write(repr(words)); return 0", "/srv/trac", "support") == (
        0,
        "['/srv/trac', 'support']",
    )


def test_a_child_that_stays_does_not_hold_up_the_answer() -> None:
    """A plugin may have started a process that keeps all descriptors."""
    lines = (
        "if not os.fork():",
        "    os.close(1)",
        "    os.close(2)",
        "    os.execlp('sleep', 'sleep', '20')",
        "return 0",
    )
    assert answered("\n    ".join(lines))[0] == 0
