"""Undecided mail, by service and mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rig import SERVICE, Rig, mail
from tests.tracker.deliveries.test_recovery import Down
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.tracker.deliveries.unserved import Undecided, undecided

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv


@pytest.fixture
def rig(trac_env: TracEnv, tmp_path: Path) -> Rig:
    """An environment with a service."""
    return Rig(trac_env, tmp_path)


def test_each_mailbox_with_mail_that_waits(rig: Rig) -> None:
    """With the time of the attempt that is longest ago; mail that is decided or held does not count."""
    rig.drop(mail("decided"))
    rig.run()
    assert undecided(rig.trac.env, ["maildir"]) == []
    rig.drop(mail("one"), mail("two"))
    rig.run(Down())
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET retry_at=7 WHERE id=2")
    with rig.worker() as assembly:
        service = assembly.settings.services.get(SERVICE)
        account = assembly.settings.open(service).account
    assert undecided(rig.trac.env, ["imap", "maildir"]) == [Undecided(SERVICE, account, Microseconds(7))]


def test_a_kind_that_is_not_there_is_not_known(rig: Rig) -> None:
    """The plugin that had it may come back."""
    rig.drop(mail("one"))
    rig.run(Down())
    assert undecided(rig.trac.env, ["imap"]) == []
    assert undecided(rig.trac.env, []) == []
