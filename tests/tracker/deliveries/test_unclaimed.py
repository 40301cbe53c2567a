"""Mail that every service on a mailbox leaves to the others: counted, with its age, and told of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.rig import SERVICE, Rig, mail
from trac_mailintake.bootstrap import settings_of
from trac_mailintake.tracker.db.transaction import HOUR, MINUTE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv


@pytest.fixture
def rig(sqlite_env: TracEnv, tmp_path: Path) -> Rig:
    """A mailbox with a service for sales and one for support."""
    made = Rig(sqlite_env, tmp_path, catchemail="support@example.com", overdue="60")
    sales = {"kind": "maildir", "path": str(made.maildir), "afterwards": "delete", "catchemail": "sales@example.com"}
    settings_of(sqlite_env.env).services.add("sales", {**sales, "overdue": "60"})
    return made


def rounds(rig: Rig) -> None:
    """Runs as cron begins them: each service passes the mail over in the first or the second; then it is counted."""
    for _ in range(3):
        assert rig.trac.command("mailintake", "run", "--force").status in (0, 1)


def status(rig: Rig, name: str = SERVICE) -> dict[str, object]:
    """How a service stands."""
    found = json.loads(rig.trac.command("mailintake", "status", "--json").out)["services"]
    return next(each for each in found if each["name"] == name)


def pass_time(rig: Rig, span: int) -> None:
    """Let all that is remembered be so much earlier."""
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET recorded=recorded-%s", (span,))
        db("UPDATE mailintake_service SET created=created-%s", (span,))


def test_what_nobody_wants_is_counted_and_makes_no_service_well(rig: Rig) -> None:
    """After `overdue` minutes, and until somebody wants it or takes it away."""
    rig.drop(mail("For us", "To: support@example.com"), mail("For nobody"), mail("For them", "Cc: sales@example.com"))
    rounds(rig)
    assert len(rig.left) == 1
    for name in (SERVICE, "sales"):
        assert (status(rig, name)["unclaimed"], status(rig, name)["state"]) == (1, "well")
    pass_time(rig, 2 * HOUR)
    rounds(rig)
    found = status(rig)
    assert (found["unclaimed"], found["state"]) == (1, "waiting")
    assert "no service there wants: 1" in str(found["why"])
    said = rig.trac.command("mailintake", "status")
    assert (said.status, "1 (2 hours)" in said.out) == (3, True)
    rig.set(catchemail="")
    rounds(rig)
    assert status(rig)["unclaimed"] == 1, "what a service passed over it does not take later"
    for path in (rig.maildir / "new").iterdir():
        path.unlink()
    rounds(rig)
    assert (status(rig)["unclaimed"], status(rig)["state"]) == (0, "well")


def test_mail_that_another_service_may_still_take_is_not_unclaimed(rig: Rig) -> None:
    """It has not run yet; a disabled one takes nothing."""
    rig.drop(mail("For nobody"))
    rig.run()
    assert rig.trac.command("mailintake", "run", SERVICE, "--force").status == 0
    assert status(rig)["unclaimed"] == 0
    settings_of(rig.trac.env).services.set("sales", {"enabled": "false"})
    rig.trac.command("mailintake", "run", SERVICE, "--force")
    assert status(rig)["unclaimed"] == 1


def test_one_service_may_leave_mail_alone_on_purpose(rig: Rig) -> None:
    """It was there before `start=now`, or is ignored by another rule."""
    rig.drop(mail("Old, for nobody"))
    settings_of(rig.trac.env).services.set("sales", {"start": "now"})
    rounds(rig)
    pass_time(rig, MINUTE)
    assert status(rig)["unclaimed"] == 0
