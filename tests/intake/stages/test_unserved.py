"""Mail from a mailbox that no service reads is held, whatever the rules would say of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.builders import DELIVERY, EXTERNAL, message, new_ticket, service
from tests.intake.bench import Bench
from trac_mailintake.intake.model import Status
from trac_mailintake.intake.ports import Refused
from trac_mailintake.intake.stages.unserved import UnservedRules

LABEL = "imap://ann@mail.example.org/INBOX"


def test_it_is_held_with_the_mailbox_as_the_reason() -> None:
    """Without an answer to its sender, who cannot know of it, and without a forward."""
    bench = Bench()
    bench.ports = replace(bench.ports, rules=UnservedRules(LABEL))
    decision = bench.spine.decide(service(forward="boss@example.org", notify_sender="refused"), DELIVERY, message())
    assert isinstance(decision, Refused)
    assert (decision.outcome.status, decision.outcome.rule) == (Status.HELD, "unserved")
    assert LABEL in decision.outcome.reason
    assert decision.forward is None
    assert decision.tell is None


def test_no_plugin_is_asked() -> None:
    """Neither where it goes nor what becomes of it: the settings for it are gone."""
    rules = UnservedRules(LABEL)
    with pytest.raises(NotImplementedError):
        rules.route(message(), DELIVERY, service(), EXTERNAL)
    with pytest.raises(NotImplementedError):
        rules.handle(message(), new_ticket().target, service(), EXTERNAL)
