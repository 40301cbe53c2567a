"""A plugin whose failure quotes what no database can store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rig import Rig, mail
from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.intake.model import Status

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.mail.message import Message


class Quoting:
    """Fails over a mail, and quotes its bytes."""

    @hookimpl
    def mailintake_screen(self, message: Message) -> None:
        """Fail over one subject."""
        if message.subject == "two":
            raise ValueError("unknown: a\0b\udcff")


def test_only_that_mail_is_deferred_and_the_reason_is_shown(trac_env: TracEnv, tmp_path: Path) -> None:
    """The round goes on, and tells the administrator what to mend."""
    rig = Rig(trac_env, tmp_path)
    rig.drop(mail("one"), mail("two"), mail("three"))
    report = rig.run(Quoting())
    assert report.counts == {Status.CREATED: 2, Status.DEFERRED: 1}
    assert [ticket["summary"] for ticket in trac_env.tickets()] == ["one", "three"]
    [said] = [row["failure"] for row in rig.journal() if row["failure"]]
    assert "ValueError: unknown: ab\ufffd" in said
    assert [fault.sentence for fault in report.faults] == [said]
