"""The form of a service has the fields that its kind and its handler mean, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trac.web.api import _RequestArgs

from trac_mailintake.bootstrap import settings_of
from trac_mailintake.components.panels.services.form import Choice, ServiceForm

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv
    from trac_mailintake.components.panels.form import Field

KINDS = ("imap", "pop3", "maildir", "mbox", "directory", "pipe")


class Sent:
    """A request with these fields."""

    def __init__(self, **sent: str) -> None:
        self.args = _RequestArgs(sent)


@pytest.fixture(scope="module")
def trac(shared_env: TracEnv) -> TracEnv:
    """Two mail servers of different protocols, and a field of our own."""
    shared_env.set(("ticket-custom", "floor", "select"), ("ticket-custom", "floor.options", "ground|first"))
    made = settings_of(shared_env.env)
    made.servers.add("post", {"protocol": "imap", "host": "mail.example.org"})
    made.servers.add("old", {"protocol": "pop3", "host": "mail.example.org"})
    return shared_env


def form(trac: TracEnv, kind: str, handler: str = "create-or-comment") -> ServiceForm:
    """A form for that kind."""
    settings = settings_of(trac.env)
    return ServiceForm(trac.env, settings, Choice(settings.rules.kinds[kind], handler))


def shown(made: ServiceForm, **values: str) -> dict[str, Field]:
    """Its fields by name."""
    return {field.name: field for _, fields in made.groups(values, {}) for field in fields}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_its_place_and_its_rounds(trac: TracEnv, kind: str) -> None:
    """A server and a folder, or a path, or neither; what is handed over has no rounds."""
    made = form(trac, kind)
    names = set(shown(made))
    place = {"imap": {"server", "folder"}, "pop3": {"server", "folder"}, "pipe": set()}.get(kind, {"path"})
    assert names & {"server", "folder", "path"} == place
    assert ({"delay", "start", "overdue"} <= names) is (kind != "pipe")
    assert ("afterwards" in names) is bool(made.choice.kind.afterwards)
    assert len(names) == sum(len(fields) for _, fields in made.groups({}, {})), "no field is there twice"


def test_only_servers_of_the_protocol_are_offered(trac: TracEnv) -> None:
    """And no folder to move to where there is none."""
    assert [value for value, _ in shown(form(trac, "imap"))["server"].choices] == ["", "post"]
    pop = shown(form(trac, "pop3"))
    assert [value for value, _ in pop["server"].choices] == ["", "old"]
    assert "move_to" not in pop
    assert "move_to" in shown(form(trac, "imap"))


def test_a_folder_that_is_moved_to_is_a_field_of_its_own(trac: TracEnv) -> None:
    """Both are one setting."""
    fields = shown(form(trac, "maildir"), afterwards="move:Done")
    assert (fields["afterwards"].value, fields["move_to"].value) == ("move", "Done")
    made = form(trac, "maildir")
    for folder, wrong in (("Done", False), (" ", True)):
        found = made.typed(Sent(afterwards="move", move_to=folder, path="/mail"))
        assert found["afterwards"] == f"move:{folder.strip()}"
        assert ("afterwards" in made.check(found)) is wrong


def test_the_start_is_a_date_only_where_mail_has_one(trac: TracEnv) -> None:
    """Otherwise all or now."""
    dated = {kind: shown(form(trac, kind))["start"].control for kind in ("imap", "pop3", "maildir")}
    assert dated["imap"] == "text"
    assert dated["pop3"] == "select"


def test_presets_are_fields_of_tickets_and_own_ones_too(trac: TracEnv) -> None:
    """Each with the values that it can have."""
    groups = dict(form(trac, "maildir").groups({}, {}))
    presets = {field.name: field for field in groups["Presets for new tickets"]}
    assert {"priority", "component", "floor"} <= set(presets)
    assert [value for value, _ in presets["floor"].choices] == ["", "ground", "first"]
    assert "stripquotes" in {field.name for field in groups["What becomes of it"]}
    assert "bulk" in {field.name for field in groups["Which mail is taken"]}


def test_only_what_differs_is_saved_with_kind_and_handler(trac: TracEnv) -> None:
    """For a new service; for another kind of the same one only the kind."""
    made = form(trac, "maildir")
    found = made.typed(Sent(path="/mail", enabled="on", afterwards="delete"))
    given = made.given(found, {})
    assert (given["kind"], given["handler"], given["path"]) == ("maildir", "create-or-comment", "/mail")
    assert "delay" not in given
    again = made.given(found, {"kind": "maildir", "handler": "create", "path": "/mail"})
    assert ("kind" in again, again["handler"], "path" in again) == (False, "create-or-comment", False)
