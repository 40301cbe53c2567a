"""The panel *Journal* in a browser, and what is done about held mail."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox, mail

if TYPE_CHECKING:
    from tests.servers.chromium import Chromium, Tab
    from tests.servers.tracenv import Tracd, TracEnv

PANEL = "/admin/mailintake/journal"
HOSTILE = "<img src=x onerror=\"document.title='ran'\">"
AUTOMATIC = "Auto-Submitted: auto-replied\n"
WITH_FILES = """\
From: "{name}" <zoe@example.net>
To: support@example.org
Message-ID: <{number}@example.net>
Subject: {subject}
Date: Sun, 22 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=x
{more}
--x
Content-Type: text/plain; charset=utf-8

{text}
--x
Content-Type: text/plain
Content-Disposition: attachment; filename="{file}"

content
--x
Content-Type: application/octet-stream
Content-Disposition: attachment; filename="huge.bin"

{huge}
--x--
"""

_numbers = itertools.count(100)


@pytest.fixture(scope="module")
def mailbox(site: tuple[TracEnv, Tracd], tmp_path_factory: pytest.TempPathFactory) -> Mailbox:
    """A service that holds automatic mail, where strangers may make tickets."""
    trac, _ = site
    trac.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
    trac.set(("attachment", "max_size", "2000"))
    found = Mailbox(trac, tmp_path_factory.mktemp("journal") / "maildir")
    assert found.add_service("bulk=hold").status == 0
    return found


def take(mailbox: Mailbox, subject: str, *, text: str = "Please help.", sender: str = "", more: str = "") -> int:
    """Let one mail arrive and be taken; its number in the journal."""
    return take_bytes(mailbox, mail(next(_numbers), subject=subject, text=text, sender=sender, more=more))


def take_bytes(mailbox: Mailbox, content: bytes) -> int:
    """The same, of any mail."""
    mailbox.put(content)
    done = mailbox.run()
    assert done.status in (0, 1), done.err
    [[number]] = mailbox.trac.query("SELECT MAX(id) FROM mailintake_delivery")
    assert isinstance(number, int)
    return number


def outcome(trac: TracEnv, number: int) -> tuple[object, ...]:
    """Outcome, rule and ticket of a mail."""
    return trac.query("SELECT state, rule, ticket FROM mailintake_delivery WHERE id=%s", number)[0]


def test_the_newest_mail_is_listed_first_with_its_ticket(tab: Tab, mailbox: Mailbox) -> None:
    """And leads to its page, and to its ticket."""
    take(mailbox, "An older one")
    number = take(mailbox, "A newer one")
    first = tab.go(PANEL).all("#mailintake-journal tbody tr")[0].text
    for wanted in (str(number), "support", "created", "ann@example.net", "A newer one", "names no ticket"):
        assert wanted in first
    tab.follow("A newer one")
    assert tab.path == f"{PANEL}/{number}"
    ticket = tab.find("#mailintake-outcome a").text
    tab.follow(ticket)
    assert tab.path == f"/ticket/{ticket.removeprefix('#')}"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("service", "support"),
        ("outcome", "held"),
        ("rule", "auto-reply"),
        ("sender", "findable@"),
        ("text", "Needle"),
    ],
)
def test_the_journal_is_filtered_by_a_form(tab: Tab, mailbox: Mailbox, field: str, value: str) -> None:
    """What does not fit is gone, what was asked for stays in the form."""
    take(mailbox, "A needle? Needle!", sender="findable@example.net", more=AUTOMATIC)
    tab.go(PANEL).fill(**{field: value}).press("Show")
    rows = [row.text for row in tab.all("#mailintake-journal tbody tr")]
    assert any("A needle? Needle!" in row for row in rows)
    assert tab.value(field) == value
    if field != "service":
        assert all("A newer one" not in row for row in rows)


def test_the_journal_is_filtered_by_ticket(tab: Tab, mailbox: Mailbox) -> None:
    """With or without the `#`; what is no number is said."""
    number = take(mailbox, "Of one ticket only")
    ticket = outcome(mailbox.trac, number)[2]
    for typed in (f"#{ticket}", str(ticket)):
        tab.go(PANEL).fill(ticket=typed).press("Show")
        assert len(tab.all("#mailintake-journal tbody tr")) == 1
    tab.go(PANEL).fill(ticket="twelve").press("Show")
    assert "twelve is no number of a ticket" in tab.warnings
    assert "no such mail" in tab.text


def test_what_a_sender_wrote_does_not_run(tab: Tab, mailbox: Mailbox) -> None:
    """Neither subject, name, text, header nor the name of a file, in the list, on the mail's page, on the ticket's."""
    file = HOSTILE.replace('"', "'")
    content = WITH_FILES.format(
        number=next(_numbers),
        name=HOSTILE.replace('"', '\\"'),
        subject=HOSTILE,
        more=f"X-Evil: {HOSTILE}\n",
        text=f"{{{{{{\n#!html\n{HOSTILE}\n}}}}}}\n[[Span({HOSTILE})]]",
        file=file,
        huge="h" * 4000,
    )
    number = take_bytes(mailbox, content.encode())
    for path in (PANEL, f"{PANEL}/{number}", f"/ticket/{outcome(mailbox.trac, number)[2]}"):
        tab.go(path)
        assert "onerror" in tab.text, path
        assert tab.all("img[onerror]") == [], path
        assert tab.driver.title != "ran", path


def test_a_mail_has_a_page_with_everything(tab: Tab, mailbox: Mailbox) -> None:
    """Trail, headers, text as filed, attachments kept and refused."""
    content = WITH_FILES.format(
        number=next(_numbers), name="Zoë", subject="Whole", more="", text="As it was.", file="log.txt", huge="h" * 4000
    )
    tab.go(f"{PANEL}/{take_bytes(mailbox, content.encode())}")
    stages = [row.text.split()[0] for row in tab.all("#mailintake-trail tbody tr")]
    assert stages == sorted(stages, key=["parse", "recall", "screen", "route", "handle"].index)
    assert "As it was." in tab.find("#mailintake-filed").text
    attachments = [row.text for row in tab.all("#mailintake-attachments tbody tr")]
    assert any("log.txt" in row and "kept" in row for row in attachments)
    assert any("huge.bin" in row and "refused" in row for row in attachments)
    tab.find("#mailintake-headers summary").click()
    assert "multipart/mixed" in tab.find("#mailintake-headers").text


def test_the_text_as_filed_is_shown_though_the_ticket_was_edited(tab: Tab, mailbox: Mailbox) -> None:
    """The journal says what happened, not what is."""
    number = take(mailbox, "Edited later", text="The first words.")
    [ticket] = [ticket for ticket in mailbox.trac.tickets() if ticket["summary"] == "Edited later"]
    ticket["description"] = "Other words."
    ticket.save_changes("admin")
    assert "The first words." in tab.go(f"{PANEL}/{number}").find("#mailintake-filed").text


def test_what_was_cut_is_shown(tab: Tab, mailbox: Mailbox) -> None:
    """Quotes of a reply."""
    take(mailbox, "Cut me")
    parent = f"<{next(_numbers) - 1}@example.net>"
    text = "New words.\n\nOn Sun, Nov 22, 2026, Bob wrote:\n> Old words."
    number = take(mailbox, "Re: Cut me", text=text, more=f"In-Reply-To: {parent}\n")
    tab.go(f"{PANEL}/{number}")
    assert "Old words." in tab.find("#mailintake-removed").text
    assert "Old words." not in tab.find("#mailintake-filed").text


def test_the_original_is_downloaded_and_never_shown(tracd: Tracd, mailbox: Mailbox) -> None:
    """Byte for byte, as a file; only for those who may see it."""
    content = mail(
        next(_numbers), subject="Original", text="<script>alert(1)</script>", more="Content-Type: text/html\n"
    )
    number = take_bytes(mailbox, content)
    answer = tracd.visitor("viewer").get(f"{PANEL}/{number}/raw")
    assert (answer.status, answer.text.encode()) == (200, content)
    assert answer.headers["Content-Type"] == "message/rfc822"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="mail-{number}.eml"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert tracd.visitor("other").get(f"{PANEL}/{number}/raw").status == 404
    assert tracd.visitor().get(f"{PANEL}/{number}/raw").status in (403, 404)
    assert tracd.visitor("viewer").get(f"{PANEL}/{number}/other").status == 404


def test_held_mail_is_released_to_a_ticket(tab: Tab, mailbox: Mailbox) -> None:
    """Past all screens, as its sender's."""
    take(mailbox, "The ticket of choice")
    [chosen] = [ticket.id for ticket in mailbox.trac.tickets() if ticket["summary"] == "The ticket of choice"]
    number = take(mailbox, "Held for it", text="Released words.", more=AUTOMATIC)
    tab.go(PANEL).tick(str(number)).fill(to_ticket=f"#{chosen}").press("Release to ticket")
    assert f"Mail {number}: commented in ticket #{chosen}" in tab.notices
    assert outcome(mailbox.trac, number) == ("commented", "released", chosen)
    assert "Released words." in tab.go(f"/ticket/{chosen}").text
    assert "by Ann Other <ann@example.net>" in tab.text


