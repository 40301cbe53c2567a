"""A password that an administrator typed shows nowhere: pages, logs, commands, the list of processes, the database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.servers.dovecot import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.chromium import Chromium, Tab
    from tests.servers.dovecot import Dovecot
    from tests.servers.tracenv import Tracd, TracEnv

WRONG = "wr0ng-but-secret"
SECRETS = (PASSWORD, WRONG)
PAGES = (
    "/admin/mailintake/servers",
    "/admin/mailintake/servers/right",
    "/admin/mailintake/servers/mistaken",
    "/admin/mailintake/services",
    "/admin/mailintake/services/reader",
    "/admin/mailintake/journal",
    "/admin/mailintake/try",
    "/about",
    "/about/config",
    "/admin/general/plugin",
)


@pytest.fixture(scope="module")
def _intake(site: tuple[TracEnv, Tracd], chromium: Chromium, dovecot: Dovecot) -> None:
    """Two mail servers, one with a wrong password, typed in the browser, tested and used; Trac logs all SQL."""
    trac, tracd = site
    trac.set(("trac", "debug_sql", "true"))
    tab = chromium.visit(tracd, "admin")
    user = dovecot.add_user()
    dovecot.deliver(user, b"From: a@example.net\nSubject: x\nMessage-ID: <1@example.net>\n\nx\n")
    for name, password in (("right", PASSWORD), ("mistaken", WRONG)):
        tab.go("/admin/mailintake/servers?action=new")
        tab.fill(name=name, host=dovecot.host, port=str(dovecot.imap), security="none", username=user)
        tab.fill(password=password).press("Add").press("Test connection")
    tab.go("/admin/mailintake/services?action=new&kind=imap").fill(name="reader", server="right").press("Add")
    tab.press("Run now")
    assert "reader: 1" in tab.notices + tab.warnings


def everything(tab: Tab, trac: TracEnv, tracd: Tracd) -> Iterator[tuple[str, str]]:
    """Places where a secret might show, with what is there."""
    for page in PAGES:
        yield page, tab.go(page).source
    for words in (("server", "list", "--json"), ("service", "list", "--json"), ("run", "reader", "--force", "--trace")):
        done = trac.admin("mailintake", *words)
        yield " ".join(words), done.out + done.err
    for name in ("right", "mistaken"):
        done = trac.admin("mailintake", "server", "test", name, "--trace")
        yield f"server test {name}", done.out + done.err
    for log in (trac.path / "log").iterdir():
        yield log.name, log.read_text(encoding="utf-8", errors="replace")
    for table in ("mailintake_server", "mailintake_service", "mailintake_delivery", "session_attribute"):
        yield table, str(trac.query(f"SELECT * FROM {table}"))
    yield "trac.ini", (trac.path / "conf" / "trac.ini").read_text(encoding="utf-8")
    for name in ("cmdline", "environ"):
        yield name, Path(f"/proc/{tracd._process.pid}/{name}").read_bytes().decode("utf-8", "replace")


@pytest.mark.usefixtures("_intake")
def test_no_secret_shows_anywhere(tab: Tab, trac: TracEnv, tracd: Tracd) -> None:
    """Grepped for, where everything that could have said it has spoken."""
    seen = dict(everything(tab, trac, tracd))
    assert "LOGIN" in seen["server test right"].upper()
    assert "INSERT INTO mailintake_server" in seen["trac.log"]
    assert [place for place, text in seen.items() for secret in SECRETS if secret in text] == []


@pytest.mark.usefixtures("_intake")
def test_a_secret_in_a_file_or_a_variable_stays_there(tab: Tab, trac: TracEnv, tmp_path: Path) -> None:
    """The page says where it is, and not what."""
    path = Path(tmp_path) / "password"
    path.write_text(f"{PASSWORD}\n", encoding="utf-8")
    tab.go("/admin/mailintake/servers/right").fill(password=f"file:{path}").press("Submit changes")
    tab.press("Test connection")
    assert "The connection works" in tab.notices
    assert f"file:{path}" in tab.text
    assert PASSWORD not in tab.source + trac.log()
