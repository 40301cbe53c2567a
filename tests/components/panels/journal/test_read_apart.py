"""A stored mail is read by an interpreter that is spawned, limited and ended; the page is shown in any case."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.components.mails import mail
from tests.waiting import until
from trac_mailintake.components.panels.journal.mail_page import inside
from trac_mailintake.components.panels.journal.read_apart import Limits, interpreter, read_apart
from trac_mailintake.intake.times import Seconds
from trac_mailintake.mail.spool import Slice
from trac_mailintake.tracker.journal.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.components.mails import Mailbox

SOON: Final = Limits(seconds=Seconds(2), turn=Seconds(0.3))
PROGRAM: Final = "trac_mailintake.mail.read_alone"


def slice_of(path: Path, content: bytes) -> Slice:
    """The mail, with other bytes around it as in a batch."""
    path.write_bytes(b"before" + content + b"after")
    return Slice(str(path), len(b"before"), len(content))


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """A program in the place of the interpreter, by its lines."""

    def write(lines: str) -> str:
        path = tmp_path / "python3"
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)
        return str(path)

    return write


def test_a_mail_is_read_as_by_the_product_itself(tmp_path: Path) -> None:
    """Its text, its fields in order, the names of its attachments, whatever their characters."""
    more = "Content-Type: multipart/mixed; boundary=b\n"
    text = '--b\n\nHow?\n--b\nContent-Type: image/png; name="b\u00fc.png"\n\nx\n--b--'
    found = read_apart(
        slice_of(tmp_path / "mails", mail(subject="Gr\u00f6\u00dfe", text=text, more=more)), str(tmp_path)
    )
    assert found is not None
    assert found.text.strip() == "How?"
    assert dict(found.headers)["Subject"] == "Gr\u00f6\u00dfe"
    assert found.parts == (("b\u00fc.png", "image/png"),)


def test_the_interpreter_is_this_pythons_or_none() -> None:
    """Whatever program this is: within uWSGI and Apache it is theirs."""
    before = sys.executable
    try:
        for program in ("", "/usr/bin/uwsgi", "/usr/sbin/apache2", "python3", "/bin/sh"):
            sys.executable = program
            found = interpreter()
            assert found != program
            assert not found or Path(found).name == f"python{sys.version_info[0]}.{sys.version_info[1]}"
    finally:
        sys.executable = before
    assert interpreter() == before


@pytest.mark.parametrize(
    "lines",
    [
        "exit 0",
        "echo '{'; exit 0",
        "echo '[]'",
        'echo \'{"text": "x", "parts": [["a"]], "headers": []}\'',
        'echo \'{"text": "x", "parts": [], "headers": []}\'; exit 1',
        "kill -SEGV $$",
        "exec head -c 20000000 /dev/zero",
    ],
)
def test_whatever_the_program_does_there_is_an_answer(tmp_path: Path, script: Callable[[str], str], lines: str) -> None:
    """It says nothing, or nonsense, or too much, or it crashes."""
    assert read_apart(slice_of(tmp_path / "mails", mail()), str(tmp_path), SOON, script(lines)) is None


@pytest.mark.parametrize("program", ["", "/nowhere/python3", "/"])
def test_what_cannot_be_started_is_not_read(tmp_path: Path, program: str) -> None:
    """As in a folder that is mounted without the right to execute."""
    assert read_apart(slice_of(tmp_path / "mails", mail()), str(tmp_path), SOON, program) is None


def test_bytes_that_are_gone_are_not_read(tmp_path: Path) -> None:
    """The program ends without an answer."""
    assert read_apart(Slice(str(tmp_path / "gone"), 0, 10), str(tmp_path)) is None


@pytest.mark.slow  # two seconds of the clock are what it is about
def test_the_whole_group_is_killed_when_the_time_is_up(tmp_path: Path, script: Callable[[str], str]) -> None:
    """With what the program has started."""
    (tmp_path / "pids").touch()
    lines = f"sleep 600 & echo $! $$ > {tmp_path}/pids; wait"
    assert read_apart(slice_of(tmp_path / "mails", mail()), str(tmp_path), SOON, script(lines)) is None
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 2
    for pid in pids:
        until(lambda pid=pid: not alive(pid), what=f"{pid} has not ended")  # type: ignore[misc]  # the number of this turn


def alive(pid: str) -> bool:
    """Whether there is such a process, other than one that nobody has waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow  # a second of the processor is what it is about
