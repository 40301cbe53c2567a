"""The panel *Services*, without a browser; `test_in_browser.py` has what a person sees and does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox, mail
from tests.servers.forms import Form
from tests.servers.wsgi import Reader, query
from trac_mailintake.bootstrap import settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import Page, TracEnv

PANEL = "/admin/mailintake/services"


@pytest.fixture
def admin(sqlite_env: TracEnv) -> Reader:
    """Who may do everything."""
    sqlite_env.grant("admin", "TRAC_ADMIN")
    return Reader(sqlite_env, "admin")


@pytest.fixture
def support(sqlite_env: TracEnv, tmp_path: Path) -> Mailbox:
    """A service on a Maildir."""
    made = Mailbox(sqlite_env, tmp_path / "maildir")
    assert made.add_service("delay=7", "bulk=hold").status == 0
    return made


def new(kind: str = "maildir", handler: str = "create-or-comment") -> str:
    """Where the form of a new service is."""
    return query(PANEL, action="new", kind=kind, handler=handler)


def send(reader: Reader, page: str, to: str = PANEL, **typed: str) -> Page:
    """Fill in a form as a browser has it, and send it."""
    return reader.post(to, {**Form(reader.get(page).text, "mailintake-service").fields, **typed})


def pressed(reader: Reader, **fields: str) -> str:
    """What the list says after a button of it."""
    assert reader.post(PANEL, fields).status == 303
    return reader.get(PANEL).text


def stored(trac: TracEnv, name: str) -> dict[str, str]:
    """The settings of a service that differ from the defaults."""
    return settings_of(trac.env).services.typed(name)


def test_a_service_is_added_by_its_form(admin: Reader, sqlite_env: TracEnv, tmp_path: Path) -> None:
    """And it is said how much waits, and what becomes of strangers' mail."""
    mailbox = Mailbox(sqlite_env, tmp_path / "maildir")
    mailbox.put(mail(1))
    sent = send(admin, new(), name="support", path=str(mailbox.folder), bulk="hold", afterwards="move", move_to="Done")
    assert sent.status == 303, sent.text
    said = admin.get(PANEL).text
    for wanted in ("Service support added.", "1 mail waits in the mailbox", "Mail from strangers will be held"):
        assert wanted in said
    found = stored(sqlite_env, "support")
    assert (found["afterwards"], found["bulk"]) == ("move:Done", "hold")
    assert "delay" not in found or found["delay"] == "1"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": ""}, "not allowed"),
        ({"name": "a b/c"}, "not allowed"),
        ({"path": ""}, "Missing"),
        ({"delay": "often"}, "often: not allowed"),
        ({"afterwards": "move", "move_to": ""}, "Missing: the folder to move it to."),
        ({"forward": "nobody"}, "nobody: not allowed"),
        ({"reporterusername": "unknown"}, "unknown: not allowed"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(admin: Reader, typed: dict[str, str], said: str) -> None:
    """Nothing is saved; what was typed stays."""
    page = send(admin, new(), **{"name": "support", "path": "/mail", "description": "Ours", **typed})
    assert page.status == 200
    assert "Nothing was saved" in page.text
    if typed.get("name") != "":
        assert said in page.text
    assert 'value="Ours"' in page.text
    assert "support" not in admin.get(PANEL).text.partition("mailintake-services")[2].partition("</form>")[0]


def test_a_service_is_changed_and_keeps_the_rest(admin: Reader, support: Mailbox) -> None:
    """What is emptied has its default again."""
    page = send(admin, f"{PANEL}/support", f"{PANEL}/support", description="Ours", delay="")
    assert page.status == 303, page.text
    found = stored(support.trac, "support")
    assert (found["description"], found["bulk"]) == ("Ours", "hold")
    assert settings_of(support.trac.env).services.get("support").delay == 1
    assert "Service support saved." in admin.get(PANEL).text


def test_services_are_switched_run_and_removed(admin: Reader, support: Mailbox) -> None:
    """By the buttons of the list; each says what it did."""
    support.put(mail(1))
    assert "Choose services first." in pressed(admin, disable="1")
    assert "support runs no more" in pressed(admin, disable="1", sel="support")
    assert "enable it first" in pressed(admin, run="support")
    assert "support runs from now on" in pressed(admin, enable="1", sel="support")
    assert "support: 1 held." in pressed(admin, run="support")
    assert "support: nothing was changed" in pressed(admin, remove="1", sel="support")
    support.trac.command("mailintake", "held", "discard", "1")
    assert "Service support removed" in pressed(admin, remove="1", sel="support")
    assert "nothing was changed" in pressed(admin, enable="1", sel="support")


def test_the_queue_is_sent_by_a_button(admin: Reader, support: Mailbox) -> None:
    """It says how much waits."""
    assert support.trac.query("SELECT COUNT(*) FROM mailintake_outbox") == [(0,)]
    assert "Mail queue: 0 sent, 0 waiting." in pressed(admin, flush="1")


def test_leaving_the_form_changes_nothing(admin: Reader, support: Mailbox) -> None:
    """Whatever was typed."""
    page = send(admin, f"{PANEL}/support", f"{PANEL}/support", description="Ours", cancel="1")
    assert page.status == 303
    assert "description" not in {name for name, value in stored(support.trac, "support").items() if value}


@pytest.mark.parametrize("path", ["/unknown", new("unknown").removeprefix(PANEL), new(handler="x").removeprefix(PANEL)])
def test_what_there_is_not_is_not_found(admin: Reader, path: str) -> None:
    """Neither a service, nor a kind, nor a handler."""
    assert admin.get(PANEL + path).status == 404
    assert admin.post(f"{PANEL}/unknown", {"description": "x"}).status == 404


def test_viewers_see_the_list_and_no_form(admin: Reader, support: Mailbox) -> None:
    """Nothing of theirs changes anything."""
    support.trac.grant("viewer", "MAILINTAKE_VIEW")
    viewer = Reader(support.trac, "viewer")
    text = viewer.get(PANEL).text
    assert "support" in text
    assert "mailintake-add" not in text
    assert "mailintake-add" in admin.get(PANEL).text
    assert viewer.get(f"{PANEL}/support").status == 403
    assert viewer.post(PANEL, {"remove": "1", "sel": "support"}).status == 403
