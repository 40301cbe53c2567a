"""What a form sends of selects that nobody touched, as a ticket that came by mail gets it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from selenium.webdriver.common.by import By
from trac.ticket.model import Milestone, Ticket
from trac.util.datefmt import datetime_now, utc

from tests.rig import Rig, mail
from tests.servers.chromium import Chromium
from tests.servers.forms import Form
from tests.servers.required import running
from trac_mailintake.tracker.trac_calls.form_selects import first_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.servers.tracenv import Tracd, TracEnv, Visitor

SELECTS: Final = ("type", "priority", "component", "milestone", "version", "severity")
OPTIONS: Final = st.lists(st.sampled_from(("", "one", "two words", "ä&<b>", "0")), min_size=1, max_size=4, unique=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: TracEnv) -> Iterator[tuple[Rig, Tracd]]:
    """A fresh Trac, where strangers may write; it is served."""
    folder = tmp_path_factory.mktemp("selects")
    with closing(_sqlite_template.copied(folder / "env")) as trac:
        trac.grant("boss", "TICKET_ADMIN")
        rig = Rig(trac, folder, rate_sender="0", rate_service="0")
        with trac.serve("boss") as tracd:
            done = Milestone(trac.env, "milestone1")
            done.completed = datetime_now(utc)
            done.update()
            yield rig, tracd


def filed(rig: Rig) -> Ticket:
    """The ticket that a stranger's mail becomes."""
    rig.drop(mail("By mail"))
    rig.run()
    assert rig.outcomes[-1] == ("created", "new")
    return rig.trac.tickets()[-1]


def changes(rig: Rig, visitor: Visitor, ticket: int) -> list[tuple[object, ...]]:
    """What Trac says has changed when somebody has only commented."""
    answer = Form(visitor.get(f"/ticket/{ticket}").text, "propertyform").send(
        visitor, f"/ticket/{ticket}", comment="Thanks.", submit="Submit changes"
    )
    assert answer.status == 303
    return rig.trac.query("SELECT field FROM ticket_change WHERE ticket=%s", ticket)


def typed(rig: Rig, visitor: Visitor) -> Ticket:
    """The ticket that somebody makes in Trac's form, and types a summary only."""
    page = visitor.get("/newticket").text
    Form(page, "propertyform").send(visitor, "/newticket", field_summary="Typed", submit="Create ticket")
    return rig.trac.tickets()[-1]


def values(ticket: Ticket, names: tuple[str, ...]) -> Mapping[str, str]:
    """Those of some fields; None is empty."""
    return {name: ticket[name] or "" for name in names}


def test_on_a_fresh_trac_a_comment_sets_neither_component_nor_owner(site: tuple[Rig, Tracd]) -> None:
    """A mail's ticket has what the form would have sent, and the component's owner."""
    rig, tracd = site
    ticket, boss = filed(rig), tracd.visitor("boss")
    assert (ticket["component"], ticket["owner"]) == ("component1", "somebody")
    assert changes(rig, boss, ticket.id) == [("comment",)]
    native = typed(rig, boss)
    assert values(native, (*SELECTS, "owner")) == values(ticket, (*SELECTS, "owner"))


def test_a_preset_counts_more(site: tuple[Rig, Tracd]) -> None:
    """Also than the owner of the first component."""
    rig, tracd = site
    rig.set(component="component2", milestone="milestone2")
    ticket = filed(rig)
    rig.set(component="", milestone="")
    assert values(ticket, ("component", "milestone", "version")) == {
        "component": "component2",
        "milestone": "milestone2",
        "version": "",
    }
    assert changes(rig, tracd.visitor("boss"), ticket.id) == [("comment",)]


@given(
    options=OPTIONS,
    value=st.sampled_from(("", "one", "gone")),
    kind=st.sampled_from(("select", "radio")),
    default=st.sampled_from(("", "component2", "gone")),
    empty=st.sets(st.sampled_from(SELECTS)),
)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_fields_there_are_a_ticket_is_as_from_the_form(
    site: tuple[Rig, Tracd], options: list[str], value: str, kind: str, default: str, empty: set[str]
) -> None:
    """Custom fields with and without an empty option, defaults that are gone, standard fields that may be empty."""
    rig, tracd = site
    rig.trac.set(
        ("ticket-custom", "flavour", kind),
        ("ticket-custom", "flavour.options", "|".join(options)),
        ("ticket-custom", "flavour.value", value),
        ("ticket", "default_component", default),
        ("ticket", "allowed_empty_fields", ",".join(sorted(empty))),
    )
    rig.trac.reopen()
    boss = tracd.visitor("boss")
    native, ticket = typed(rig, boss), filed(rig)
    names = (*SELECTS, "owner", *(["flavour"] if kind == "select" else []))
    assert values(ticket, names) == values(native, names)
    assert changes(rig, boss, ticket.id) == [("comment",)]


def test_what_the_form_has_elsewhere_is_left_alone(sqlite_env: TracEnv) -> None:
    """An owner is none of these, also where it is chosen from a list; nor is a field that has a default."""
    sqlite_env.set(("ticket", "restrict_owner", "true"))
    env = sqlite_env.reopen()
    assert first_options(env, Ticket(env)) == {"component": "component1"}
    sqlite_env.set(("ticket", "default_component", "component2"), ("ticket", "default_priority", ""))
    env = sqlite_env.reopen()
    assert first_options(env, Ticket(env)) == {"priority": "blocker"}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """A real browser."""
    with running(Chromium()) as browser:
        yield browser


def test_a_browser_finds_nothing_to_change(site: tuple[Rig, Tracd], chromium: Chromium) -> None:
    """Chromium shows the mail's ticket, somebody comments, and the history has nothing but the comment."""
    rig, tracd = site
    ticket = filed(rig)
    tab = chromium.visit(tracd, "boss")
    tab.go(f"/ticket/{ticket.id}")
    shown = tab.driver.execute_script(
        "return Object.fromEntries([...document.querySelectorAll('#properties select')].map(e => [e.name, e.value]))"
    )
    assert {name.removeprefix("field_"): value for name, value in shown.items()} == values(
        ticket, tuple(name.removeprefix("field_") for name in shown)
    )
    assert shown["field_component"]
    tab.driver.find_element(By.ID, "comment").send_keys("Thanks.")
    tab.driver.find_element(By.CSS_SELECTOR, "#propertyform input[name=submit]").click()
    assert "Thanks." in tab.text
    assert rig.trac.query("SELECT field FROM ticket_change WHERE ticket=%s", ticket.id) == [("comment",)]