@pytest.mark.parametrize(("typed", "said"), [("", "Type the number"), ("x", "Type the number"), ("99999", "99999")])
def test_a_ticket_that_is_not_there_releases_nothing(tab: Tab, mailbox: Mailbox, typed: str, said: str) -> None:
    """And says so."""
    number = take(mailbox, "Held in vain", more=AUTOMATIC)
    tab.go(f"{PANEL}/{number}").fill(to_ticket=typed).press("Release to ticket")
    assert said in tab.warnings
    assert outcome(mailbox.trac, number)[0] == "held"


def test_held_mail_is_released_to_a_new_ticket(tab: Tab, mailbox: Mailbox) -> None:
    """From the mail's own page."""
    number = take(mailbox, "A ticket of my own", more=AUTOMATIC)
    tab.go(f"{PANEL}/{number}").press("Release to a new ticket")
    assert "created in ticket #" in tab.notices
    assert tab.path == f"{PANEL}/{number}"
    assert mailbox.trac.tickets()[-1]["summary"] == "A ticket of my own"


def test_held_mail_is_tried_again(tab: Tab, mailbox: Mailbox) -> None:
    """It is held again while the rules are the same, and filed when they have changed."""
    number = take(mailbox, "Once more", more=AUTOMATIC)
    tab.go(f"{PANEL}/{number}").press("Retry")
    assert f"Mail {number}: still held" in tab.warnings
    mailbox.trac.command("mailintake", "service", "set", "support", "bulk=accept")
    tab.press("Retry")
    mailbox.trac.command("mailintake", "service", "set", "support", "bulk=hold")
    assert f"Mail {number}: created in ticket" in tab.notices


