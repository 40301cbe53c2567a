"""A plugin raises what is no Exception, or ends the process: no mail is said to be taken that was not."""

from __future__ import annotations

import subprocess
from pathlib import Path
from sys import executable
from typing import TYPE_CHECKING, Final

import pytest

from tests.components.mails import Mailbox, mail
from tests.runs.test_deliver import add_pipe
from trac_mailintake.runs.sysexits import SysExit

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv

PLUGIN: Final = '''
"""Ends what it can."""

import os
import sys

from trac.core import Component, implements

from trac_mailintake.api import Afterwards, IMailintakePlugin, SourceKind, hookimpl


class Ending(Component):
    implements(IMailintakePlugin)

    @hookimpl
    def {hook}(self{argument}):
        {does}
'''
OPENING: Final = 'return [SourceKind("acme", "ACME", (Afterwards.DELETE, Afterwards.LEAVE), lambda opening: {})]'
RAISING: Final = (
    "sys.exit(0)",
    "sys.exit(77)",
    'raise type("Cancelled", (BaseException,), {})("x")',
    "raise GeneratorExit",
)


def install(trac: TracEnv, does: str, hook: str = "mailintake_screen", argument: str = ", message") -> None:
    """Put the plugin into the environment's folder; from then on every command must be a process of its own."""
    text = PLUGIN.format(hook=hook, argument=argument, does=does)
    (trac.path / "plugins" / "ending.py").write_text(text, encoding="utf-8")
    trac.close()


def script(trac: TracEnv, content: bytes) -> int:
    """What the console script answers."""
    command = [str(Path(executable).with_name("mailintake-deliver")), str(trac.path), "pipe"]
    return subprocess.run(command, input=content, capture_output=True, check=False, timeout=60).returncode


@pytest.mark.parametrize("does", [*RAISING, "raise KeyboardInterrupt"])
def test_a_mail_server_keeps_the_mail(sqlite_env: TracEnv, does: str) -> None:
    """75, though the plugin says 0 or 77, which would lose the mail or bounce it; by both commands."""
    add_pipe(sqlite_env)
    install(sqlite_env, does)
    assert script(sqlite_env, mail(1)) == SysExit.TEMPFAIL
    assert sqlite_env.admin("mailintake", "deliver", "pipe", stdin=mail(2)).status == SysExit.TEMPFAIL
    assert sqlite_env.tickets() == []


@pytest.mark.parametrize("status", [0, 65, 69, 77])
def test_a_process_that_is_ended_at_once_has_not_answered(sqlite_env: TracEnv, status: int) -> None:
    """A library in C can do that as well; the exit status then looks like an answer."""
    add_pipe(sqlite_env)
    install(sqlite_env, f"os._exit({status})")
    assert script(sqlite_env, mail(1)) == SysExit.TEMPFAIL


def test_a_process_that_a_plugin_leaves_behind_keeps_no_mail_server_waiting(sqlite_env: TracEnv) -> None:
    """It has inherited all that was open."""
    add_pipe(sqlite_env)
    install(sqlite_env, "os._exit(0) if os.fork() else [__import__('time').sleep(20), os._exit(0)]")
    command = [str(Path(executable).with_name("mailintake-deliver")), str(sqlite_env.path), "pipe"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        process.stdin.write(mail(1))
        process.stdin.close()
        assert process.wait(timeout=15) == SysExit.TEMPFAIL


@pytest.mark.parametrize("does", RAISING)
def test_it_is_a_fault_of_the_plugin_and_keeps_no_other_service_from_running(
    sqlite_env: TracEnv, tmp_path: Path, does: str
) -> None:
    """As any exception of a plugin. The run does not end with the status that the plugin wanted."""
    sqlite_env.grant("anonymous", "TICKET_CREATE")
    sqlite_env.reopen()
    for name, number in (("a", 1), ("b", 2)):
        mailbox = Mailbox(sqlite_env, tmp_path / name)
        assert mailbox.add_service(name=name).status == 0
        mailbox.put(mail(number))
    sqlite_env.set(("mailintake", "at_once", "1"))
    install(sqlite_env, f"if message.message_id == '<1@example.net>': {does}")
    done = sqlite_env.admin("mailintake", "run", "--force")
    assert (done.status, done.out.split("\n")[1]) == (1, "b: 1 created")
    assert done.out.startswith("a: 1 deferred; plugin ending.Ending, mailintake_screen: ")


@pytest.mark.parametrize("does", ["sys.exit(0)", "1 / 0"])
@pytest.mark.parametrize("at_once", ["1", "4"])
def test_a_source_that_cannot_be_opened_fails_alone_and_status_says_so(
    sqlite_env: TracEnv, tmp_path: Path, does: str, at_once: str
) -> None:
    """Whatever it raises, also when services are served one after the other."""
    sqlite_env.grant("anonymous", "TICKET_CREATE")
    sqlite_env.set(("mailintake", "at_once", at_once))
    mailbox = Mailbox(sqlite_env, tmp_path / "maildir")
    mailbox.add_service()
    mailbox.put(mail(1))
    install(sqlite_env, OPENING.format(does), "mailintake_sources", "")
    added = sqlite_env.admin("mailintake", "service", "add", "acme", "kind=acme", "path=/var/spool/acme")
    assert "Service acme added" in added.out
    done = sqlite_env.admin("mailintake", "run", "--force")
    assert done.status == 3
    assert "support: 1 created" in done.out
    assert ". Trac's log has the traceback\n" in done.out
    [(error,)] = sqlite_env.query("SELECT last_error FROM mailintake_service WHERE name='acme'")
    assert str(error).startswith(("SystemExit: 0", "ZeroDivisionError: "))
