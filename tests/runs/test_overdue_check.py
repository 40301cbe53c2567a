"""A process that takes no mail writes and sends what is due about overdue services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.watched import later, said, watch
from trac_mailintake.runs.overdue_check import look

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import TracEnv


def test_one_look_tells_of_an_overdue_service_and_the_next_does_not(
    sqlite_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink
) -> None:
    """It sends the notice itself; while nothing is due it does nothing."""
    watched = watch(sqlite_env, tmp_path, smtp_sink)
    look(sqlite_env.env)
    assert said(smtp_sink) == []
    later(watched, 3)
    for _ in range(2):
        look(sqlite_env.env)
    [(subject, _)] = said(smtp_sink)
    assert subject.endswith("support: overdue")


def test_before_the_upgrade_there_is_nothing_to_look_at(sqlite_env: TracEnv) -> None:
    """Pages of a Trac that was just given the plugin go on."""
    with sqlite_env.env.db_transaction as db:
        db("DELETE FROM system WHERE name LIKE 'mailintake%'")
        db("ALTER TABLE mailintake_service RENAME TO mailintake_gone")
    look(sqlite_env.reopen())
    assert "overdue" not in sqlite_env.log()
