"""An answer that a mail server hands over before its question, whose process was killed, waits for the question."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from tests.rig import Rig, id_of, mail
from tests.tracker.deliveries.test_recovery import die
from trac_mailintake.bootstrap import assemble_intake, settings_of
from trac_mailintake.sources.local.stdin import PipeSource
from trac_mailintake.tracker.archive.store import FileArchive
from trac_mailintake.tracker.db.transaction import HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.servers.tracenv import Finished, TracEnv
    from trac_mailintake.bootstrap import Assembly
    from trac_mailintake.intake.model import Delivery
    from trac_mailintake.intake.settings import Service

STEPS = ("claimed", "fetched", "sealed", "resumed")
"""How far the question came before its process was killed."""


@pytest.fixture
def rig(trac_env: TracEnv, tmp_path: Path) -> Rig:
    """An environment with a service on a pipe; on each database."""
    rig = Rig(trac_env, tmp_path)
    settings_of(trac_env.env).services.add("pipe", {"kind": "pipe"})
    return rig


def claimed(assembly: Assembly, service: Service, source: PipeSource) -> Sequence[Delivery]:
    """A claim on what was handed over."""
    assembly.recovery.sweep()
    assembly.mailbox.reconcile(service, source.account, source.list())
    return assembly.claims.claim(service, source.account, 1)


def fetch(rig: Rig, assembly: Assembly, source: PipeSource, deliveries: Sequence[Delivery], *, seal: bool) -> None:
    """Write the bytes to the archive."""
    writer = FileArchive(rig.trac.env, assembly.worker).begin([each.id for each in deliveries])
    for each in deliveries:
        for _, chunks in source.fetch([each.listed]):
            writer.append(each, chunks)
    if seal:
        writer.seal()
    else:
        writer.flush()


def hand_over_and_die(rig: Rig, content: bytes, step: str) -> None:
    """A process takes the mail to that step, and is killed; another one follows if the first has sealed it."""
    service = settings_of(rig.trac.env).services.get("pipe")
    for number in range(2 if step == "resumed" else 1):
        assembly = assemble_intake(rig.trac.env)
        source = PipeSource(io.BytesIO(content), "pipe")
        deliveries = claimed(assembly, service, source)
        assert len(deliveries) == 1
        if step != "claimed" and number == 0:
            fetch(rig, assembly, source, deliveries, seal=step != "fetched")
        source.close()
        die(assembly)


def hand_over(rig: Rig, content: bytes) -> Finished:
    """A mail server hands a mail over."""
    return rig.trac.command("mailintake", "deliver", "pipe", stdin=content)


def later(rig: Rig, microseconds: int) -> None:
    """So much time passes."""
    with rig.trac.env.db_transaction as db:
        db("UPDATE mailintake_delivery SET retry_at=retry_at-%s", (microseconds,))


@pytest.mark.parametrize("step", STEPS)
def test_the_answer_becomes_a_comment_on_the_question(rig: Rig, step: str) -> None:
    """Its mail server is told at once to keep it, and not kept waiting."""
    question = mail("Question")
    answer = mail("Re: Question", f"In-Reply-To: {id_of(question)}")
    hand_over_and_die(rig, question, step)
    early = hand_over(rig, answer)
    assert (early.status, rig.trac.tickets()) == (75, [])
    assert hand_over(rig, question).status == 0
    later(rig, 2 * MINUTE)
    assert hand_over(rig, answer).status == 0
    assert [ticket["summary"] for ticket in rig.trac.tickets()] == ["Question"]
    assert {outcome for outcome, _ in rig.outcomes} == {"created", "commented"}


@pytest.mark.parametrize("step", STEPS)
def test_an_answer_does_not_wait_for_ever(rig: Rig, step: str) -> None:
    """After two hours without the question it becomes a ticket; so does a mail that answers nothing, at once."""
    question = mail("Question")
    answer = mail("Re: Question", f"In-Reply-To: {id_of(question)}")
    hand_over_and_die(rig, question, step)
    assert hand_over(rig, mail("Something else")).status == 0
    assert hand_over(rig, answer).status == 75
    later(rig, 3 * HOUR)
    assert hand_over(rig, answer).status == 0
    assert [ticket["summary"] for ticket in rig.trac.tickets()] == ["Something else", "Re: Question"]
