"""Calling the hooks: what plugins may do, what is refused, and who is blamed for a failure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.builders import DELIVERY, HANDLER, MEMBER, message, service
from tests.fakes import FakeReader
from trac_mailintake.hookspecs import Handler, hookimpl
from trac_mailintake.intake.errors import Misconfiguration
from trac_mailintake.intake.model import Change, Followup, Hold, Outcome, Proof, Status
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.mail.message import Origin
from trac_mailintake.plugins.hooks import Rules

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import Context
    from trac_mailintake.mail.message import Message

from tests.plugins.offers import NEW, Echoer, Offering, Router, Shouter, Strict, change_of, rules

# what the product brings


def test_the_product_uses_its_own_hooks() -> None:
    """Its handlers and its rules come as anybody's do."""
    names = {HANDLER, "create", "comment", "comment-unquoted", "comment-regex", "commit-log"}
    assert set(rules().handlers) == names
    objections = rules().screen(message(origin=Origin.BULK, origin_reason="Because."), DELIVERY, service(), MEMBER)
    assert objections == [Hold("bulk", "Because.")]


def test_nobody_objecting_is_acceptance() -> None:
    """A rule that accepts a mail returns None; there is no value for acceptance."""
    assert rules().screen(message(), DELIVERY, service(), MEMBER) == []


def test_a_mail_that_nobody_knows_a_ticket_for_is_a_new_one() -> None:
    """Said by the product, not by a rule."""
    assert rules().route(message(), DELIVERY, service(), MEMBER) == NEW


def test_the_change_is_its_own_innermost_result() -> None:
    """Without plugins it is what the handler made."""
    change = change_of(rules())
    assert isinstance(change, Change)
    assert (change.summary, change.target, change.sender) == ("The printer burns", NEW, MEMBER)


def test_kinds_of_source_are_handed_in() -> None:
    """Rules may not import sources; an installed plugin brings them the same way."""
    assert list(Rules(FakeReader(), bundled=(Offering("wire"),), group="none").kinds) == ["wire"]


# what a plugin may do


def test_all_objections_are_collected() -> None:
    """With the context that they are asked in."""
    objections = rules(Strict()).screen(message(origin=Origin.BULK), DELIVERY, service(), MEMBER)
    assert {each.rule for each in objections} == {"bulk", "strict"}
    assert Hold("strict", "support ann The printer burns") in objections


def test_a_plugin_is_asked_for_the_route_before_the_product() -> None:
    """The first answer counts."""
    reader = FakeReader()
    reader.add(12, "ann")
    target = rules(Router(), reader=reader).route(message(subject="#12"), DELIVERY, service(), MEMBER)
    assert target == Followup(7, "router", "#12", Proof.HANDLER)


def test_plugins_amend_changes() -> None:
    """One around the other; each is given the change as the handler made it, and the inner result."""
    change = change_of(rules(Shouter("!"), Echoer("?")))
    assert isinstance(change, Change)
    burns = "The printer burns"
    assert change.summary == f"{burns}! ({burns})? ({burns})"


def test_an_objection_of_a_handler_is_not_amended() -> None:
    """There is no change."""

    class Refusing:
        """A plugin with a handler that wants nothing."""

        @hookimpl
        def mailintake_handlers(self) -> tuple[Handler, ...]:
            """One."""
            return (Handler("refuse", "Refuse", lambda *_: Hold("refuse", "No.")),)

    asked = rules(Refusing(), Shouter("!"))
    assert asked.handle(message(), NEW, replace(service(), handler="refuse"), MEMBER) == Hold("refuse", "No.")


def test_the_services_handler_is_asked() -> None:
    """By its name."""
    change = rules(Offering()).handle(message(), NEW, replace(service(), handler="echo"), MEMBER)
    assert isinstance(change, Change)
    assert change.summary == "THE PRINTER BURNS"


def test_a_handler_that_is_gone_is_a_misconfiguration() -> None:
    """The plugin was uninstalled; its mail waits."""
    with pytest.raises(Misconfiguration, match=r"support.*echo"):
        rules().handle(message(), NEW, replace(service(), handler="echo"), MEMBER)


def test_plugins_are_told_what_was_recorded() -> None:
    """After the commit."""
    told: list[tuple[str, Outcome, str]] = []

    class Listener:
        """A plugin that listens."""

        @hookimpl
        def mailintake_recorded(self, message: Message, outcome: Outcome, context: Context) -> None:
            """Keep it."""
            told.append((message.subject, outcome, context.service.name))

    outcome = Outcome(Status.CREATED, "new", "")
    rules(Listener()).recorded(message(), outcome, service(), MEMBER)
    assert told == [("The printer burns", outcome, "support")]


# parameters


def test_a_service_is_told_the_rules_and_the_handlers_parameters() -> None:
    """A plugin's rules have theirs in PARAMETERS, as ours do."""
    names = [each.name for each in rules(Strict()).parameters(HANDLER)]
    assert len(names) == len(set(names))
    assert {"bulk", "catchemail", "stranger", "closed", "text", "stripquotes", "mood"} <= set(names)


def test_a_handler_may_have_another_default() -> None:
    """Its parameter stands for the rule's of the same name."""
    asked = rules(Offering())
    [bulk] = [each for each in asked.parameters("echo") if each.name == "bulk"]
    assert bulk.default == "accept"
    [bulk] = [each for each in asked.parameters(HANDLER) if each.name == "bulk"]
    assert bulk.default is None


def test_an_unknown_handler_is_refused_with_those_that_there_are() -> None:
    """A typing mistake on save."""
    with pytest.raises(SettingError, match=r"handler=creat: not allowed. Allowed: .*create, create-or-comment$"):
        rules().parameters("creat")
