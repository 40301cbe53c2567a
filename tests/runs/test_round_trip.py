"""A probe is followed from the outgoing server into the mailbox and out of it; whoever sent it is told each step."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.rig import SERVICE, Rig, mail
from tests.servers.required import running
from tests.servers.smtp_sink import SmtpSink
from trac_mailintake.intake.times import Seconds
from trac_mailintake.runs import open_intake
from trac_mailintake.runs.result import Ending
from trac_mailintake.runs.round_trip import RoundTrip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from aiosmtpd.smtp import SMTP, Envelope, Session

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.runs.round_trip import Step, Trip


class Postman(SmtpSink):
    """An SMTP server that hands on what it takes before it answers, so that nobody has to wait: `brings` says how."""

    def __init__(self) -> None:
        super().__init__()
        self.brings: Callable[[bytes], object] = lambda _: None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """Take it, bring it, and say so."""
        answer = await super().handle_DATA(server, session, envelope)
        if answer.startswith("2"):
            await asyncio.to_thread(self.brings, self.sent[-1].content)
        return answer


@pytest.fixture
def postman(sqlite_env: TracEnv) -> Iterator[Postman]:
    """Trac's outgoing server."""
    with running(Postman()) as made:
        sqlite_env.notify_through(made)
        yield made


@pytest.fixture
def rig(sqlite_env: TracEnv, tmp_path: Path, postman: Postman) -> Rig:
    """A service on a Maildir, into which the postman brings the mail."""
    rig = Rig(sqlite_env, tmp_path)
    postman.brings = rig.drop
    return rig


def travel(rig: Rig, seconds: float | None = None, service: str = SERVICE) -> tuple[Trip, list[Step]]:
    """Send a probe, and wait for its end. Returns also the steps that were told on the way."""
    told: list[Step] = []
    env = rig.trac.env
    with open_intake.intake(env) as assembly:
        wanted = assembly.settings.services.get(service)
        longest = None if seconds is None else Seconds(seconds)
        trip = RoundTrip(env, assembly, wanted, longest, told.append).run("support@example.org")
    return trip, told


def steps(trip: Trip) -> list[str]:
    """What it reached."""
    return [each.step for each in trip.steps]


@pytest.mark.parametrize(
    ("afterwards", "left", "said"),
    [
        ("delete", 0, "deleted from the mailbox"),
        ("move:Done", 0, "moved to Done"),
        ("seen", 1, "marked as seen, and left in the mailbox, as the service says"),
        ("leave", 1, "left in the mailbox, as the service says"),
    ],
)
def test_a_probe_comes_round(rig: Rig, afterwards: str, left: int, said: str) -> None:
    """Each step is told when it is reached, with the time since it was sent; no ticket is made."""
    rig.set(afterwards=afterwards)
    trip, told = travel(rig)
    assert trip.ending is Ending.WELL, trip
    assert steps(trip) == ["accepted", "in the mailbox", "taken", "disposed of"]
    assert list(trip.steps) == told
    assert [each.seconds for each in told] == sorted(each.seconds for each in told)
    assert told[0].said == "by the outgoing server, for support@example.org"
    assert told[-1].said == said
    assert (len(rig.left), rig.trac.tickets(), rig.outcomes) == (left, [], [("discarded", "probe")])


def test_what_was_there_before_is_not_taken_for_the_probe(rig: Rig, postman: Postman) -> None:
    """A mailbox may hold mail that is left there; the probe is waited for nevertheless."""
    rig.drop(mail("Before"))
    postman.brings = lambda content: rig.drop(mail("Meanwhile"), content)
    trip, told = travel(rig)
    assert trip.ending is Ending.WELL
    assert told[1].said == "2 new there"
    assert {ticket["summary"] for ticket in rig.trac.tickets()} == {"Before", "Meanwhile"}


def test_whoever_waits_for_cron_runs_nothing(rig: Rig, postman: Postman) -> None:
    """Not even a look into the mailbox; the run that takes the probe is another one's."""

    def bring(content: bytes) -> None:
        rig.drop(content)
        assert rig.trac.admin("mailintake", "run", "--force").status == 0

    postman.brings = bring
    trip, _ = travel(rig, seconds=30)
    assert trip.ending is Ending.WELL
    assert steps(trip) == ["accepted", "taken", "disposed of"]


