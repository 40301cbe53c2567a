"""What an administrator sees after the upgrade of an environment of version 1, and what becomes of its mail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from tests.tracker.db.upgrades.version1 import rebuild

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import Finished, TracEnv


@pytest.fixture(params=["sqlite_env", "postgres_env", "mariadb_env"])
def trac(request: pytest.FixtureRequest, tmp_path: Path) -> TracEnv:
    """The environment of version 1 on each database, upgraded."""
    trac: TracEnv = request.getfixturevalue(request.param)
    rebuild(trac, tmp_path / "mail")
    assert trac.env.upgrade()
    trac.reopen()
    return trac


@pytest.fixture
def sent(trac: TracEnv, smtp_sink: SmtpSink) -> SmtpSink:
    """Mail is sent again."""
    trac.notify_through(smtp_sink)
    return smtp_sink


def told(trac: TracEnv, *words: str) -> Finished:
    """What one of our commands says; it must not fail. A run, and whatever writes bytes, is a process of its own."""
    if words[:1] == ("run",) or "raw" in words:
        trac.close()
        finished = trac.admin("mailintake", *words)
    else:
        finished = trac.command("mailintake", *words)
    assert finished.status in (0, 1, 3), finished
    assert finished.err == "", finished
    return finished


def journal(trac: TracEnv) -> dict[int, dict[str, str]]:
    """The journal, by number."""
    return {row["id"]: row for row in json.loads(told(trac, "journal", "list", "--limit", "100", "--json").out)}


def outcomes(trac: TracEnv) -> dict[int, str]:
    """What became of each mail."""
    return {number: f"{row['outcome']} {row['rule']}".strip() for number, row in journal(trac).items()}


OUTCOMES: Final = {
    1: "created new",
    2: "commented message-id",
    3: "duplicate duplicate",
    4: "held auto-reply",
    5: "discarded administrator",
    6: "rejected block",
    7: "held spam",
    8: "held house-confidential",
    9: "created new",
    10: "created new",
    11: "rejected block",
    12: "created new",
    13: "ignored bulk",
    14: "in work house-confidential",
    15: "forwarded bulk",
    16: "created new",
    17: "created new",
    **dict.fromkeys(range(18, 23), "deferred"),
    23: "held forward-pending",
    24: "created new",
    25: "created new",
    26: "held forward-pending",
    27: "in work",
    28: "in work",
    29: "in work",
    30: "created new",
}
"""As the commands of version 1 listed them."""


def test_the_journal_and_the_status_are_as_before(trac: TracEnv) -> None:
    """Every outcome, its reason and its steps; texts of plugins included."""
    assert outcomes(trac) == OUTCOMES
    rows = journal(trac)
    assert rows[8]["reason"] == "Confidential \u2013 f\xfcr die Leitung."
    assert rows[9]["subject"] == "Rechnung f\xfcr M\xfcller & S\xf6hne"
    assert rows[15]["reason"] == "Precedence is bulk. Forwarded to helpdesk@example.org."
    shown = told(trac, "journal", "show", "6").out
    assert "screen  block                   Reject: seller@spammer.example is on the block list" in shown
    status = told(trac, "status")
    assert status.status == 3
    assert "sales: stopped. It has stopped: 2 new tickets within an hour; rate_service allows 2." in status.out
    assert "billing: stopped. It has stopped: 5 times in a row: plugin house.House" in status.out
    assert "Mail queue: 3 waiting." in status.out
    services = {row["name"]: row for row in json.loads(told(trac, "status", "--json").out)["services"]}
    numbers = [services["support"][name] for name in ("held", "deferred", "in_work")]
    assert (numbers, services["billing"]["deferred"]) == ([5, 0, 4], 5)
    assert "post" in told(trac, "server", "list").out


def test_the_original_of_each_mail_is_there(trac: TracEnv) -> None:
    """From archives of the old form."""
    subjects = {7: "You have won", 12: "Through the pipe"}
    for number, subject in subjects.items():
        raw = told(trac, "journal", "raw", str(number)).out
        assert (raw[:6], f"\nSubject: {subject}\n" in raw) == ("From: ", True)


def test_a_run_files_each_mail_in_work_exactly_once(trac: TracEnv, sent: SmtpSink, tmp_path: Path) -> None:
    """Runs were killed over it, with their claims still valid; the archive has bytes that no row refers to."""
    before = len(trac.tickets())
    run = told(trac, "run", "--force")
    assert (run.status, run.out) == (0, "support: 3 created\n")
    again = told(trac, "run", "--force")
    assert (again.status, again.out) == (0, "")
    after = outcomes(trac)
    assert [after[number] for number in (14, 27, 28, 29, 30)] == ["held house-confidential", *["created new"] * 4]
    summaries = [ticket["summary"] for ticket in trac.tickets()]
    assert len(summaries) == before + 3
    assert [summaries.count(each) for each in ("Before", "This will hang", "After", "Killed too soon")] == [1] * 4
    assert sorted(path.parent.parent.name for path in (tmp_path / "mail").rglob("*.host")) == [
        *["billing"] * 5,
        *["sales"] * 3,
    ]
    assert list((trac.path / "files" / "mailintake" / "workers").iterdir()) == []
    notified = [str(each.message["Subject"]) for each in sent.sent]
    assert len([subject for subject in notified if "Killed too soon" in subject]) == 1, "it was due when its run died"
    assert [row[2:] for row in trac.query("SELECT id, fence, username, made>0 FROM mailintake_contact WHERE id=3")] == [
        ("nora.example", True)
    ]


def test_waiting_letters_are_sent_once(trac: TracEnv, sent: SmtpSink) -> None:
    """Forwards and a notice; mail that was held for its forward is forwarded then."""
    assert told(trac, "queue", "flush").out == "3 sent, 0 waiting.\n"
    assert told(trac, "queue", "flush").out == "0 sent, 0 waiting.\n"
    recipients = [recipient for each in sent.sent for recipient in each.recipients]
    assert sorted(recipients) == ["helpdesk@example.org", "helpdesk@example.org", "mallory@example.net"]
    after = outcomes(trac)
    assert (after[23], after[26]) == ("forwarded bulk", "forwarded bulk")


def test_held_mail_is_retried_released_and_discarded(trac: TracEnv) -> None:
    """From its bytes in the archive."""
    assert told(trac, "held", "retry", "8").out == "8: created #10 (new): The mail names no ticket.\n"
    assert told(trac, "held", "release", "7", "1").out == "7: commented #1 (released): An administrator chose it.\n"
    assert told(trac, "held", "discard", "4").out == "4: discarded\n"
    after = outcomes(trac)
    assert [after[number] for number in (4, 7, 8)] == [
        "discarded administrator",
        "commented released",
        "created new",
    ]


def test_replies_duplicates_and_secrets_are_known(trac: TracEnv, tmp_path: Path) -> None:
    """To tickets of before; nothing of it is decided anew."""
    reply = (
        "From: Ann <ann@example.com>\nSubject: Re: Printer\nMessage-ID: <new@mail.example.com>\n"
        "In-Reply-To: <printer@mail.example.com>\nDate: Mon, 30 Nov 2026 12:00:00 +0000\n\nOne more question.\n"
    )
    (tmp_path / "reply.eml").write_text(reply)
    explained = told(trac, "explain", str(tmp_path / "reply.eml"), "--service", "support").out
    assert "which was filed in ticket 1" in explained
    trac.close()
    piped = trac.admin("mailintake", "deliver", "pipe", stdin=reply.encode())
    assert (piped.status, piped.err[:12]) == (0, "commented #1")


def test_panels_render(trac: TracEnv) -> None:
    """Each, with what was in it."""
    trac.set(("components", "acct_mgr.*", "disabled"))  # it has a form in place of Trac's login
    trac.close()
    pages = {
        "status": "rate_service allows 2",
        "journal": "M\xfcller &amp; S\xf6hne",
        "services": "billing",
        "servers": "mail.example.org",
        "journal/8": "Confidential",
    }
    with trac.serve("boss") as tracd:
        boss = tracd.visitor("boss")
        for name, words in pages.items():
            page = boss.get(f"/admin/mailintake/{name}")
            assert (page.status, words in page.text) == (200, True), (name, page.text[-3000:])
