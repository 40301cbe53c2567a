"""Nothing of a mail runs in Trac's pages, nor makes the browser ask anybody else for anything."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.components.mails import Mailbox

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.chromium import Tab
    from tests.servers.tracenv import Tracd, TracEnv

RUN = "window.ran = true"
PAYLOADS = (
    f"<script>{RUN}</script>",
    f'<img src=x onerror="{RUN}">',
    f'"><svg onload="{RUN}">',
    "<iframe src=http://evil.example.net/></iframe>",
    f"{{{{{{\n#!html\n<script>{RUN}</script>\n}}}}}}",
    f"{{{{{{\n#!div onclick='{RUN}'\n}}}}}}",
    f"[[Html(<script>{RUN}</script>)]]",
    "[[Image(http://evil.example.net/seen.png)]]",
    f"[javascript:{RUN} here]",
    f"[[Span(x, onmouseover={RUN})]]",
    "[http://evil.example.net/seen.png]",
    "${7*191}  {{ 7*191 }}  # if 1",
)
ALIVE = ("iframe", "svg", "[onerror]", "[onload]", "[onmouseover]", "div[onclick]", "a[href^='javascript:']")
HTML = "<html><body><p>Hello</p>{payload}<style>@import 'http://evil.example.net/'</style></body></html>"
LISTS = (
    "/query?status=!closed&col=id&col=summary&col=reporter",
    "/report/1",
    "/timeline?ticket=on&ticket_details=on&daysback=9000",
    "/search?q=hello&noquickjump=1&ticket=on",
    "/admin/mailintake/journal",
    "/attachment/ticket/1/",
)


def hostile(number: int, payload: str, *, html: bool) -> bytes:
    """A mail with the payload wherever a sender can write."""
    line = " ".join(payload.split())
    quoted = line.replace("\\", "").replace('"', "'")
    text = HTML.format(payload=payload) if html else f"Hello\n\n{payload}\n"
    return f"""\
From: "{quoted}" <x@example.net>
To: support@example.org
Subject: {line}
Message-ID: <{number}@example.net>
X-Payload: {line}
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b0undary

--b0undary
Content-Type: text/{"html" if html else "plain"}; charset=utf-8

{text}
--b0undary
Content-Type: text/html; name="{quoted}.html"
Content-Disposition: attachment; filename="{quoted}.html"

{payload}
--b0undary--
""".encode()


@pytest.fixture(scope="module")
def filed(site: tuple[TracEnv, Tracd], tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, int]]:
    """A plain mail with each payload, and one of HTML with all, filed: numbers of mails and tickets."""
    trac, _ = site
    trac.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
    mailbox = Mailbox(trac, tmp_path_factory.mktemp("hostile") / "maildir")
    assert mailbox.add_service().status == 0
    mailbox.put(*(hostile(number, payload, html=False) for number, payload in enumerate(PAYLOADS)))
    mailbox.put(hostile(len(PAYLOADS), "\n\n".join(PAYLOADS), html=True))
    done = mailbox.run()
    assert done.out == f"support: {len(PAYLOADS) + 1} created\n", done.err
    rows = trac.query("SELECT id, ticket FROM mailintake_delivery")
    return [(int(str(mail)), int(str(ticket))) for mail, ticket in rows]


def foreign(tab: Tab) -> list[str]:
    """What the page has asked of others, by the browser's own account."""
    asked = tab.driver.execute_script("return performance.getEntriesByType('resource').map(each => each.name)")
    return [name for name in asked if not name.startswith(tab.url)]


def test_nothing_of_a_mail_runs(tab: Tab, filed: list[tuple[int, int]]) -> None:
    """On no page that shows it; and nobody else learns that it was read."""
    assert len(filed) == len(PAYLOADS) + 1
    for page in LISTS:
        harmless(tab, page)
    for number, ticket in filed:
        harmless(tab, f"/ticket/{ticket}")
        harmless(tab, f"/admin/mailintake/journal/{number}")


def harmless(tab: Tab, page: str) -> None:
    """Show a page; nothing has run on it, nothing could, and nobody else was asked."""
    tab.go(page)
    assert tab.driver.execute_script("return window.ran === undefined"), page
    assert foreign(tab) == [], page
    assert tab.all(", ".join(f"#content {each}" for each in ALIVE)) == [], page
    assert "1337" not in tab.text, page


def test_these_tests_would_tell(tab: Tab, filed: list[tuple[int, int]], trac: TracEnv, tmp_path: Path) -> None:
    """A service whose senders may write markup (`text=wiki`) shows the image that these others may not."""
    mailbox = Mailbox(trac, tmp_path / "maildir")
    assert mailbox.add_service("text=wiki", name="trusting").status == 0
    mailbox.put(hostile(99, "[[Image(http://127.0.0.1:9/seen.png)]]", html=False))
    assert mailbox.run("trusting").status == 0
    tab.go(f"/ticket/{trac.tickets()[-1].id}")
    assert foreign(tab) == ["http://127.0.0.1:9/seen.png"]


def test_an_attached_page_is_not_shown(tracd: Tracd, filed: list[tuple[int, int]], trac: TracEnv) -> None:
    """Trac offers it to be saved, as it does with all that could run."""
    [(name,)] = trac.query("SELECT filename FROM attachment WHERE id='1'")
    answer = tracd.visitor("admin").get(f"/raw-attachment/ticket/1/{quote(str(name))}")
    assert answer.status == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
