"""A run serves what is due and then does what is owed, in one process or in several."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox, mail
from trac_mailintake.runs import open_intake
from trac_mailintake.runs.result import Ending
from trac_mailintake.runs.run_services import ServicesRun

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import TracEnv
    from trac_mailintake.runs.result import RoundResult


@pytest.fixture
def boxes(sqlite_env: TracEnv, tmp_path: Path) -> list[Mailbox]:
    """Two services with a mail each, and one that cannot be reached."""
    sqlite_env.grant("anonymous", "TICKET_CREATE")
    made = [Mailbox(sqlite_env, tmp_path / name) for name in ("a", "b", "c")]
    for box, name in zip(made, "abc", strict=True):
        assert box.add_service(name=name).status == 0
        box.put(mail(ord(name)))
    made[2].folder.rename(tmp_path / "away")
    return made


def run(trac: TracEnv, names: str, at_once: int = 1, limit: int | None = None) -> list[RoundResult]:
    """The results, as they are heard."""
    heard: list[RoundResult] = []
    opened = partial(open_intake.intake, trac.env)
    with opened() as assembly:
        ServicesRun(trac.env, assembly, opened, at_once=at_once, limit=limit).run(list(names), heard.append)
    return heard


@pytest.mark.parametrize("at_once", [1, 3])
def test_each_service_is_heard_of_once(boxes: list[Mailbox], at_once: int) -> None:
    """One that fails keeps no other from running, one after the other or at the same time."""
    done = {each.service: each for each in run(boxes[0].trac, "abc", at_once)}
    assert {name: (each.ending, each.counts) for name, each in done.items()} == {
        "a": (Ending.WELL, {"created": 1}),
        "b": (Ending.WELL, {"created": 1}),
        "c": (Ending.FAILED, {}),
    }
    assert len(boxes[0].trac.tickets()) == 2


def test_what_is_owed_is_done_without_any_service(boxes: list[Mailbox], smtp_sink: SmtpSink) -> None:
    """What waits to be sent goes out."""
    trac = boxes[0].trac
    trac.command("mailintake", "service", "set", "a", "bulk=forward", "forward=boss@example.org")
    boxes[0].put(mail(99, more="Auto-Submitted: auto-replied\n"))
    run(trac, "a")
    trac.notify_through(smtp_sink)
    assert run(trac, "") == []
    [sent] = smtp_sink.wait_for(1)
    assert sent.recipients == ("boss@example.org",)


def test_a_limit_is_each_services(boxes: list[Mailbox]) -> None:
    """Of two mails one is left."""
    boxes[0].put(mail(98))
    assert [each.counts for each in run(boxes[0].trac, "ab", limit=1)] == [{"created": 1}, {"created": 1}]
    assert [each.counts for each in run(boxes[0].trac, "ab", limit=1)] == [{"created": 1}, {}]
