"""Acknowledgements: who is notified of the ticket that their mail became."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rig import Rig, mail
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
