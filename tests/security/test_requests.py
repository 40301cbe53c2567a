"""Every action of every panel: who may, and that no other site can make somebody's browser do it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import pytest
from trac.admin.api import IAdminPanelProvider
from trac.core import ComponentMeta
from trac.web.api import IRequestFilter, IRequestHandler

from tests.components.mails import Mailbox, mail
from tests.servers.tracenv import TracEnv
from trac_mailintake.components.web_ui import Panel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.servers.tracenv import Tracd

PANELS = "/admin/mailintake"
TEMPLATES = Path(__file__).parents[2] / "templates"
BUTTON = re.compile(r'<(?:input|button) type="submit" name="(\w+)"')
TABLES = (
    "mailintake_server",
    "mailintake_service",
    "mailintake_delivery",
    "mailintake_outbox",
    "ticket",
    "ticket_change",
    "permission",
)

Action = tuple[str, dict[str, str]]
"""Where a form is sent, and what is in it."""

ACTIONS: Final[Mapping[str, tuple[Action, ...]]] = {
    "servers": (
        ("", {"name": "other", "host": "mail.example.net", "save": "Add"}),
        ("/first", {"host": "evil.example", "save": "Submit changes"}),
        ("/first", {"host": "evil.example"}),
        ("/first", {}),
        ("/first", {"test": "1"}),
        ("", {"test": "first"}),
        ("", {"sel": "first", "remove": "1"}),
        ("", {"cancel": "1"}),
    ),
    "services": (
        ("", {"kind": "pipe", "handler": "create", "name": "other", "save": "Add"}),
        ("/piped", {"kind": "pipe", "handler": "create-or-comment", "block": "", "save": "1"}),
        ("/piped", {}),
        ("", {"sel": "support", "disable": "1"}),
        ("", {"sel": "support", "enable": "1"}),
        ("", {"sel": "piped", "remove": "1"}),
        ("", {"run": "support"}),
        ("", {"flush": "1"}),
        ("", {"cancel": "1"}),
    ),
    "journal": (
        ("/1", {"retry": "1"}),
        ("/1", {"release_new": "1"}),
        ("/1", {"release": "1", "to_ticket": "1"}),
        ("/1", {"discard": "1"}),
        ("", {"sel": "1", "discard": "1"}),
        ("", {"sel": "1", "release_new": "1"}),
    ),
    "try": (("", {"service": "support", "mail": "From: a@example.net\n\nHello\n"}),),
    "status": (("", {"service": "support"}),),
}
EACH = [(panel, *action) for panel, actions in ACTIONS.items() for action in actions]
OPEN_TO_VIEWERS = ("try",)
"""Panels whose POST changes nothing, and so is for whoever may look."""
WITHOUT_FORMS = ("status",)
"""Panels that have no POST at all."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TracEnv, Tracd]]:
    """A server, two services, and a held mail: what could be changed. One more mail waits."""
    folder = tmp_path_factory.mktemp("requests")
    trac = TracEnv.create(folder / "env")
    trac.grant("keeper", "MAILINTAKE_ADMIN")
    trac.grant("viewer", "MAILINTAKE_VIEW")
    trac.command("ticket", "list")
    mailbox = Mailbox(trac, folder / "maildir")
    assert mailbox.add_service().status == 0
    mailbox.put(mail())
    mailbox.run()
    mailbox.put(mail(2))
    trac.command("mailintake", "server", "add", "first", "host=127.0.0.1", "port=9", "username=ann", "password=x")
    settings = ("kind=pipe", "require_auth=true", "authserv_ids=mx.example.org", "block=evil.example")
    trac.command("mailintake", "service", "add", "piped", *settings)
    try:
        with trac.serve("keeper", "viewer", "other") as tracd:
            yield trac, tracd
    finally:
        trac.close()


def state(trac: TracEnv) -> dict[str, object]:
    """Everything that an action could change."""
    return {table: trac.query(f"SELECT * FROM {table} ORDER BY 1") for table in TABLES}


def buttons() -> set[str]:
    """The names of all buttons in our pages that send a form with effect."""
    return {name for page in TEMPLATES.glob("mailintake_*.html") for name in BUTTON.findall(page.read_text("utf-8"))}


def test_no_action_is_forgotten_here() -> None:
    """A panel or a button that is not in this module's table fails."""
    assert {panel.page for panel in Panel.__subclasses__()} == set(ACTIONS)
    tried = {name for _, _, fields in EACH for name in fields}
    assert {"save", "remove", "run", "retry", "discard"} <= buttons()
    assert buttons() - tried == set()


def ours(interface: type) -> set[str]:
    """The components of ours that have an interface of Trac's."""
    registered = ComponentMeta._registry.get(interface, [])
    return {cls.__name__ for cls in registered if cls.__module__.startswith("trac_mailintake")}


