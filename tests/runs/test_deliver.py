"""What a mail server is answered when it hands a mail over."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.components.mails import mail
from trac_mailintake.runs import open_intake
from trac_mailintake.runs.sysexits import SysExit
from trac_mailintake.sources.local.stdin import PipeSource

if TYPE_CHECKING:
    from tests.servers.tracenv import Finished, TracEnv

AUTOMATIC = "Auto-Submitted: auto-replied\n"


def add_pipe(trac: TracEnv, *settings: str) -> None:
    """A service that takes what is handed to it, also from strangers."""
    trac.grant("anonymous", "TICKET_CREATE")
    trac.reopen()
    assert trac.command("mailintake", "service", "add", "pipe", "kind=pipe", *settings).status == 0


def deliver(trac: TracEnv, content: bytes, service: str = "pipe") -> Finished:
    """Hand a mail over within this process."""
    return trac.command("mailintake", "deliver", service, stdin=content)


def script(*words: str, content: bytes, environment: dict[str, str] | None = None) -> tuple[int, str]:
    """Hand a mail over as a mail server does: exit status and what was said."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from trac_mailintake.deliver import main; sys.exit(main())", *words],
        input=content,
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, **(environment or {})},
    )
    return done.returncode, done.stderr.decode("utf-8")


@pytest.mark.parametrize(
    ("settings", "content", "status", "outcome"),
    [
        ([], mail(), SysExit.OK, "created"),
        (["bulk=hold"], mail(more=AUTOMATIC), SysExit.OK, "held"),
        (["bulk=ignore"], mail(more=AUTOMATIC), SysExit.OK, "ignored"),
        (["bulk=delete"], mail(more=AUTOMATIC), SysExit.OK, "discarded"),
        (["catchemail=sales@example.org"], mail(), SysExit.OK, "ignored"),
        (["block=ann@example.net"], mail(), SysExit.NOPERM, "rejected"),
    ],
)
def test_the_answer_is_that_of_the_outcome(
    sqlite_env: TracEnv, settings: list[str], content: bytes, status: int, outcome: str
) -> None:
    """As in the table of docs/behaviour.md#outcomes; the line says why."""
    add_pipe(sqlite_env, *settings)
    finished = deliver(sqlite_env, content)
    assert finished.status == status
    assert finished.err.startswith(outcome)
    assert sqlite_env.query("SELECT state FROM mailintake_delivery") == [(outcome,)]


def test_mail_for_others_that_was_handed_over_is_kept(sqlite_env: TracEnv) -> None:
    """Its mail server has no copy any more, and no mailbox has one."""
    add_pipe(sqlite_env, "catchemail=sales@example.org")
    assert deliver(sqlite_env, mail()).status == SysExit.OK
    [row] = json.loads(sqlite_env.command("mailintake", "journal", "list", "--json").out)
    raw = row["raw"]
    assert row["rule"] == "catchemail"
    assert Path(raw["path"]).read_bytes()[raw["offset"] :][: raw["length"]] == mail()


def test_the_same_mail_handed_over_again_is_taken_once(sqlite_env: TracEnv) -> None:
    """A mail server that missed the first answer gets it again; a copy by another way is a duplicate."""
    add_pipe(sqlite_env)
    assert deliver(sqlite_env, mail()).status == SysExit.OK
    again = deliver(sqlite_env, mail())
    assert again.status == SysExit.OK
    copy = deliver(sqlite_env, b"Received: from elsewhere\n" + mail())
    assert copy.status == SysExit.OK
    assert copy.err.startswith("duplicate #1")
    assert len(sqlite_env.tickets()) == 1


def test_the_separator_of_an_mbox_is_not_of_the_mail(sqlite_env: TracEnv) -> None:
    """Delivery agents put one before it."""
    add_pipe(sqlite_env)
    assert deliver(sqlite_env, b"From ann@example.net Sun Nov 22 10:00:00 2026\n" + mail()).status == SysExit.OK
    assert [ticket["summary"] for ticket in sqlite_env.tickets()] == ["The printer smokes"]


def test_no_byte_is_no_mail(sqlite_env: TracEnv) -> None:
    """65: nothing to try again."""
    add_pipe(sqlite_env)
    assert deliver(sqlite_env, b"").status == SysExit.DATAERR


def test_a_service_that_is_not_there_keeps_the_mail_at_the_mail_server(sqlite_env: TracEnv) -> None:
    """75: a slip in its configuration must not bounce anybody's mail."""
    finished = deliver(sqlite_env, mail(), "suport")
    assert finished.status == SysExit.TEMPFAIL
    assert "service=suport" in finished.err


