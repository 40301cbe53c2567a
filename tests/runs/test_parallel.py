"""Several services in one run: trouble with one neither delays the others nor ends them."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox, mail
from tests.servers.dovecot import PASSWORD
from tests.servers.machine import LOOPBACK
from tests.waiting import PATIENCE, until
from trac_mailintake.bootstrap import settings_of
from trac_mailintake.runs import open_intake

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.servers.dovecot import Dovecot
    from tests.servers.tracenv import Finished, TracEnv

ENDING = """
import os
import re
import signal
from trac.core import Component, implements
from trac_mailintake.api import IMailintakePlugin, hookimpl

class Ending(Component):
    implements(IMailintakePlugin)

    @hookimpl
    def mailintake_screen(self, message):
        if message.subject == "hang":
            re.match("(a+)+b", "a" * 60)
        if message.subject == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
"""

NAMES = ("autumn", "spring", "summer", "winter")


class Silent:
    """A server on `port` that accepts, and never says a word."""

    def __init__(self, listener: socket.socket) -> None:
        self.port = int(listener.getsockname()[1])
        self._listener = listener
        self._visitors: list[socket.socket] = []

    def visitors(self) -> int:
        """How many have come, those included that have given up."""
        with contextlib.suppress(BlockingIOError):
            while True:
                visitor, _ = self._listener.accept()
                visitor.settimeout(0)  # whatever another test has made of the default
                self._visitors.append(visitor)
        return len(self._visitors)

    def waiting(self) -> int:
        """How many are there at this moment."""
        self.visitors()
        return sum(map(_listens, self._visitors))

    def close(self) -> None:
        """End all conversations."""
        for each in (*self._visitors, self._listener):
            each.close()


def _listens(visitor: socket.socket) -> bool:
    try:
        return visitor.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


@pytest.fixture
def silent() -> Iterator[Silent]:
    """A server that never says a word."""
    with socket.create_server((LOOPBACK, 0), backlog=16) as listener:
        listener.settimeout(0)
        with contextlib.closing(Silent(listener)) as server:
            yield server


def account(trac: TracEnv, name: str, port: int, user: str = "nobody", *, timeout: int = 60) -> None:
    """A service on an IMAP account, stored without a look at whether it can be reached."""
    settings = settings_of(trac.env)
    server = {"protocol": "imap", "host": LOOPBACK, "port": str(port), "security": "none", "timeout": str(timeout)}
    settings.servers.add(f"at-{name}", {**server, "username": user, "password": PASSWORD})
    settings.services.add(name, {"kind": "imap", "server": f"at-{name}", "afterwards": "delete"})


def mailboxes(trac: TracEnv, folder: Path) -> dict[str, Mailbox]:
    """Four services, each on a Maildir of its own."""
    trac.grant("anonymous", "TICKET_CREATE")
    boxes = {name: Mailbox(trac, folder / name) for name in NAMES}
    for name, box in boxes.items():
        box.add_service("afterwards=delete", name=name)
    return boxes


@contextlib.contextmanager
def running(trac: TracEnv) -> Iterator[subprocess.Popen[bytes]]:
    """A run as a process of its own, which does not outlive the block."""
    trac.close()
    with trac.start("mailintake", "run") as process:
        try:
            yield process
        finally:
            process.kill()


def children(process: subprocess.Popen[bytes]) -> list[int]:
    """The numbers of its processes."""
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii")
    return [int(word) for word in text.split()]


def lives(number: int) -> bool:
    """Whether a process of that number has not ended yet."""
    try:
        state = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def outcomes(trac: TracEnv) -> list[tuple[object, ...]]:
    """Of each mail, by service."""
    sql = "SELECT service, state FROM mailintake_delivery WHERE recorded>0 ORDER BY service, id"
    return trac.query(sql)


def test_a_server_that_never_answers_delays_nobody_else(sqlite_env: TracEnv, dovecot: Dovecot, silent: Silent) -> None:
    """The quick server's mail is filed while three rounds wait for a silent one, all three at the same moment."""
    sqlite_env.grant("anonymous", "TICKET_CREATE")
    user = dovecot.add_user()
    dovecot.deliver(user, mail(1), mail(2))
    for name in ("autumn", "spring", "summer"):
        account(sqlite_env, name, silent.port, timeout=10)
    account(sqlite_env, "winter", dovecot.imap, user)
    with running(sqlite_env) as process:
        until(lambda: len(outcomes(sqlite_env)) == 2 and silent.waiting() == 3)
        out, _ = process.communicate(timeout=PATIENCE)
    assert silent.visitors() == 3
    assert process.returncode == 3
    first, *others = out.decode().splitlines()
    assert first == "winter: 2 created"
    assert sorted(line.partition(":")[0] for line in others) == ["autumn", "spring", "summer"]
    assert all("no answer within 10 s" in line for line in others)
    assert dovecot.messages(user) == []


