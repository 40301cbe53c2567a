"""Rounds that end badly or go on for long: what is free for other workers, and what the report says."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from tests.intake.bench import Bench, letter
from trac_mailintake.intake.failures import DEATHS

if TYPE_CHECKING:
    from trac_mailintake.mail.message import Message


class Unexpected(BaseException):
    """Nothing that a stage expects, as what a library raises when it wants to end the process."""


def test_a_mail_that_ends_each_round_is_held_in_the_end() -> None:
    """The others in the mailbox are filed: those who fail so are taken one by one from then on."""
    bench = Bench(letter("a"), letter("poison"), letter("b"))

    def find(message: Message) -> None:
        if message.subject == "poison":
            raise Unexpected

    for _ in range(DEATHS + 2):
        worker = Bench(store=bench.store, archive=bench.archive)
        worker.source = bench.source
        worker.rules.find = find
        with suppress(Unexpected):
            worker.run()
        worker.ledger.alive = False
    assert bench.outcomes == {"1": "created", "2": "held", "3": "created"}
