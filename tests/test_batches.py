"""Mails of one batch are recorded together, and yet decided as if each had been filed before the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trac.attachment import Attachment

from tests.rig import Rig, id_of, mail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv


@pytest.fixture
def rig(sqlite_env: TracEnv, tmp_path: Path) -> Rig:
    """A Maildir service, and Ann, who writes the mails, known to Trac."""
    sqlite_env.know("ann", "ann@example.com")
    return Rig(sqlite_env, tmp_path)


def test_a_number_in_the_subject_finds_the_ticket_filed_a_moment_before(rig: Rig) -> None:
    """The ticket that a subject names is there, though the mail that made it is of the same batch."""
    rig.drop(mail("Printer"), mail("Re: [#1] Printer"), mail("Re: #1 again"), mail("Re: [#4] of another tracker"))
    rig.run()
    found = [(row["outcome"], row["rule"], row["ticket"]) for row in rig.journal()]
    assert found == [
        ("created", "new", 1),
        ("commented", "subject", 1),
        ("commented", "subject", 1),
        ("created", "new", 2),
    ]


def test_a_chain_of_replies_becomes_comments_in_order(rig: Rig) -> None:
    """Each reply of a batch finds the one that it answers."""
    chain = [mail("Printer")]
    for number in range(4):
        chain.append(mail("Re: Printer", f"In-Reply-To: {id_of(chain[-1])}", body=f"Answer {number}\n"))
    rig.drop(*chain)
    rig.run()
    assert [(row["ticket"], row["comment"]) for row in rig.journal()] == [(1, None), (1, 1), (1, 2), (1, 3), (1, 4)]


def test_files_of_many_mails(rig: Rig) -> None:
    """What a second process decodes is attached once, each to its own ticket; nothing is left of it."""
    body = "--b\n\nSee the file.\n--b\nContent-Disposition: attachment; filename=n.txt\n\n{}\n--b--\n"
    fields = ("MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b")
    rig.drop(*(mail(f"Press {number}", *fields, body=body.format(number)) for number in range(1, 31)))
    rig.run()
    assert rig.trac.query("SELECT COUNT(*), COUNT(DISTINCT id) FROM attachment") == [(30, 30)]
    for number, summary in rig.trac.query("SELECT id, summary FROM ticket"):
        with Attachment(rig.trac.env, "ticket", number, "n.txt").open() as file:
            assert f"Press {file.read().decode().strip()}" == summary
    assert [each for each in (rig.trac.path / "files" / "mailintake" / "staging").rglob("*") if each.is_file()] == []
