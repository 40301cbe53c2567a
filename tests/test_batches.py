"""Mails of one batch are recorded together, and yet decided as if each had been filed before the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

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