def test_a_server_that_refuses_delays_nobody(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """It has its line, the others have theirs; programs are told in the order of names."""
    boxes = mailboxes(sqlite_env, tmp_path)
    account(sqlite_env, "stormy", 1)
    boxes["winter"].put(mail(1))
    sqlite_env.close()
    finished = sqlite_env.admin("mailintake", "run", "--json")
    assert finished.status == 3, finished.err
    told = {each["service"]: each for each in json.loads(finished.out)}
    assert list(told) == sorted([*NAMES, "stormy"])
    assert told["winter"]["counts"] == {"created": 1}
    assert "nothing listens there" in told["stormy"]["error"]


def test_four_services_of_an_environment_file_at_once(trac_env: TracEnv, tmp_path: Path) -> None:
    """Each mail once, none deferred because a database was locked; the parent process goes on with the same one."""
    boxes = mailboxes(trac_env, tmp_path)
    for place, box in enumerate(boxes.values()):
        box.put(*(mail(100 * place + number, subject=f"number {100 * place + number}") for number in range(25)))
    trac_env.close()
    finished = trac_env.admin("mailintake", "run")
    assert (finished.status, finished.err) == (0, ""), finished
    assert sorted(finished.out.splitlines()) == [f"{name}: 25 created" for name in NAMES]
    assert outcomes(trac_env) == [(name, "created") for name in NAMES for _ in range(25)]
    assert len({ticket["summary"] for ticket in trac_env.tickets()}) == 100
    assert [box.left() for box in boxes.values()] == [0] * 4
    assert trac_env.query("SELECT COUNT(*) FROM mailintake_delivery WHERE attempts > 0") == [(0,)]
    assert "locked" not in trac_env.log()


@pytest.mark.parametrize(("subject", "word"), [("hang", "SIGALRM"), ("kill", "SIGKILL")])
def test_a_process_that_ends_is_told_of_for_its_service(
    sqlite_env: TracEnv, tmp_path: Path, subject: str, word: str
) -> None:
    """Over a mail, or killed: the others' mail is filed, its own by the next runs, and `status` says what happened."""
    (sqlite_env.path / "plugins" / "dying.py").write_text(ENDING)
    boxes = mailboxes(sqlite_env, tmp_path)
    sqlite_env.set(("mailintake", "watchdog", "0.5"))
    boxes["spring"].put(mail(1, subject="before"), mail(2, subject=subject))
    boxes["winter"].put(mail(3, subject="fine"))
    sqlite_env.close()
    finished = sqlite_env.admin("mailintake", "run")
    assert finished.status == 3, finished
    lines = sorted(finished.out.splitlines())
    assert lines == [f"spring: its process ended with {word}", "winter: 1 created"]
    status = json.loads(sqlite_env.command("mailintake", "status", "--json").out)
    [spring] = [each for each in status["services"] if each["name"] == "spring"]
    assert spring["last_result"] == f"its process ended with {word}"
    wanted = [("spring", "created"), ("spring", "held"), ("winter", "created")]
    for _ in range(10):  # four where the machine is idle; a run may begin before what the last one held is free
        sqlite_env.admin("mailintake", "run", "--force")
        if outcomes(sqlite_env) == wanted:
            break
    assert outcomes(sqlite_env) == wanted


@pytest.fixture
def _heard() -> Iterator[None]:
    """What is begun here hears SIGHUP, also when the tests themselves were begun by nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("_heard")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_to_a_run_ends_all_its_processes(sqlite_env: TracEnv, silent: Silent, number: signal.Signals) -> None:
    """No process of it is left, also when it is killed, and the run ends as the signal ends others."""
    for name in ("autumn", "spring"):
        account(sqlite_env, name, silent.port, timeout=600)
    with running(sqlite_env) as process:
        until(lambda: silent.waiting() == 2)
        numbers = children(process)
        assert len(numbers) == 2
        process.send_signal(number)
        process.communicate(timeout=PATIENCE)
    until(lambda: not any(map(lives, numbers)))
    assert process.returncode == -number if number is not signal.SIGINT else process.returncode != 0


def test_no_more_services_are_served_at_once_than_is_wanted(sqlite_env: TracEnv, silent: Silent) -> None:
    """The others wait for their turn; with 1 nothing is forked at all."""
    for name in NAMES:
        account(sqlite_env, name, silent.port, timeout=1)
    sqlite_env.set(("mailintake", "at_once", "2"))
    most = _most_children(sqlite_env)
    assert most == 2
    sqlite_env.set(("mailintake", "at_once", "1"))
    assert _most_children(sqlite_env, "--force") == 0


def _most_children(trac: TracEnv, *words: str) -> int:
    trac.close()
    most = 0
    with trac.start("mailintake", "run", *words) as process:
        while process.poll() is None:
            try:
                most = max(most, len(children(process)))
            except (FileNotFoundError, ProcessLookupError):
                break
            time.sleep(0.05)
        out, _ = process.communicate(timeout=60)
    assert len(out.splitlines()) == 4
    return most


def test_a_single_service_is_served_by_the_process_itself(sqlite_env: TracEnv, silent: Silent) -> None:
    """Nothing is forked for it."""
    account(sqlite_env, "autumn", silent.port, timeout=1)
    sqlite_env.close()
    with sqlite_env.start("mailintake", "run") as process:
        found = []
        while process.poll() is None:
            try:
                found += children(process)
            except (FileNotFoundError, ProcessLookupError):
                break
            time.sleep(0.02)
        process.communicate(timeout=60)
    assert found == []


def test_the_trace_says_whose_dialogue_it_is(sqlite_env: TracEnv, dovecot: Dovecot) -> None:
    """Lines of several services come as they are spoken, each with its service's name, none with a password."""
    sqlite_env.grant("anonymous", "TICKET_CREATE")
    for name in ("autumn", "spring"):
        user = dovecot.add_user()
        dovecot.deliver(user, mail(1))
        account(sqlite_env, name, dovecot.imap, user)
    sqlite_env.close()
    finished: Finished = sqlite_env.admin("mailintake", "run", "--trace")
    assert sorted(finished.out.splitlines()) == ["autumn: 1 created", "spring: 1 created"]
    for name in ("autumn", "spring"):
        spoken = [line for line in finished.err.splitlines() if line.startswith(f"{name} C: ")]
        assert any(line.endswith(" LOGIN ***") for line in spoken)
        assert any(" UID FETCH " in line for line in spoken)
    assert all(line.split()[1] in ("C:", "S:") for line in finished.err.splitlines())
    assert PASSWORD not in finished.err


ODD = """
from trac.core import Component, implements
from trac_mailintake.api import Afterwards, IMailintakePlugin, SourceKind, hookimpl

def broken(opening):
    raise ZeroDivisionError("of a test")

class Odd(Component):
    implements(IMailintakePlugin)

    @hookimpl
    def mailintake_sources(self):
        return [SourceKind(name="odd", label="Odd", afterwards=(Afterwards.LEAVE,), open=broken)]
"""


def test_a_source_with_a_fault_of_its_own_ends_only_its_round(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """What no source may raise is in the line and, with its place, in Trac's log."""
    boxes = mailboxes(sqlite_env, tmp_path)
    boxes["winter"].put(mail(1))
    (sqlite_env.path / "plugins" / "odd.py").write_text(ODD)
    open_intake.settings(sqlite_env.reopen()).services.add(
        "odd", {"kind": "odd", "path": str(tmp_path), "afterwards": "leave"}
    )
    sqlite_env.close()
    finished = sqlite_env.admin("mailintake", "run")
    assert finished.status == 3, finished
    assert sorted(finished.out.splitlines()) == [
        "odd: ZeroDivisionError: of a test. Trac's log has the traceback",
        "winter: 1 created",
    ]
    assert "in broken" in sqlite_env.log()