@pytest.mark.parametrize("limits", [Limits(processor=1), Limits(memory=30 * 1024**2)], ids=["processor", "memory"])
def test_the_kernel_limits_what_a_mail_costs(tmp_path: Path, limits: Limits) -> None:
    """A mail that costs more than that is not read; with the usual limits it is."""
    part = "--b\nContent-Type: text/html\n\n" + "<table><tr><td>x</td></tr></table>" * 600 + "\n"
    hungry = mail(text=part * 250 + "--b--", more="Content-Type: multipart/mixed; boundary=b\n")
    raw = slice_of(tmp_path / "mails", hungry)
    assert read_apart(raw, str(tmp_path), limits) is None
    assert read_apart(raw, str(tmp_path), Limits(seconds=Seconds(120), processor=120)) is not None


def test_two_run_at_once_and_no_more(tmp_path: Path, script: Callable[[str], str]) -> None:
    """In all threads of a process; who gets no turn in time is not kept waiting."""
    lines = (
        f"touch {tmp_path}/run.$$; ls {tmp_path} | grep -c run >> {tmp_path}/counts; sleep 0.2; rm {tmp_path}/run.$$"
    )
    program, raw = script(lines), slice_of(tmp_path / "mails", mail())
    limits = Limits(seconds=Seconds(20), turn=Seconds(20.0))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: read_apart(raw, str(tmp_path), limits, program), range(8)))
    counts = [int(each) for each in (tmp_path / "counts").read_text().split()]
    assert len(counts) == 8
    assert max(counts) <= 2


def test_other_processes_count_too(tmp_path: Path) -> None:
    """They hold the two locks, which need no file; with one of them free a mail is read."""
    (tmp_path / "conf").mkdir()
    raw = slice_of(tmp_path / "mails", mail())
    held = [os.open(each, os.O_RDONLY) for each in (tmp_path, tmp_path / "conf")]
    for each in held:
        fcntl.flock(each, fcntl.LOCK_EX)
    assert read_apart(raw, str(tmp_path), SOON) is None
    os.close(held.pop())
    assert read_apart(raw, str(tmp_path)) is not None
    os.close(held.pop())


def test_a_mail_that_crashes_is_never_read(mailbox: Mailbox) -> None:
    """Its page says so, and shows its header and its bytes; any other that cannot be read shows the same."""
    mailbox.add_service()
    mailbox.put(mail(1, subject="=?utf-8?q?Gr=C3=B6=C3=9Fe?="))
    mailbox.run()
    env = mailbox.trac.reopen()
    with env.db_transaction as db:
        db("UPDATE mailintake_delivery SET state='held', rule='crashes'")
    found = inside(env, Journal(env).get(1))
    assert "ended each process that read it" in found.unread
    assert ("Subject", "=?utf-8?q?Gr=C3=B6=C3=9Fe?=") in found.headers
    assert found.text == "Please help.\n"


@pytest.mark.slow  # tracd starts
def test_pages_of_a_threaded_server_are_shown_all_the_same(mailbox: Mailbox) -> None:
    """Eight visitors at once of a real tracd: each gets the whole page, and never are there more than two readers."""
    mailbox.add_service()
    mailbox.put(mail(1))
    mailbox.run()
    mailbox.trac.grant("admin", "TRAC_ADMIN")
    most, done = [0], threading.Event()

    def count() -> None:
        while not done.wait(0.01):
            most[0] = max(most[0], readers(server.pid))

    with mailbox.trac.serve("admin") as server, ThreadPoolExecutor(9) as pool:
        visitors = [server.visitor("admin") for _ in range(8)]
        counting = pool.submit(count)
        pages = list(pool.map(lambda each: each.get("/admin/mailintake/journal/1"), visitors))
        done.set()
        counting.result()
    assert [page.status for page in pages] == [200] * 8
    assert all("</html>" in page.text and "Please help." in page.text for page in pages)
    assert 0 < most[0] <= 2


def readers(parent: int) -> int:
    """The interpreters that read a mail for this process now."""
    found = 0
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            mine = (each.parent / "stat").read_text().rpartition(")")[2].split()[1] == str(parent)
            found += mine and PROGRAM.encode() in each.read_bytes()
        except OSError:
            continue
    return found