@pytest.mark.usefixtures("site")
def test_panels_are_the_only_pages() -> None:
    """No request handler of ours answers besides Trac's administration, and the filters are those that are known."""
    assert ours(IAdminPanelProvider)
    assert ours(IRequestHandler) == set()
    assert ours(IRequestFilter) <= {"TicketMails", "DeadMan"}


DISGUISES: Final[Mapping[str, tuple[str, bool]]] = {
    "a form without a token": ("application/x-www-form-urlencoded", False),
    "a form with a wrong token": ("application/x-www-form-urlencoded", True),
    "a form in parts": ("multipart/form-data; boundary=b", False),
    "plain text": ("text/plain", False),
    "plain text with a form's name": ("text/plain; x=application/x-www-form-urlencoded", False),
    "json": ("application/json", True),
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_no_other_site_can_act_for_a_visitor(site: tuple[TracEnv, Tracd], disguise: str) -> None:
    """Every POST without the token is refused, whatever its type: a POST of another type is an empty form to Trac."""
    trac, tracd = site
    visitor = tracd.visitor("keeper")
    content_type, wrong = DISGUISES[disguise]
    before = state(trac)
    for panel, path, fields in EACH:
        form = {**fields, "__FORM_TOKEN": "guessed"} if wrong else {**fields, "x": "1"}
        body = urlencode(form)
        if "multipart" in content_type:
            parts = [f'--b\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in form.items()]
            body = "".join([*parts, "--b--\r\n"])
        address = f"{PANELS}/{panel}{path}?{urlencode(fields)}"
        answer = visitor.ask("POST", address, headers={"Content-Type": content_type}, body=body)
        assert answer.status == 400, (panel, path, fields)
    assert state(trac) == before


def test_looking_changes_nothing(site: tuple[TracEnv, Tracd]) -> None:
    """No GET and no HEAD acts, whatever stands in its address."""
    trac, tracd = site
    visitor = tracd.visitor("keeper")
    before = state(trac)
    for method in ("GET", "HEAD"):
        for panel, path, fields in EACH:
            query = urlencode({**fields, "__FORM_TOKEN": visitor.cookies.get("trac_form_token", "")})
            answer = visitor.ask(method, f"{PANELS}/{panel}{path}?{query}")
            assert answer.status in (200, 404), (method, panel, path, answer.status)
    assert state(trac) == before


@pytest.mark.parametrize("user", ["viewer", "other", ""])
def test_every_action_needs_its_permission(site: tuple[TracEnv, Tracd], user: str) -> None:
    """MAILINTAKE_ADMIN for all that changes something; without MAILINTAKE_VIEW nothing is there."""
    trac, tracd = site
    visitor = tracd.visitor(user)
    visitor.get("/prefs")
    before = state(trac)
    for panel, path, fields in EACH:
        answer = visitor.post(f"{PANELS}/{panel}{path}", fields)
        if user == "viewer" and panel in OPEN_TO_VIEWERS:
            assert answer.status == 200
        elif user == "viewer" and panel in WITHOUT_FORMS:
            assert answer.status in (200, 403, 404)
        else:
            assert answer.status in ((403,) if user == "viewer" else (403, 404)), (panel, path, fields)
    assert state(trac) == before


def test_every_page_needs_its_permission(site: tuple[TracEnv, Tracd]) -> None:
    """Viewers see lists and mails, and no form for a server or a service; others see nothing."""
    _, tracd = site
    lists = [f"{PANELS}/{panel}" for panel in ACTIONS]
    mails = [f"{PANELS}/journal/1", f"{PANELS}/journal/1/raw"]
    forms = [f"{PANELS}/servers/first", f"{PANELS}/services/piped"]
    forms += [f"{PANELS}/{panel}?action=new&kind=pipe" for panel in ("servers", "services")]
    for user, seen in (
        ("keeper", {*lists, *mails, *forms}),
        ("viewer", {*lists, *mails}),
        ("other", set()),
        ("", set()),
    ):
        visitor = tracd.visitor(user)
        for page in (*lists, *mails, *forms):
            status = visitor.get(page).status
            assert status == 200 if page in seen else status in (403, 404), (user, page, status)


def test_these_actions_work_for_who_may(site: tuple[TracEnv, Tracd]) -> None:
    """So that the tests before would tell. The last one, as it changes what they look at."""
    trac, tracd = site
    visitor = tracd.visitor("keeper")
    trac.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
    changed = 0
    for panel, path, fields in EACH:
        before = state(trac)
        answer = visitor.post(f"{PANELS}/{panel}{path}", fields)
        assert answer.status != 400, (panel, path, fields)
        if panel not in WITHOUT_FORMS:
            assert answer.status in (200, 303, 404), (panel, path, answer.status)
        changed += state(trac) != before
    assert changed > 6
