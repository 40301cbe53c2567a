"""A disposal that fails keeps no new mail out: what is new is filed first, then the failure is told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.fakes import FakeSource
from tests.rig import SERVICE, Remote, Rig, mail
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.sources import scripted
from tests.sources.bent import Bend, BentServer
from trac_mailintake.bootstrap import settings_of
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import Answer, Reply, Status
from trac_mailintake.intake.stages.dispose import DISPOSAL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.intake.model import Listed
    from trac_mailintake.intake.report import Report

MOVE: Final = b"UIDPLUS MOVE"
COPY: Final = b"UIDPLUS"
REFUSED: Final[Mapping[str, tuple[str, bytes, dict[bytes, bytes | None], str]]] = {
    "the folder cannot be made": ("move:Filed", MOVE, {b"CREATE": b"NO Invalid mailbox name."}, "cannot be made"),
    "the folder cannot be made to copy to": ("move:Filed", COPY, {b"CREATE": b"NO no"}, "cannot be made"),
    "folders cannot be listed": ("move:Filed", MOVE, {b"LIST": b"BAD what?"}, "what?"),
    "no room to move": ("move:Filed", MOVE, {b"MOVE": b"NO [OVERQUOTA] Full"}, r"\[OVERQUOTA\] Full"),
    "no room to copy": ("move:Filed", COPY, {b"COPY": b"NO [OVERQUOTA] Full"}, r"\[OVERQUOTA\] Full"),
    "moving ends the session": ("move:Filed", MOVE, {b"MOVE": None}, "dropped the line|line broke"),
    "copying ends the session": ("move:Filed", COPY, {b"COPY": None}, "dropped the line"),
    "the target cannot be opened": ("move:Filed", COPY, {b"EXAMINE": b"NO no right"}, "no right"),
    "the target cannot be searched": ("move:Filed", COPY, {b"SEARCH": b"NO [SERVERBUG] sorry"}, "SERVERBUG"),
    "no right to mark": ("delete", MOVE, {b"STORE": b"NO Permission denied"}, "Permission denied"),
    "no right to expunge": ("delete", MOVE, {b"EXPUNGE": b"NO Permission denied"}, "Permission denied"),
    "expunging ends the session": ("delete", MOVE, {b"EXPUNGE": None}, "dropped the line|line broke"),
    "no right to mark as seen": ("seen", MOVE, {b"STORE": b"BAD what?"}, "what?"),
}  # fmt: skip  # a table reads better
"""What is to be done, what the server can do, what it refuses, and what is told."""


def summaries(trac: TracEnv) -> list[str]:
    """Those of all tickets."""
    return sorted(str(summary) for (summary,) in trac.query("SELECT summary FROM ticket"))


@pytest.mark.parametrize("name", REFUSED)
def test_new_mail_is_filed_though_the_server_refuses_to_dispose_of_the_old(sqlite_env: TracEnv, name: str) -> None:
    """In this run and in all that follow, once each; each says why; when the server is mended all is made up for."""
    afterwards, offers, refuses, told = REFUSED[name]
    with BentServer([mail("Mail 1")], Bend(refuses=dict(refuses)), offers=offers) as bent:
        inbox = bent.folders[b"INBOX"]
        rig = Remote(sqlite_env, "imap", bent.port, afterwards=afterwards)
        for number in range(2, 5):
            run = sqlite_env.command("mailintake", "run", "--force")
            assert run.status == 3
            assert re.search(rf"support: 1 created; .*({told})", run.out + run.err), run
            assert summaries(sqlite_env) == [f"Mail {each}" for each in range(1, number)]
            assert "is this the port" not in run.out + run.err
            inbox[number] = mail(f"Mail {number}")
        bent.bend.refuses.clear()
        assert rig.run().error == ""
        assert rig.run().error == ""
        assert summaries(sqlite_env) == [f"Mail {each}" for each in range(1, 5)]
        assert len(inbox) == (4 if afterwards == "seen" else 0)
        if afterwards == "move:Filed":
            assert len(bent.folders[b"Filed"]) == 4
    assert all(row["consumed"] for row in rig.journal())


def test_rates_hold_though_no_disposal_ever_went_well(sqlite_env: TracEnv) -> None:
    """Mail of the first run does not count for rates; later mail does, though no disposal has succeeded."""
    with BentServer([mail(f"Old {each}") for each in range(3)], Bend(refuses={b"STORE": b"NO denied"})) as bent:
        Remote(sqlite_env, "imap", bent.port, afterwards="delete", rate_sender="2")
        assert sqlite_env.command("mailintake", "run", "--force").status == 3
        inbox = bent.folders[b"INBOX"]
        for number in range(5):
            inbox[100 + number] = mail(f"New {number}")
        assert "2 created, 3 held" in sqlite_env.command("mailintake", "run", "--force").out
        assert "failing" in sqlite_env.command("mailintake", "status").out
    assert len(summaries(sqlite_env)) == 5


@pytest.mark.parametrize(("offers", "command"), [(MOVE, b"MOVE"), (COPY, b"COPY")])
def test_a_refusal_costs_neither_session_nor_neighbours(sqlite_env: TracEnv, offers: bytes, command: bytes) -> None:
    """What was not told in the same command as what is refused is moved, and that in the same session."""
    sent = [mail(f"Mail {number}") for number in range(3 * DISPOSAL + 50)]
    with BentServer(sent, Bend(refuses={command: b"NO [LIMIT] too large"}, only=1), offers=offers) as bent:
        rig = Remote(sqlite_env, "imap", bent.port, afterwards="move:Filed", rate_sender="0", rate_service="0")
        assert "was refused" in rig.run().error
        assert len(bent.folders[b"INBOX"]) == DISPOSAL
        assert len(bent.folders[b"Filed"]) == len(sent) - DISPOSAL
        assert sum(b" LOGIN " in line for line in bent.heard) == 1
    assert len(summaries(sqlite_env)) == len(sent)


def test_a_subscription_that_is_refused_is_no_failure(sqlite_env: TracEnv) -> None:
    """The folder is there, and mail is moved to it."""
    with BentServer([mail()], Bend(refuses={b"SUBSCRIBE": b"NO not here"})) as bent:
        assert Remote(sqlite_env, "imap", bent.port, afterwards="move:Filed").run().error == ""
        assert len(bent.folders[b"Filed"]) == 1


@pytest.mark.parametrize("without", [(), ("MOVE",)])
def test_a_folder_that_a_real_server_refuses_keeps_nothing_out(sqlite_env: TracEnv, without: tuple[str, ...]) -> None:
    """A name that it takes for none; the right one then mends it, without the prefix that all folders have there."""
    with Dovecot(prefix="INBOX.", without=without) as server:
        user = server.add_user()
        rig = Remote(sqlite_env, "imap", server.imap, afterwards="move:INBOX.a..b")
        settings_of(sqlite_env.env).servers.set("post", {"username": user, "password": PASSWORD})
        for number in range(1, 4):
            server.deliver(user, mail(f"Mail {number}"))
            report = rig.run()
            assert report.counts[Status.CREATED] == 1
            assert "the folder INBOX.a..b cannot be made" in report.error
        rig.set(afterwards="move:Processed")
        assert rig.run().error == ""
        assert server.messages(user) == []
        assert len(server.messages(user, "Processed")) == 3
    assert len(summaries(sqlite_env)) == 3


@pytest.mark.parametrize("refused", [{1, 2, 3}, {2}])
def test_a_deletion_that_pop3_refuses_keeps_nothing_out(sqlite_env: TracEnv, refused: set[int]) -> None:
    """Nor any other deletion: what is not refused is deleted."""
    mails = {f"u{number}": mail(f"Mail {number}") + b"\r\n" for number in range(1, 4)}
    names = {f"u{number}" for number in refused}
    with scripted.pop3(mails, keeps=names) as server:
        rig = Remote(sqlite_env, "pop3", server.port)
        for number in range(4, 6):
            report = rig.run()
            assert "DELE was refused (-ERR" in report.error
            assert mails.keys() == names
            assert len(summaries(sqlite_env)) == number - 1
            mails[f"u{number}"] = mail(f"Mail {number}") + b"\r\n"
        names.clear()
        assert rig.run().error == ""
        assert mails == {}
    assert len(summaries(sqlite_env)) == 5


def test_a_maildir_that_takes_no_folder_keeps_nothing_out(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """Something else has the name of the folder that mail is moved to."""
    rig = Rig(sqlite_env, tmp_path, afterwards="move:Filed")
    (rig.maildir / ".Filed").write_text("a file", encoding="utf-8")
    for number in range(1, 4):
        rig.drop(mail(f"Mail {number}"))
        assert ".Filed" in rig.run().error
        assert len(summaries(sqlite_env)) == number
    (rig.maildir / ".Filed").unlink()
    assert rig.run().error == ""
    assert rig.left == []
    assert len(summaries(sqlite_env)) == 3


def test_a_mail_that_cannot_be_renamed_keeps_no_other(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """Its name is as long as a name may be, so that it cannot be marked as seen; the others are."""
    rig = Rig(sqlite_env, tmp_path, afterwards="seen")
    (rig.maildir / "new" / "1.".ljust(254, "x")).write_bytes(mail("Mail 1"))
    for number in range(2, 4):
        rig.drop(mail(f"Mail {number}"))
        assert "File name too long" in rig.run().error
        assert len(summaries(sqlite_env)) == number
        assert len([*(rig.maildir / "cur").iterdir()]) == number - 1


# Whatever a source does


def run(rig: Rig, source: FakeSource) -> Report:
    """A round on it."""
    with rig.worker() as assembly:
        return assembly.spine.run(assembly.settings.services.get(SERVICE), source)


def mailbox(count: int) -> dict[str, bytes]:
    """Mails by name."""
    return {f"m{number:04d}": mail(f"Mail {number}") for number in range(count)}


def test_what_is_new_comes_before_all_disposals(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """Also before those that an earlier run has left, which may take their time, and fail."""
    rig, down = Rig(sqlite_env, tmp_path, rate_sender="0"), SourceError("down")
    source = FakeSource(mailbox(3), lambda _: down)
    assert run(rig, source).error == "down"
    source.mails |= {f"new{number}": mail() for number in range(3)}
    source.calls.clear()
    assert run(rig, source).error == "down"
    assert source.calls[:3] == ["fetch new0", "fetch new1", "fetch new2"]
    source.failing = lambda _: None
    assert run(rig, source).error == ""
    assert source.mails == {}
    assert all(row["consumed"] for row in rig.journal())


@pytest.mark.parametrize("refuses", ["replies", "settling"])
def test_what_is_refused_keeps_nothing_else(sqlite_env: TracEnv, tmp_path: Path, refuses: str) -> None:
    """The rest is done, and is not asked for for ever."""

    def failing(listed: Listed) -> Reply | None:
        if listed.locator != "m0001":
            return None
        return (
            Reply(Answer.TRANSIENT, "no, said the server", fault=True)
            if refuses == "replies"
            else Reply(Answer.COMPLETED)
        )

    rig = Rig(sqlite_env, tmp_path)
    source = FakeSource(mailbox(4), failing)
    source.refusal = SourceError("no, said the server") if refuses == "settling" else None
    for _ in range(3):
        source.calls.clear()
        assert run(rig, source).error == "no, said the server"
        assert [*source.mails] == ["m0001"]
    assert source.calls == ["dispose m0001"]
    assert [bool(row["consumed"]) for row in rig.journal()] == [True, False, True, True]


def test_a_source_that_fails_as_a_whole_is_not_asked_for_ever(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """Each failure may cost a time-out: after three a round leaves the rest to the next one, and files all the same."""
    rig, silent = Rig(sqlite_env, tmp_path, rate_sender="0"), SourceError("no answer within 20 s")
    source = FakeSource(mailbox(5 * DISPOSAL), lambda _: silent)
    report = run(rig, source)
    assert report.counts[Status.CREATED] == 5 * DISPOSAL
    assert report.error == "no answer within 20 s"
    assert sum(call.startswith("dispose") for call in source.calls) == 3
    source.failing = lambda _: None
    assert run(rig, source).error == ""
    assert source.mails == {}
