"""What the documentation says of the hooks is what the hooks are; its examples are tried."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from trac.core import ComponentManager

from tests.builders import DELIVERY, HANDLER, MEMBER, message, service
from tests.fakes import FakeReader
from tests.pages import told
from trac_mailintake import hookspecs
from trac_mailintake.intake.model import Change, Followup, Hold, NewTicket, Outcome, Proof, Status
from trac_mailintake.intake.settings import check
from trac_mailintake.plugins.hooks import Rules
from trac_mailintake.plugins.registry import PREFIX, load
from trac_mailintake.sources import kinds

if TYPE_CHECKING:
    import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "hooks.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
NEW = NewTicket("new", "")
ANSWER = Followup(12, "subject", "", Proof.SUBJECT)
INVOICE = Hold("acme-invoice", "Invoices are looked at by a person first.")


def example(word: str, *without: str) -> ModuleType:
    """The one example with this word, and without the others, as a module."""
    [source] = [each for each in EXAMPLES if word in each and not any(other in each for other in without)]
    module = ModuleType("example")
    exec(compile(source, "docs/hooks.md", "exec"), vars(module))  # noqa: S102 - the examples are ours
    return module


def rules(plugin: object, reader: FakeReader | None = None) -> Rules:
    """The rules with this plugin."""
    return Rules(reader or FakeReader(), extra=(plugin,), group="trac_mailintake.none")


def test_each_hook_has_a_section_whose_heading_is_its_signature() -> None:
    """In the order of `hookspecs`."""
    headings = re.findall(rf"^## ({PREFIX}.*)$", PAGE, re.MULTILINE)
    hooks = [each for name, each in vars(hookspecs).items() if name.startswith(PREFIX)]
    assert headings == [f"{hook.__name__}{inspect.signature(hook)}".replace("'", "") for hook in hooks]


def test_what_is_built_in_is_told_as_it_is() -> None:
    """Of each hook that the product implements itself; `python -m tests.pages` writes the lists."""
    assert told(PAGE) == PAGE
    registry = load((kinds,), (), "trac_mailintake.none")
    hooks = [each for each in vars(hookspecs) if each.startswith(PREFIX) and registry.implementations(each)]
    assert re.findall(r"^<!-- (mailintake_\w+) -->$", PAGE, re.MULTILINE) == hooks


def test_the_example_of_a_module_is_a_plugin() -> None:
    """It holds invoices."""
    asked = rules(example("acme-invoice", "trac.core"))
    assert asked.screen(message(subject="Your Invoice"), DELIVERY, service(), MEMBER) == [INVOICE]
    assert asked.screen(message(), DELIVERY, service(), MEMBER) == []


def test_the_example_of_a_component_is_a_plugin() -> None:
    """It does the same."""
    asked = rules(example("trac.core").HoldInvoices(ComponentManager()))
    assert asked.screen(message(subject="Your Invoice"), DELIVERY, service(), MEMBER) == [INVOICE]


def test_the_example_of_a_parameter_is_a_setting() -> None:
    """Of every service."""
    asked = rules(example("acme_words"))
    told = replace(service(), parameters=check(asked.parameters(HANDLER), {"acme_words": "fire, BURNS"}))
    [objection] = asked.screen(message(), DELIVERY, told, MEMBER)
    assert objection == Hold("acme-words", "The subject has the word BURNS.")


def test_the_example_of_a_source_is_a_kind() -> None:
    """That a service can name."""
    assert list(rules(example("SourceKind")).kinds) == ["acme-spool"]


def test_the_example_of_a_handler_handles() -> None:
    """New tickets, and nothing else; HTML is wiki text by then, and stays as it is."""
    asked = rules(example("acme-alarm"))
    alarm = replace(service(), handler="acme-alarm")
    change = asked.handle(message(), NEW, alarm, MEMBER)
    assert isinstance(change, Change)
    assert (change.fields, change.text) == ({"priority": "blocker"}, "It burns.")
    read = message(text="It '''burns'''.", markup=True)
    change = asked.handle(read, NEW, alarm, MEMBER)
    assert isinstance(change, Change)
    assert change.text == read.text
    assert isinstance(asked.handle(message(), ANSWER, alarm, MEMBER), Hold)


def test_the_example_of_a_route_leads_to_the_ticket() -> None:
    """If there is one."""
    reader = FakeReader()
    reader.add(12)
    asked = rules(example("mailintake_route"), reader)
    target = asked.route(message(subject="About Case 12"), DELIVERY, service(), MEMBER)
    assert isinstance(target, Followup)
    assert (target.ticket, target.rule) == (12, "acme-case")
    assert isinstance(asked.route(message(subject="Case 13"), DELIVERY, service(), MEMBER), NewTicket)


def test_the_example_of_an_amendment_amends() -> None:
    """What the handler made stays otherwise."""
    asked = rules(example("mailintake_change"))
    change = asked.handle(message(subject="[Urgent] It burns"), NEW, service(), MEMBER)
    assert isinstance(change, Change)
    assert (change.fields, change.text) == ({"priority": "critical"}, "It burns.")
    assert asked.handle(message(), NEW, service(), MEMBER) == rules(object()).handle(message(), NEW, service(), MEMBER)


def test_the_example_of_a_listener_listens(caplog: pytest.LogCaptureFixture) -> None:
    """It logs what became of the mail."""
    caplog.set_level("INFO", "acme")
    rules(example("mailintake_recorded")).recorded(message(), Outcome(Status.CREATED, "new", ""), service(), MEMBER)
    assert caplog.messages == ["<one@example.org> became created"]
