"""From nothing to a ticket in the browser, as `docs/tour.md` tells it; `make pictures` takes its pictures.

MAILINTAKE_PICTURES names the folder that they go to; without it the same is done, and nothing is written.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tests.house.tree import ROOT
from tests.servers.dovecot import PASSWORD

if TYPE_CHECKING:
    from tests.servers.chromium import Tab
    from tests.servers.dovecot import Dovecot
    from tests.servers.tracenv import TracEnv

_PICTURES = os.environ.get("MAILINTAKE_PICTURES", "")
_LARGEST = 150 * 1024
_REPORT = """\
From: Ann Miller <ann@example.net>
To: support@example.org
Subject: The printer smokes
Date: Sun, 22 Nov 2026 09:12:00 +0000
Message-ID: <smoke@example.net>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=x

--x
Content-Type: text/plain; charset=utf-8

Good morning,

since yesterday the printer on the second floor smokes when it starts.
The protocol is attached.

Ann
--x
Content-Type: text/plain
Content-Disposition: attachment; filename="protocol.txt"

09:01 start
09:02 smoke
--x--
"""
_ANSWER = """\
From: Ann Miller <ann@example.net>
To: support@example.org
Subject: Re: The printer smokes
Date: Sun, 22 Nov 2026 09:40:00 +0000
Message-ID: <flames@example.net>
In-Reply-To: <smoke@example.net>

It is on fire now.

On Sun, Nov 22, 2026 at 9:12 AM Ann Miller <ann@example.net> wrote:
> since yesterday the printer on the second floor smokes when it starts.
"""
_AWAY = """\
From: Bob Green <bob@example.net>
To: support@example.org
Subject: Out of office: The printer smokes
Date: Sun, 22 Nov 2026 09:41:00 +0000
Message-ID: <away@example.net>
Auto-Submitted: auto-replied

I am back on Monday.
"""


def picture(tab: Tab, name: str, *, tallest: int = 1500) -> None:
    """Take a picture for the docs, when that is wanted."""
    if _PICTURES:
        tab.picture(Path(_PICTURES) / f"{name}.png", tallest=tallest)


def test_a_person_sets_up_intake_from_nothing(tab: Tab, trac: TracEnv, dovecot: Dovecot) -> None:
    """Server, test, service, run now, journal, held mail, ticket: nothing else is needed."""
    user = dovecot.add_user("support")
    dovecot.deliver(user, *(each.encode() for each in (_REPORT, _ANSWER, _AWAY)))
    trac.grant("anonymous", "TICKET_APPEND")
    trac.grant("mailer", "TICKET_CREATE", "TICKET_APPEND")
    _server(tab, dovecot)
    _service(tab)
    _run(tab)
    _held(tab)
    _ticket(tab, trac)
    _trial(tab)
    _status(tab)


def _server(tab: Tab, dovecot: Dovecot) -> None:
    tab.go("/admin").follow("Mail Servers", within="#tabs")
    assert "There is no mail server yet" in tab.text
    tab.press("Add a mail server")
    tab.fill(name="office", host=dovecot.host, port=str(dovecot.imaps), username="support", password=PASSWORD)
    tab.fill(ca_file=str(dovecot.authority), description="Where support@example.org arrives")
    picture(tab, "server-new")
    tab.press("Add")
    assert "Mail server office added. Test the connection now" in tab.notices
    tab.press("Test connection")
    assert "The connection works" in tab.notices
    picture(tab, "server-works")


def _service(tab: Tab) -> None:
    tab.follow("Add a service for it")
    tab.fill(name="support", address="support@example.org", delay="5", bulk="hold", reporterusername="mailer")
    tab.fill(afterwards="move", move_to="Filed", priority="major")
    picture(tab, "service-new", tallest=860)
    tab.press("Add")
    assert "3 mails wait in the mailbox" in tab.notices
    picture(tab, "services")


def _run(tab: Tab) -> None:
    tab.press("Run now")
    assert "support: 1 created, 1 commented, 1 held" in tab.notices
    tab.follow("Journal", within="#tabs")
    assert len(tab.all("#mailintake-journal tbody tr")) == 3
    picture(tab, "journal")


def _held(tab: Tab) -> None:
    tab.follow("Out of office: The printer smokes")
    assert "Auto-Submitted is auto-replied" in tab.find("#mailintake-outcome").text
    picture(tab, "mail-held", tallest=1000)
    tab.press("Discard")
    assert "1 mail discarded" in tab.notices


def _ticket(tab: Tab, trac: TracEnv) -> None:
    tab.go("/ticket/1")
    [ticket] = trac.tickets()
    assert (ticket["summary"], ticket["priority"]) == ("The printer smokes", "major")
    for wanted in ("The printer smokes", "protocol.txt", "It is on fire now."):
        assert wanted in tab.text
    assert "Bob" not in tab.text
    picture(tab, "ticket", tallest=800)
    tab.follow("Original mails (2)").follow("The printer smokes")
    assert "since yesterday the printer" in tab.find("#mailintake-filed").text
    picture(tab, "mail", tallest=1100)


def _trial(tab: Tab) -> None:
    tab.follow("Try a mail", within="#tabs")
    tab.fill(mail=_ANSWER.replace("flames", "ashes").replace("on fire", "ashes")).press("Try")
    assert "It would be commented #1" in tab.find("#mailintake-outcome").text
    picture(tab, "try", tallest=900)


def _status(tab: Tab) -> None:
    tab.follow("Status", within="#tabs")
    [row] = tab.all("#mailintake-status tbody tr")
    assert row.text.startswith("support well")
    assert [each.text for each in tab.all("#mailintake-legend li")] == ["1 created", "1 commented", "1 discarded"]
    picture(tab, "status")


def test_each_picture_of_the_tour_is_there_and_small() -> None:
    """What the page shows was taken, and does not fill the checkout."""
    text = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
    folder = ROOT / "docs" / "pictures"
    pictures = {path.name: path.stat().st_size for path in folder.glob("*.png")}
    assert {name for name in pictures if f"(pictures/{name})" in text} == pictures.keys()
    assert text.count("(pictures/") == len(pictures)
    assert {name: size for name, size in pictures.items() if size > _LARGEST} == {}
