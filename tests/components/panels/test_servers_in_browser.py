"""The panel *Mail Servers* in a browser."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.servers.dovecot import PASSWORD
from tests.servers.machine import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.chromium import Chromium, Tab
    from tests.servers.dovecot import Dovecot
    from tests.servers.tracenv import Tracd, TracEnv

PANEL = "/admin/mailintake/servers"
SECRET = "hunter2 & <more>"


def add(trac: TracEnv, name: str, *settings: str) -> None:
    """A mail server, by the command."""
    done = trac.command("mailintake", "server", "add", name, *(settings or ("host=mail.example.org",)))
    assert done.status == 0, done.err


def new(tab: Tab, **fields: str) -> Tab:
    """Fill in the form of a new mail server, and send it."""
    tab.go(PANEL).press("Add a mail server")
    return tab.fill(**fields).press("Add")


def test_a_server_is_added_and_listed(tab: Tab) -> None:
    """With the usual port when none is typed; Trac says that it was done."""
    new(tab, name="office", host="mail.example.org", username="ann", password=SECRET, description="Ours")
    assert "Mail server office added" in tab.notices
    assert tab.path == f"{PANEL}/office"
    assert tab.value("port") == "993"
    row = tab.go(PANEL).find("#mailintake-servers tbody tr").text
    for wanted in ("office", "Ours", "IMAP", "mail.example.org:993", "tls", "ann"):
        assert wanted in row


def test_a_password_never_comes_back(tab: Tab, trac: TracEnv) -> None:
    """Neither in a page nor in the table; an empty field keeps it."""
    new(tab, name="secretive", host="mail.example.org", username="ann", password=SECRET)
    for path in (PANEL, f"{PANEL}/secretive"):
        assert "hunter2" not in tab.go(path).source
    assert tab.value("password") == ""
    assert "Leave it empty to keep the present one (encrypted)" in tab.text
    before = trac.query("SELECT secret FROM mailintake_server WHERE name='secretive'")
    tab.fill(description="Changed").press("Submit changes")
    assert "saved" in tab.notices
    assert trac.query("SELECT secret FROM mailintake_server WHERE name='secretive'") == before
    assert "hunter2" not in str(before)


def test_a_password_is_not_sent_to_another_host_than_it_was_typed_for(tab: Tab, trac: TracEnv) -> None:
    """Who may change a server cannot learn its password by pointing it elsewhere."""
    add(trac, "moved", "host=mail.example.org", "password=hunter2")
    tab.go(f"{PANEL}/moved").fill(host="evil.example.net").press("Submit changes")
    assert "Type it again" in tab.error("password")
    assert tab.value("host") == "evil.example.net"
    assert trac.query("SELECT host FROM mailintake_server WHERE name='moved'") == [("mail.example.org",)]
    tab.fill(password="another").press("Submit changes")
    assert "saved" in tab.notices


def test_what_is_wrong_is_said_beside_the_field_and_what_was_typed_stays(tab: Tab) -> None:
    """All fields at once; the password has to be typed again."""
    new(tab, name="typo", host="https://mail.example.org", port="70000", timeout="soon", password=SECRET)
    assert "Nothing was saved" in tab.warnings
    assert "1 to 65535" in tab.error("port")
    assert "1 to 3600" in tab.error("timeout")
    assert (tab.value("name"), tab.value("host"), tab.value("port")) == ("typo", "https://mail.example.org", "70000")
    assert tab.value("password") == ""
    assert "hunter2" not in tab.source
    tab.fill(port="", timeout="30").press("Add")
    assert "without a scheme" in tab.error("host")
    tab.fill(host="mail.example.org").press("Add")
    assert "added" in tab.notices


@pytest.mark.parametrize("name", ["", "a/b", "<script>alert(1)</script>"])
def test_a_bad_name_is_refused_and_shown_as_text(tab: Tab, name: str) -> None:
    """Also one that would be markup."""
    new(tab, name=name, host="mail.example.org")
    assert "letters, digits" in tab.error("name")
    assert tab.value("name") == name


def test_a_server_is_removed(tab: Tab, trac: TracEnv) -> None:
    """Chosen in the list, as in Trac's own panels."""
    add(trac, "gone")
    tab.go(PANEL).tick("gone").press("Remove selected items")
    assert "Mail server gone removed" in tab.notices
    assert trac.query("SELECT name FROM mailintake_server WHERE name='gone'") == []


def test_a_server_in_use_is_not_removed(tab: Tab, trac: TracEnv) -> None:
    """The service that uses it is named."""
    add(trac, "used")
    assert trac.command("mailintake", "service", "add", "reader", "kind=imap", "server=used").status == 0
    tab.go(PANEL).tick("used").press("Remove selected items")
    assert "used by reader" in tab.warnings
    assert trac.query("SELECT name FROM mailintake_server WHERE name='used'") == [("used",)]


def test_nothing_chosen_removes_nothing(tab: Tab, trac: TracEnv) -> None:
    """And says so."""
    add(trac, "kept")
    tab.go(PANEL).press("Remove selected items")
    assert "Choose the mail servers" in tab.warnings


