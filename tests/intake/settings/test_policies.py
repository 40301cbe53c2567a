"""The parameters that several modules need, as typed values of a service."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import service
from tests.fakes import FakeReader
from trac_mailintake.intake.settings import Kind, Service, Values, check
from trac_mailintake.intake.settings.policies import POLICIES, declared
from trac_mailintake.plugins.hooks import Rules

if TYPE_CHECKING:
    from trac_mailintake.intake.settings import Parameter

_PYTHON = {
    Kind.TEXT: str,
    Kind.USER: str,
    Kind.CHOICE: str,
    Kind.BOOLEAN: bool,
    Kind.INTEGER: int,
    Kind.SIZE: int,
    Kind.WORDS: tuple,
    Kind.ADDRESSES: tuple,
}
_TYPED = {
    Kind.TEXT: st.sampled_from(["", "anna", " anna "]),
    Kind.USER: st.sampled_from(["", "anna", " anna "]),
    Kind.BOOLEAN: st.sampled_from(["yes", "off", "1"]),
    Kind.INTEGER: st.integers(0, 10**6).map(str),
    Kind.SIZE: st.sampled_from(["0", "20M", "1k"]),
    Kind.WORDS: st.sampled_from(["", "a.example", "a.example, b.example"]),
    Kind.ADDRESSES: st.sampled_from(["", "a@example.org", "a@example.org b@example.org"]),
}
ALL = [parameter for policy in POLICIES.values() for parameter in declared(policy)]


@st.composite
def settings(draw: st.DrawFn) -> dict[str, str]:
    """Some of the parameters, as an administrator types them."""
    some = draw(st.sets(st.sampled_from(range(len(ALL)))))
    strategies = {each: _TYPED.get(ALL[each].kind, st.sampled_from(ALL[each].choices)) for each in sorted(some)}
    return {ALL[each].name: draw(strategy) for each, strategy in strategies.items()}


@given(settings())
def test_a_service_has_what_was_typed(typed: dict[str, str]) -> None:
    """Each field of each policy is the checked value of its parameter, of the type that the kind says."""
    values = check(ALL, typed)
    of = replace(service(), parameters=values)
    for name, policy in POLICIES.items():
        for parameter in declared(policy):
            found = getattr(getattr(of, name), parameter.name)
            assert found == values.values[parameter.name]
            assert found is None or isinstance(found, _PYTHON[parameter.kind])


def test_what_is_not_set_has_its_default() -> None:
    """Also in a service whose parameters do not mention it."""
    of = replace(service(), parameters=Values())
    for name, policy in POLICIES.items():
        assert getattr(of, name) == policy()


def test_policies_follow_when_parameters_are_replaced() -> None:
    """A service is a value: a changed copy has the policies of its own parameters."""
    of = replace(service(), parameters=check(ALL, {"rate_ticket": "7"}))
    assert (of.rates.rate_ticket, replace(of, parameters=Values()).rates.rate_ticket) == (7, 120)


@pytest.mark.parametrize("parameter", ALL, ids=lambda each: each.name)
def test_a_default_can_be_typed(parameter: Parameter) -> None:
    """What a form shows can be saved again unchanged; only a choice may be unset."""
    default = parameter.default
    if default is None:
        assert parameter.kind is Kind.CHOICE
    else:
        assert parameter.read(parameter.write(default)) == default


def test_every_parameter_of_a_policy_is_offered_once() -> None:
    """By one of the product's rules; none is a field of two policies, and each policy is a field of a service."""
    offered = Rules(FakeReader(), group="none").parameters("create-or-comment")
    assert [each for each in ALL if each not in offered] == []
    assert len({each.name for each in ALL}) == len(ALL)
    assert {each.name: each.type for each in fields(Service) if not each.init} == {
        name: f"policies.{policy.__name__}" for name, policy in POLICIES.items()
    }
