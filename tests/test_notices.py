"""Acknowledgements: who is notified of the ticket that their mail became."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rig import Rig, mail
from tests.servers.smtp_sink import ACCEPTED
from tests.test_forgers import PASSED, RECEIVED

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import TracEnv


@pytest.mark.parametrize(
    ("acknowledge", "trace", "told"),
    [
        ("never", (PASSED, RECEIVED), []),
        ("proved", (RECEIVED,), []),
        ("proved", (PASSED, RECEIVED), [("ann@example.com",)]),
        ("always", (RECEIVED,), [("ann@example.com",)]),
    ],
)
def test_a_reporter_is_notified_about_their_ticket(
    sqlite_env: TracEnv,
    tmp_path: Path,
    smtp_sink: SmtpSink,
    acknowledge: str,
    trace: tuple[str, ...],
    told: list[tuple[str, ...]],
) -> None:
    """`acknowledge`: a forged From does not make us send unless that is wanted."""
    sqlite_env.notify_through(smtp_sink)
    rig = Rig(sqlite_env, tmp_path, acknowledge=acknowledge, authserv_ids="mx.example.org")
    rig.drop("\n".join([*trace, mail("Hello").decode()]).encode())
    rig.run()
    assert [sent.recipients for sent in smtp_sink.sent] == told


@pytest.mark.parametrize(
    ("settings", "sender", "told"),
    [
        ({"acknowledge": "proved"}, "ann@example.com", 1),
        ({"acknowledge": "always", "authserv_ids": ""}, "ann@example.com", 1),
        ({"acknowledge": "never"}, "ann@example.com", 0),
        ({"acknowledge": "proved"}, "a/n@example.com", 0),
    ],
)
def test_the_journal_has_who_was_sent_an_acknowledgement(
    sqlite_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink, settings: dict[str, str], sender: str, told: int
) -> None:
    """Once it has gone out, and not before; Trac writes to no address with a slash."""
    sqlite_env.notify_through(smtp_sink)
    rig = Rig(sqlite_env, tmp_path, **{"authserv_ids": "mx.example.org", **settings})
    smtp_sink.answer = "451 later"
    rig.drop("\n".join([PASSED, RECEIVED, mail("Hello", sender=sender).decode()]).encode())
    rig.run()
    assert sqlite_env.query("SELECT state, sender_told FROM mailintake_delivery") == [("created", 0)]
    smtp_sink.answer = ACCEPTED
    with sqlite_env.env.db_transaction as db:
        db("UPDATE mailintake_outbox SET retry_at=0")
    rig.run()
    with rig.worker() as assembly:
        assembly.recorder.announce_owed()
    assert [sent.recipients for sent in smtp_sink.sent] == [(sender,)] * told
    assert sqlite_env.query("SELECT sender_told FROM mailintake_delivery") == [(told,)]


@pytest.mark.parametrize(
    "spec",
    [
        '"victim"@example.net',
        '"vic tim"@example.net',
        "vic\u202etim@example.net",
        '"vi\\ctim"@example.net',
        "victim@example.net",
    ],
)
def test_no_spelling_of_an_address_makes_trac_write_to_it(
    sqlite_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink, spec: str
) -> None:
    """A new Trac notifies whoever changes a ticket: an unproved sender would be sent the mail that is not theirs."""
    sqlite_env.notify_through(smtp_sink)
    rig = Rig(sqlite_env, tmp_path)
    rig.drop(mail("Buy", sender=spec))
    rig.run()
    assert rig.outcomes == [("created", "new")]
    assert [sent.recipients for sent in smtp_sink.sent] == []
