"""A handler that hangs costs one mail, not the mailbox."""

from __future__ import annotations

import os
import signal
import socket
import time
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tests.rig import Rig, mail
from tests.runs.test_deliver import script
from trac_mailintake.intake.times import Seconds
from trac_mailintake.runs.watchdog import NETWORK, Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trac.env import Environment

    from tests.servers.tracenv import TracEnv

HANGING = """
import re
from trac.core import Component, implements
from trac_mailintake.api import IMailintakePlugin, hookimpl

class Hanging(Component):
    implements(IMailintakePlugin)

    @hookimpl
    def mailintake_screen(self, message):
        if message.subject == "hang":
            # Within one call into C, which keeps the interpreter's lock: no signal handler of Python's would run.
            re.match("(a+)+b", "a" * 60)
"""


def test_a_mail_over_which_three_runs_hang_is_held(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """The first run ends with the batch in hand, three more with the one mail; the others are filed."""
    rig = Rig(sqlite_env, tmp_path)
    (sqlite_env.path / "plugins" / "hanging.py").write_text(HANGING)
    sqlite_env.set(("mailintake", "watchdog", "0.5"), ("logging", "log_type", "file"))
    rig.drop(mail("before"), mail("hang"), mail("after"))
    ends = [rig.trac.admin("mailintake", "run", "support", "--force").status for _ in range(5)]
    assert ends == [-signal.SIGALRM] * 4 + [1]
    assert {ticket["summary"] for ticket in rig.trac.tickets()} == {"before", "after"}
    assert sorted(rig.outcomes) == [("created", "new"), ("created", "new"), ("held", "crashes")]
    assert rig.left == []
    assert "mailintake_screen" in rig.trac.log()


def test_a_pipe_that_hangs_asks_the_mail_server_to_keep_the_mail(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """However the process ends that took the mail, the answer is 75."""
    rig = Rig(sqlite_env, tmp_path)
    (sqlite_env.path / "plugins" / "hanging.py").write_text(HANGING)
    sqlite_env.set(("mailintake", "watchdog", "0.5"))
    rig.trac.admin("mailintake", "service", "add", "pipe", "kind=pipe")
    sqlite_env.close()
    status, said = script(str(sqlite_env.path), "pipe", content=mail("hang"))
    assert (status, "ended with -14" in said) == (75, True)
    assert script(str(sqlite_env.path), "pipe", content=mail("fine"))[0] == 0


def end_of(work: Callable[[], object]) -> int:
    """How a process ends that does this: the number that it returns, or the signal that ended it, negative."""
    child = os.fork()
    if not child:
        status = 99
        try:
            status = int(bool(work()))
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def spend(seconds: float) -> None:
    """So much of the processor's time on one message, without waiting for anything."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def left() -> float:
    """Seconds until the kernel ends this process; 0: it does not."""
    return signal.getitimer(signal.ITIMER_REAL)[0]


@pytest.mark.parametrize("log_type", ["file", "none"])
def test_a_process_ends_that_takes_too_long_over_one_message(sqlite_env: TracEnv, log_type: str) -> None:
    """By the kernel, at that moment; a log that is a file says what it was doing."""
    sqlite_env.set(("logging", "log_type", log_type))

    def hang() -> None:
        watch = Watchdog(sqlite_env.env, Seconds(0.2))
        with watch.watching():
            watch.beat()
            spend(60)

    assert end_of(hang) == -signal.SIGALRM
    assert ("in spend" in sqlite_env.log()) is (log_type == "file")


def test_many_messages_may_take_longer_than_one(sqlite_env: TracEnv) -> None:
    """Each beat begins anew; at rest nothing is counted, and after the block neither."""

    def work() -> bool:
        times = []
        watch = Watchdog(sqlite_env.env, Seconds(1000.0))
        with watch.watching():
            for _ in range(3):
                watch.beat()
                times.append(left() > 900)
                signal.setitimer(signal.ITIMER_REAL, 500)  # time goes by
            watch.rest()
            times.append(left() == 0)
            watch.beat()
        return [*times, left() == 0] != [True] * 5

    assert end_of(work) == 0


def test_a_failure_within_ends_the_watch(sqlite_env: TracEnv) -> None:
    """What the process does about it is no message."""

    def fail() -> bool:
        watch = Watchdog(sqlite_env.env, Seconds(1000.0))
        with pytest.raises(ValueError, match="a mistake"), watch.watching():  # noqa: PT012 - the block is watched
            watch.beat()
            raise ValueError("a mistake")
        return left() != 0

    assert end_of(fail) == 0


def test_no_limit_is_no_watch(sqlite_env: TracEnv) -> None:
    """`[mailintake] watchdog = 0`: the process, and its signals, are left alone."""

    def work() -> bool:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        watch = Watchdog(sqlite_env.env, Seconds(0.0))
        with watch.watching():
            watch.beat()
            alone = left() == 0 and signal.getsignal(signal.SIGALRM) == signal.SIG_IGN
            watch.rest()
        return not alone

    assert end_of(work) == 0


def test_a_thread_watches_nothing(sqlite_env: TracEnv) -> None:
    """A signal would end tracd, with everybody's requests."""
    env: Environment = sqlite_env.env

    def of_tracd() -> bool:
        times = []

        def work() -> None:
            watch = Watchdog(env, Seconds(1000.0))
            with watch.watching():
                watch.beat()
                times.append(left())
                watch.rest()

        thread = Thread(target=work)
        thread.start()
        thread.join(30)
        return times != [0]

    assert end_of(of_tracd) == 0


def test_signals_are_afterwards_as_they_were(sqlite_env: TracEnv) -> None:
    """Trac, or a plugin, may have a use for this one."""

    def work() -> bool:
        heard: list[int] = []
        signal.signal(signal.SIGALRM, lambda number, _: heard.append(number))
        with Watchdog(sqlite_env.env, Seconds(1000.0)).watching():
            pass
        os.kill(os.getpid(), signal.SIGALRM)
        return heard != [signal.SIGALRM]

    assert end_of(work) == 0


def test_tracs_own_connections_do_not_wait_for_ever(sqlite_env: TracEnv) -> None:
    """One to an outgoing server that accepts and says nothing gets the time-out."""

    def work() -> bool:
        with Watchdog(sqlite_env.env, Seconds(300.0)).watching(), socket.socket() as made:
            return made.gettimeout() != NETWORK

    assert end_of(work) == 0