def test_a_connection_that_works_lists_the_folders(tab: Tab, trac: TracEnv, dovecot: Dovecot) -> None:
    """With how many mails are in each, and a link to a service for it."""
    user = dovecot.add_user()
    dovecot.deliver(user, b"Subject: 1\n\n", b"Subject: 2\n\n")
    dovecot.deliver(user, b"Subject: 3\n\n", folder="Support")
    add(
        trac,
        "works",
        *(f"host={dovecot.host}", f"port={dovecot.imaps}", f"username={user}", f"password={PASSWORD}"),
        f"ca_file={dovecot.authority}",
    )
    tab.go(f"{PANEL}/works").press("Test connection")
    assert "The connection works" in tab.notices
    rows = [row.text for row in tab.all("#mailintake-folders tbody tr")]
    assert rows == ["INBOX 2 Add a service for it", "Support 1 Add a service for it"]
    assert PASSWORD not in tab.source
    tab.hit("#mailintake-folders tbody tr:last-child a")
    assert (tab.value("server"), tab.value("folder")) == ("works", "Support")


def test_a_wrong_password_is_said_in_plain_words(tab: Tab, trac: TracEnv, dovecot: Dovecot) -> None:
    """Without saying the password."""
    user = dovecot.add_user()
    settings = (f"host={dovecot.host}", f"port={dovecot.imap}", "security=none", f"username={user}")
    add(trac, "locked", *settings, "password=hunter2")
    tab.go(PANEL).hit("button[value='locked']")
    assert "does not work" in tab.warnings
    assert "password" in tab.find("#mailintake-trouble p").text
    assert "hunter2" not in tab.source


def test_trouble_with_a_certificate_is_said_in_plain_words(tab: Tab, trac: TracEnv, dovecot: Dovecot) -> None:
    """Here an authority that this machine does not know."""
    add(trac, "untrusted", f"host={dovecot.host}", f"port={dovecot.imaps}", "username=ann", "password=x")
    tab.go(f"{PANEL}/untrusted").press("Test connection")
    assert "signed by an authority that this machine does not know" in tab.find("#mailintake-trouble").text


@pytest.fixture
def dripping() -> Iterator[int]:
    """A port whose server says a little now and then, and never comes to the point."""
    listener = socket.create_server((LOOPBACK, 0))
    over = threading.Event()

    def talk() -> None:
        line, _ = listener.accept()
        with line:
            while not over.wait(0.5):
                try:
                    line.sendall(b"*")
                except OSError:
                    return

    threading.Thread(target=talk, daemon=True).start()
    yield listener.getsockname()[1]
    over.set()
    listener.close()


def test_a_test_never_hangs(tab: Tab, trac: TracEnv, dripping: int) -> None:
    """Not even on a server that goes on and on."""
    add(trac, "endless", f"host={LOOPBACK}", f"port={dripping}", "security=none", "username=ann", "password=x")
    tab.go(f"{PANEL}/endless").press("Test connection")
    assert "too slow" in tab.find("#mailintake-trouble").text


def test_who_may_only_look_sees_the_list_and_no_form(chromium: Chromium, tracd: Tracd, trac: TracEnv) -> None:
    """The server's page, and every POST, are for administrators."""
    add(trac, "seen")
    tab = chromium.visit(tracd, "viewer").go(PANEL)
    assert "seen" in tab.text
    assert tab.all("#tabcontent input:not([type=hidden]), #tabcontent button") == []
    visitor = tracd.visitor("viewer")
    assert visitor.get(f"{PANEL}/seen").status == 403
    assert visitor.get(f"{PANEL}?action=new").status == 403
    for fields in ({"sel": "seen", "remove": "1"}, {"name": "mine", "host": "h"}, {"test": "seen"}):
        assert visitor.post(PANEL, fields).status == 403
    assert trac.query("SELECT name FROM mailintake_server WHERE name='seen'") == [("seen",)]


def test_others_find_no_panel(tracd: Tracd) -> None:
    """As of all panels that one may not see."""
    assert tracd.visitor("other").get(PANEL).status == 404
    assert tracd.visitor("other").post(PANEL, {"name": "mine", "host": "h"}).status in (403, 404)


def test_a_form_without_its_token_is_refused(tracd: Tracd, trac: TracEnv) -> None:
    """So that no other site can send it."""
    add(trac, "guarded")
    visitor = tracd.visitor("admin")
    for path, fields in ((PANEL, {"sel": "guarded", "remove": "1"}), (f"{PANEL}/guarded", {"host": "evil"})):
        assert visitor.post(path, {"__FORM_TOKEN": "guessed", **fields}).status == 400
    assert trac.query("SELECT host FROM mailintake_server WHERE name='guarded'") == [("mail.example.org",)]


def test_a_server_that_is_not_there_is_not_found(tracd: Tracd) -> None:
    """And no error of ours."""
    assert tracd.visitor("admin").get(f"{PANEL}/nowhere").status == 404
