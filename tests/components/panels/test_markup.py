"""What tries to be markup asks nobody for anything in a browser, and shows no form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.components.mails import Mailbox
from tests.components.panels.test_hostile import foreign
from tests.security.hunt.mails import encoded, leaf, message
from tests.security.kinds import HTML, NAMES, TEXT, html, image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.chromium import Tab
    from tests.servers.tracenv import TracEnv

SHOWN = ".description .searchable"
CONTENTS = (
    *(html(content)[0] for content in HTML.values()),
    *(leaf("text/plain; charset=utf-8", content.encode()) for content in TEXT.values()),
    *(html("<p>x<img src=cid:a>y</p>", image(encoded(name)))[0] for name in NAMES.values()),
)


def test_no_text_of_a_mail_becomes_a_page(tab: Tab, trac: TracEnv, tmp_path: Path) -> None:
    """One ticket of each kind, and the timeline that shows them all: no request to others, no form, no window."""
    trac.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
    mailbox = Mailbox(trac, tmp_path / "maildir")
    assert mailbox.add_service("rate_sender=0").status == 0
    mailbox.put(*(message(f"<{place}@x.example>", each, "Subject: x") for place, each in enumerate(CONTENTS)))
    assert mailbox.run().out == f"support: {len(CONTENTS)} created\n"
    for ticket in trac.tickets():
        tab.go(f"/ticket/{ticket.id}")
        assert foreign(tab) == [], ticket["description"]
        assert tab.all(".description .searchable form, .description .searchable input, [name=pwn]") == [], ticket[
            "description"
        ]
        assert tab.driver.execute_script("return typeof pwn") == "undefined"
        images = tab.all(f"{SHOWN} img")
        assert all(each.get_attribute("class") == "" and each.size["width"] < 100 for each in images)
        assert len(images) == ("[[Image(" in ticket["description"] and ticket.id > len(CONTENTS) - len(NAMES))
    tab.go("/timeline?ticket=on&ticket_details=on&daysback=9000")
    assert foreign(tab) == []
    assert tab.all("[name=pwn]") == []
