"""What trac-admin says when this environment is made the owner of mailboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.components.mails import Mailbox, mail
from trac_mailintake.components.cli.config.claim import ClaimActions

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv


def test_a_copy_fetches_once_it_has_claimed_the_mailbox(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """All mailboxes or one; a second time it says that it was so already."""
    boxes = [Mailbox(sqlite_env, tmp_path / name) for name in ("sales", "support")]
    for box, name in zip(boxes, ("sales", "support"), strict=True):
        assert box.add_service(name=name).status == 0
        box.put(mail(len(name)))
    assert boxes[0].run().status == 1
    sqlite_env.set(("mailintake", "instance", "a copy"))
    assert boxes[0].run().status == 3
    one = sqlite_env.command("mailintake", "claim", "support")
    assert (one.status, one.out.count("is this environment's from now on")) == (0, 1)
    every = sqlite_env.command("mailintake", "claim")
    assert "sales: " in every.out.splitlines()[0]
    assert every.out.count("from now on") == 1
    assert boxes[0].run().status != 3
    assert ClaimActions(sqlite_env.env).complete([""]) == ["sales", "support"]


def test_where_nothing_is_fetched_nothing_is_claimed(sqlite_env: TracEnv) -> None:
    """A pipe has no mailbox; an unknown service is wrong use."""
    sqlite_env.command("mailintake", "service", "add", "handed", "kind=pipe")
    assert "There is no mailbox to claim" in sqlite_env.command("mailintake", "claim").out
    unknown = sqlite_env.command("mailintake", "claim", "unknown")
    assert (unknown.status, "service=unknown" in unknown.err) == (2, True)