def test_many_are_decided_at_once_and_the_filter_stays(tab: Tab, mailbox: Mailbox) -> None:
    """Discarded, here."""
    numbers = [take(mailbox, f"Rubbish {each}", more=AUTOMATIC) for each in range(3)]
    tab.go(f"{PANEL}?outcome=held&text=Rubbish").tick(*map(str, numbers)).press("Discard")
    assert "3 mails discarded" in tab.notices
    assert "text=Rubbish" in tab.path
    assert {outcome(mailbox.trac, number)[0] for number in numbers} == {"discarded"}
    reason = mailbox.trac.query("SELECT reason FROM mailintake_delivery WHERE id=%s", numbers[0])
    assert reason == [("Discarded by admin.",)]


def test_what_was_decided_meanwhile_is_said(tracd: Tracd, mailbox: Mailbox, tab: Tab) -> None:
    """Two administrators, one mail."""
    number = take(mailbox, "Twice", more=AUTOMATIC)
    tab.go(PANEL).tick(str(number))
    assert tracd.visitor("keeper").post(PANEL, {"sel": str(number), "discard": "1"}).status == 303
    tab.press("Retry")
    assert "this one is discarded" in tab.warnings


def test_nothing_chosen_decides_nothing(tab: Tab, mailbox: Mailbox) -> None:
    """And says so."""
    take(mailbox, "Left alone", more=AUTOMATIC)
    tab.go(PANEL).press("Discard")
    assert "Choose held mail first" in tab.warnings


def test_who_may_only_look_decides_nothing(chromium: Chromium, tracd: Tracd, mailbox: Mailbox) -> None:
    """No box to tick, no button, and no POST."""
    number = take(mailbox, "Not for viewers", more=AUTOMATIC)
    tab = chromium.visit(tracd, "viewer")
    for path in (PANEL, f"{PANEL}/{number}"):
        assert "Not for viewers" in tab.go(path).text
        assert tab.all("[name=sel], [name=retry], [name=discard], [name=release]") == []
    for word in ("retry", "release", "release_new", "discard"):
        for path in (PANEL, f"{PANEL}/{number}"):
            assert tracd.visitor("viewer").post(path, {"sel": str(number), word: "1"}).status == 403
    assert outcome(mailbox.trac, number)[0] == "held"


def test_a_form_without_its_token_is_refused(tracd: Tracd, mailbox: Mailbox) -> None:
    """So that no other site can send it."""
    number = take(mailbox, "Guarded", more=AUTOMATIC)
    form = {"__FORM_TOKEN": "guessed", "sel": str(number), "discard": "1"}
    assert tracd.visitor("admin").post(PANEL, form).status == 400
    assert outcome(mailbox.trac, number)[0] == "held"


def test_a_ticket_leads_to_its_original_mails(chromium: Chromium, tracd: Tracd, mailbox: Mailbox) -> None:
    """For those who may see them; for others, and where there are none, there is no link."""
    number = take(mailbox, "Where did it come from")
    ticket = outcome(mailbox.trac, number)[2]
    tab = chromium.visit(tracd, "viewer").go(f"/ticket/{ticket}").follow("Original mails (1)")
    assert tab.path == f"{PANEL}?ticket={ticket}"
    assert "Where did it come from" in tab.text
    assert "Original mails" not in chromium.visit(tracd, "other").go(f"/ticket/{ticket}").text


@pytest.mark.parametrize("path", ["/999999", "/x", "/0", "/1/2", "/²", "?outcome=lost"])
def test_what_is_not_there_is_not_found(tracd: Tracd, mailbox: Mailbox, path: str) -> None:
    """And no error of ours."""
    assert tracd.visitor("admin").get(PANEL + path.replace("²", "%C2%B2")).status == 404
