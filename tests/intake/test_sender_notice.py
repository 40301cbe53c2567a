"""Whom a refusal, or a new ticket, is told of: all combinations of what decides it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from tests.builders import comment, message, new_ticket, service
from trac_mailintake.intake.model import Outcome, Sender, Status
from trac_mailintake.intake.ports import ToSender
from trac_mailintake.intake.reasons import RULES
from trac_mailintake.intake.sender_notice import acknowledgement, notice
from trac_mailintake.intake.settings import Values
from trac_mailintake.mail.message import Origin

HOST = "mx.example.org"
PROVED = (
    ("Authentication-Results", f"{HOST}; dmarc=pass header.from=example.org"),
    ("Received", f"from mail.example.net by {HOST}"),
)
REFUSALS = (Status.HELD, Status.REJECTED)
TOLD = next(slug for slug, rule in RULES.items() if rule.told)
UNTOLD = next(slug for slug, rule in RULES.items() if not rule.told)


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("policy", ["never", "rejected", "refused"])
def test_only_refusals_that_the_service_names_are_told(policy: str, status: Status) -> None:
    """A rejection, or mail held for what its sender did; a mail server bounces what it was refused itself."""
    for rule, pushed in product((TOLD, UNTOLD), (False, True)):
        of = replace(service(notify_sender=policy), pushed=pushed)
        rejected = status is Status.REJECTED and policy != "never" and not pushed
        held = status is Status.HELD and policy == "refused" and rule == TOLD
        assert bool(notice(message(), of, Outcome(status, rule, "So."))) is (rejected or held)


@pytest.mark.parametrize("status", REFUSALS)
@pytest.mark.parametrize("hosts", [(), (HOST,)])
def test_forgers_and_machines_make_us_send_nothing(hosts: tuple[str, ...], status: Status) -> None:
    """A notice goes to a person who can be answered, and who is proved where that can be known."""
    of = replace(service(), parameters=Values({"notify_sender": "refused", "authserv_ids": hosts}))
    for origin, path, fields in product(Origin, ("ext@example.net", "", None), ((), PROVED)):
        mail = message(origin=origin, return_path=path, fields=fields)
        told = origin is Origin.PERSON and path != "" and (not hosts or fields == PROVED)
        letter = ToSender("ann@example.org", proved=bool(hosts), most=60)
        assert notice(mail, of, Outcome(status, TOLD, "So.")) == (letter if told else None)
        assert notice(replace(mail, author=None), of, Outcome(status, TOLD, "So.")) is None


@pytest.mark.parametrize("policy", ["never", "proved", "always"])
@pytest.mark.parametrize("proof", ["", f"dmarc=pass by {HOST}"])
def test_a_ticket_is_acknowledged_to_strangers_only(policy: str, proof: str) -> None:
    """Who is a user gets Trac's own notifications; a comment is acknowledged to nobody."""
    of = service(acknowledge=policy)
    for mapped, address, origin, path in product((False, True), ("", "a@example.net"), Origin, ("", None)):
        sender = Sender("anonymous", "Ann", address, mapped=mapped, reason="So.", proof=proof)
        mail = message(origin=origin, return_path=path)
        wanted = policy == "always" or (policy == "proved" and proof != "")
        answered = origin is Origin.PERSON and path is None
        told = wanted and answered and not mapped and address != ""
        letter = ToSender(address, proved=bool(proof), most=60)
        assert acknowledgement(new_ticket(sender), mail, of) == (letter if told else None)
        assert acknowledgement(comment(1, sender), mail, of) is None
