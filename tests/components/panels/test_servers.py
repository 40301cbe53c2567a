"""The panel *Mail Servers*, without a browser; `test_servers_in_browser.py` has what a person sees and does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.forms import Form
from tests.servers.machine import LOOPBACK, free_port
from tests.servers.wsgi import Reader, query
from trac_mailintake.bootstrap import settings_of
from trac_mailintake.tracker.config.servers import Servers

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv

PANEL = "/admin/mailintake/servers"
SERVER = {"host": "mail.example.org", "username": "ann", "password": "geheim"}


@pytest.fixture
def trac(shared_env: TracEnv) -> TracEnv:
    """One server, `main`, and nobody's service."""
    if not shared_env.query("SELECT username FROM permission WHERE username='admin'"):
        shared_env.grant("admin", "TRAC_ADMIN")
    with shared_env.env.db_transaction as db:
        db("DELETE FROM mailintake_service")
        db("DELETE FROM mailintake_server")
    Servers(shared_env.env).add("main", SERVER)
    return shared_env


@pytest.fixture
def admin(trac: TracEnv) -> Reader:
    """Who may do everything."""
    return Reader(trac, "admin")


def form(reader: Reader, path: str) -> Form:
    """The form of a server."""
    return Form(reader.get(path).text, "mailintake-server")


def names(trac: TracEnv) -> list[str]:
    """The servers that there are."""
    return [server.name for server in Servers(trac.env).all()]


def test_servers_are_listed_with_the_services_that_use_them(trac: TracEnv, admin: Reader) -> None:
    """No password is."""
    settings_of(trac.env).services.add("support", {"kind": "imap", "server": "main"})
    page = admin.get(PANEL)
    assert page.status == 200
    for wanted in ("main", "mail.example.org", "support"):
        assert wanted in page.text
    assert "geheim" not in page.text


def test_a_server_is_added_by_its_form(trac: TracEnv, admin: Reader) -> None:
    """And leads to its own page, where it can be tested."""
    sent = form(admin, query(PANEL, action="new")).send(admin, PANEL, name="second", **SERVER)
    assert (sent.status, sent.headers["Location"].rpartition("/")[2]) == (303, "second")
    assert "Mail server second added. Test the connection now." in admin.get(f"{PANEL}/second").text
    assert Servers(trac.env).get("second").port == 993


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": "second", "host": ""}, "Missing"),
        ({"name": "second", "port": "no"}, "no: not allowed"),
        ({"name": "main"}, "main: not allowed"),
        ({"name": "<b>"}, "&lt;b&gt;: not allowed"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_saved(
    trac: TracEnv, admin: Reader, typed: dict[str, str], said: str
) -> None:
    """What was typed is still there, but for the password."""
    page = form(admin, query(PANEL, action="new")).send(admin, PANEL, **{**SERVER, "description": "Ours", **typed})
    assert page.status == 200
    assert "Nothing was saved" in page.text
    assert said in page.text
    assert 'value="Ours"' in page.text
    assert "geheim" not in page.text
    assert names(trac) == ["main"]


@pytest.mark.parametrize(
    ("typed", "saved"),
    [
        ({"description": "Ours"}, True),
        ({"timeout": "20", "port": ""}, True),
        ({"host": "evil.example.org"}, False),
        ({"security": "none"}, False),
        ({"host": "other.example.org", "password": "again"}, True),
    ],
)
def test_a_password_goes_no_other_way_than_it_was_typed_for(
    trac: TracEnv, admin: Reader, typed: dict[str, str], *, saved: bool
) -> None:
    """An empty field keeps it, unless it would be sent to somebody else."""
    page = form(admin, f"{PANEL}/main").send(admin, f"{PANEL}/main", **typed)
    servers = Servers(trac.env)
    assert page.status == (303 if saved else 200)
    assert ("Type it again" in page.text) is not saved
    assert servers.password(servers.get("main")) == typed.get("password", "geheim")
    assert (servers.get("main").host == typed.get("host", SERVER["host"])) is (saved or "host" not in typed)


def test_servers_are_removed_unless_a_service_uses_them(trac: TracEnv, admin: Reader) -> None:
    """It is said which; and that none was chosen."""
    settings_of(trac.env).services.add("support", {"kind": "imap", "server": "main"})
    Servers(trac.env).add("spare", SERVER)
    for chosen, said in (
        ({}, "Choose the mail servers"),
        ({"sel": "main"}, "main was not removed"),
        ({"sel": "spare"}, "spare removed"),
    ):
        assert admin.post(PANEL, {"remove": "1", **chosen}).status == 303
        assert said in admin.get(PANEL).text
    assert names(trac) == ["main"]


def test_leaving_a_form_changes_nothing(trac: TracEnv, admin: Reader) -> None:
    """Whatever was typed."""
    sent = form(admin, f"{PANEL}/main").send(admin, f"{PANEL}/main", host="other.example.org", password="x", cancel="1")
    assert sent.status == 303
    assert Servers(trac.env).get("main").host == SERVER["host"]


def test_a_server_that_does_not_answer_is_said(trac: TracEnv, admin: Reader) -> None:
    """On its own page and from the list, with what was typed at the prompt kept secret."""
    Servers(trac.env).set("main", {"host": LOOPBACK, "port": str(free_port()), "timeout": "3", "password": "geheim"})
    for path, fields in ((f"{PANEL}/main", {"test": "1"}), (PANEL, {"test": "main"})):
        page = admin.post(path, fields)
        assert page.status == 200
        assert "The connection does not work." in page.text
        assert "geheim" not in page.text


@pytest.mark.parametrize("path", ["/nobody", "/main/deeper"])
def test_what_there_is_not_is_not_found(admin: Reader, path: str) -> None:
    """By GET and by POST."""
    assert admin.get(PANEL + path).status == 404
    assert admin.post(PANEL + path, {"host": "x"}).status == 404
    assert admin.post(PANEL, {"test": "nobody"}).status == 404