def test_a_probe_that_is_lost_is_given_up_in_time(rig: Rig, postman: Postman) -> None:
    """It says what happens should it come later."""
    postman.brings = lambda _: None
    trip, _ = travel(rig, seconds=1)
    assert (trip.ending, steps(trip)) == (Ending.FAILED, ["accepted", "failed"])
    assert "It did not come" in trip.steps[-1].said
    assert trip.steps[-1].seconds >= 1


def test_a_copy_that_stays_is_no_failure(rig: Rig, postman: Postman) -> None:
    """The probe was taken; the next round disposes of the copy."""
    rig.set(afterwards="move:Done")
    (rig.maildir / ".Done").write_text("in the way", encoding="ascii")

    def bring(content: bytes) -> None:
        rig.drop(content)
        rig.trac.admin("mailintake", "run", "--force")

    postman.brings = bring
    trip, _ = travel(rig, seconds=1)
    assert (trip.ending, steps(trip)) == (Ending.WAITING, ["accepted", "taken", "failed"])
    assert "still in the mailbox" in trip.steps[-1].said
    assert len(rig.left) == 1


def test_what_the_outgoing_server_refuses_is_not_waited_for(rig: Rig, postman: Postman) -> None:
    """Its words are told."""
    postman.answer = "554 we do not like it"
    trip, _ = travel(rig)
    assert (trip.ending, steps(trip)) == (Ending.FAILED, ["failed"])
    assert trip.steps[0].said.startswith("The outgoing server did not take it")
    assert "we do not like it" in trip.steps[0].said


def test_nothing_is_sent_into_a_mailbox_that_is_not_there(rig: Rig, postman: Postman) -> None:
    """The probe would lie somewhere for ever."""
    rig.maildir.rename(rig.maildir.with_name("Elsewhere"))
    trip, _ = travel(rig)
    assert (trip.ending, steps(trip), postman.sent) == (Ending.FAILED, ["failed"], [])
    assert "nothing was sent" in trip.steps[0].said


def test_a_mailbox_that_goes_away_meanwhile_ends_the_trip(rig: Rig, postman: Postman) -> None:
    """After it was sent."""
    postman.brings = lambda _: rig.maildir.rename(rig.maildir.with_name("Elsewhere"))
    trip, _ = travel(rig)
    assert (trip.ending, steps(trip)) == (Ending.FAILED, ["accepted", "failed"])
    assert trip.steps[-1].said.startswith("The mailbox could not be reached: ")


def test_a_round_that_fails_ends_the_trip(rig: Rig, postman: Postman) -> None:
    """With what the round says of it; the probe stays in the mailbox."""

    def bring(content: bytes) -> None:
        with rig.trac.env.db_transaction as db:
            db("UPDATE mailintake_service SET handler='gone'")
        rig.drop(content)

    postman.brings = bring
    trip, _ = travel(rig)
    assert (trip.ending, steps(trip)) == (Ending.FAILED, ["accepted", "in the mailbox", "failed"])
    assert trip.steps[-1].said.startswith("The round failed: ")
    assert "gone" in trip.steps[-1].said
    assert len(rig.left) == 1


def test_a_pipe_has_no_copy_to_dispose_of(rig: Rig, postman: Postman) -> None:
    """The mail server hands the probe over, and the trip ends well as soon as it was taken."""
    rig.trac.command("mailintake", "service", "add", "pipe", "kind=pipe", "address=support@example.org")
    answers: list[tuple[int, str]] = []

    def hand_over(content: bytes) -> None:
        done = rig.deliver(content)
        answers.append((done.status, done.err))

    postman.brings = hand_over
    trip, _ = travel(rig, seconds=30, service="pipe")
    assert (trip.ending, steps(trip)) == (Ending.WELL, ["accepted", "taken", "disposed of"]), answers
    assert trip.steps[-1].said == "it was handed over, so there is no mailbox's copy"
    assert answers[0][0] == 0