def test_a_disabled_service_is_unavailable_and_a_stopped_one_will_run_again(sqlite_env: TracEnv) -> None:
    """69 (bounce) if an administrator disabled it; 75 (try again) if it has stopped and must be repaired."""
    add_pipe(sqlite_env)
    sqlite_env.command("mailintake", "service", "disable", "pipe")
    assert deliver(sqlite_env, mail()).status == SysExit.UNAVAILABLE
    sqlite_env.command("mailintake", "service", "enable", "pipe")
    with sqlite_env.env.db_transaction as db:
        db("UPDATE mailintake_service SET stopped='a plugin is wrong'")
    stopped = deliver(sqlite_env, mail())
    assert stopped.status == SysExit.TEMPFAIL
    assert "a plugin is wrong" in stopped.err


def test_what_breaks_in_the_middle_keeps_the_mail_at_the_mail_server(sqlite_env: TracEnv) -> None:
    """75 whatever it is; here the tables are gone."""
    add_pipe(sqlite_env)
    with sqlite_env.env.db_transaction as db:
        db("DROP TABLE mailintake_delivery")
    assert deliver(sqlite_env, mail()).status == SysExit.TEMPFAIL


def test_a_mail_that_another_worker_has_in_hand_stays_at_the_mail_server(sqlite_env: TracEnv) -> None:
    """75: handed over twice at the same moment, it is that worker's to answer for."""
    add_pipe(sqlite_env)
    source = PipeSource(io.BytesIO(mail()), "pipe")
    with open_intake.intake(sqlite_env.env) as other:
        service = other.settings.services.get("pipe")
        other.mailbox.reconcile(service, source.account, source.list())
        assert len(other.claims.claim(service, source.account, 1)) == 1
        finished = deliver(sqlite_env, mail())
        assert finished.status == SysExit.TEMPFAIL
        assert "Another worker has this very mail in hand" in finished.err
    assert deliver(sqlite_env, mail()).status == SysExit.OK
    assert len(sqlite_env.tickets()) == 1


def test_what_goes_wrong_after_the_answer_is_settled_does_not_change_it(sqlite_env: TracEnv) -> None:
    """The mail is filed: 75 would bring it again. Here the queue of outgoing mail is broken."""
    add_pipe(sqlite_env)
    with sqlite_env.env.db_transaction as db:
        db("DROP TABLE mailintake_outbox")
    assert deliver(sqlite_env, mail()).status == SysExit.OK
    assert len(sqlite_env.tickets()) == 1
    assert "the next run tries again" in sqlite_env.log()


def test_an_archive_that_cannot_be_written_keeps_the_mail_at_the_mail_server(sqlite_env: TracEnv) -> None:
    """75 when the disk refuses: here the archive's folder is a file."""
    add_pipe(sqlite_env)
    folder = sqlite_env.path / "files" / "mailintake"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "archive").write_text("", encoding="ascii")
    finished = deliver(sqlite_env, mail())
    assert finished.status == SysExit.TEMPFAIL
    assert sqlite_env.tickets() == []


def test_the_console_script_files_a_mail(sqlite_env: TracEnv) -> None:
    """As a process of its own, as a mail server starts it."""
    add_pipe(sqlite_env)
    sqlite_env.close()
    status, said = script(str(sqlite_env.path), "pipe", content=mail())
    assert (status, said.startswith("created #1")) == (SysExit.OK, True)


@pytest.mark.slow
def test_an_environment_that_cannot_be_opened_keeps_the_mail_at_the_mail_server(tmp_path: Path) -> None:
    """75: it may be on a disk that is not mounted."""
    status, said = script(str(tmp_path / "absent"), "pipe", content=mail())
    assert status == SysExit.TEMPFAIL
    assert str(tmp_path / "absent") in said


def test_a_trac_that_cannot_be_imported_keeps_the_mail_at_the_mail_server(tmp_path: Path) -> None:
    """Python would end with 1, on which a mail server bounces."""
    (tmp_path / "trac").mkdir()
    (tmp_path / "trac" / "__init__.py").write_text("raise ImportError('pkg_resources is gone')", encoding="ascii")
    status, said = script("env", "pipe", content=mail(), environment={"PYTHONPATH": str(tmp_path)})
    assert status == SysExit.TEMPFAIL
    assert "pkg_resources is gone" in said


@pytest.mark.slow
@pytest.mark.parametrize("words", [[], ["only-the-environment"], ["env", "service", "more"]])
def test_wrong_use_keeps_the_mail_at_the_mail_server(words: list[str]) -> None:
    """Not 64, on which mail bounces until somebody notices."""
    status, said = script(*words, content=mail())
    assert status == SysExit.TEMPFAIL
    assert said.startswith("Usage: ")
