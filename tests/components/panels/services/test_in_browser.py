"""The panel *Services* in a browser."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox, mail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.chromium import Chromium, Tab
    from tests.servers.tracenv import Tracd, TracEnv

PANEL = "/admin/mailintake/services"
HOSTILE = "<script>alert(1)</script>"


def begin(tab: Tab, kind: str = "maildir") -> Tab:
    """The form of a new service: first its kind and its handler are chosen, then the rest."""
    tab.go(PANEL).fill(kind=kind, handler="create-or-comment").press("Continue")
    return tab


def stored(trac: TracEnv, name: str) -> dict[str, object]:
    """The row of a service."""
    columns = ("path", "delay", "afterwards", "start", "enabled", "handler", "addresses")
    [row] = trac.query(f"SELECT {', '.join(columns)}, parameters FROM mailintake_service WHERE name=%s", name)
    return {**dict(zip(columns, row, strict=False)), **json.loads(str(row[-1]))}


def add(trac: TracEnv, name: str, folder: Path, *settings: str) -> Mailbox:
    """A service on an empty Maildir, by the command."""
    mailbox = Mailbox(trac, folder / name)
    done = mailbox.add_service(*settings, name=name)
    assert done.status == 0, done.err
    return mailbox


def row(tab: Tab, name: str) -> str:
    """What the list says of a service."""
    return next(each.text for each in tab.all("#mailintake-services tbody tr") if each.text.startswith(name))


def test_a_service_is_added_with_what_differs_from_the_default(tab: Tab, trac: TracEnv, tmp_path: Path) -> None:
    """And Trac says how many mails wait, and what becomes of strangers' mail."""
    mailbox = Mailbox(trac, tmp_path / "added")
    mailbox.put(mail(1), mail(2))
    begin(tab).fill(name="added", path=str(mailbox.folder), delay="5", bulk="hold", stripquotes=False, priority="minor")
    tab.fill(afterwards="move", move_to="Done").press("Add")
    assert "Service added added" in tab.notices
    assert "2 mails wait in the mailbox; the first run takes all" in tab.notices
    assert "strangers will be held, since anonymous has no TICKET_CREATE" in tab.warnings
    found = stored(trac, "added")
    assert (found.pop("path"), found.pop("addresses")) == (str(mailbox.folder), "")
    assert found == {
        "delay": 5,
        "afterwards": "move:Done",
        "start": "all",
        "enabled": 1,
        "handler": "create-or-comment",
        "bulk": "hold",
        "stripquotes": "false",
        "priority": "minor",
    }
    assert "every 5 minutes" in row(tab, "added")


def test_each_parameter_has_a_field_with_its_help_beside(tab: Tab, trac: TracEnv) -> None:
    """Those of the rules, of the handler, and the ticket's fields with the values that they can have."""
    begin(tab)
    for name, words in (
        ("catchemail", "leave all other mail in the mailbox"),
        ("stripquotes", "Cut quotes"),
        ("max_size", "such as 20M"),
        ("component", "Component of new tickets"),
    ):
        assert words in tab.find(f"#help-{name}").text
    assert [each.text for each in tab.all("#field-priority option")][:2] == ["(not set)", "blocker"]


def test_what_is_wrong_is_said_beside_the_field_and_what_was_typed_stays(tab: Tab) -> None:
    """Several at once; then what only the whole can tell."""
    begin(tab).fill(name="wrong", path="here", delay="often", max_size="big", forward="nobody", block=HOSTILE).press(
        "Add"
    )
    assert "Nothing was saved" in tab.warnings
    assert "whole number" in tab.error("delay")
    assert "with k, M, G" in tab.error("max_size")
    assert "support@example.org" in tab.error("forward")
    assert [tab.value(name) for name in ("path", "delay", "forward", "block")] == ["here", "often", "nobody", HOSTILE]
    tab.fill(delay="", max_size="", forward="").press("Add")
    assert "an absolute path" in tab.error("path")
    assert tab.find("#field-name").get_attribute("value") == "wrong"


def test_moving_needs_a_folder(tab: Tab, tmp_path: Path) -> None:
    """Said beside the field."""
    begin(tab).fill(name="moving", path=str(tmp_path), afterwards="move").press("Add")
    assert "the folder to move it to" in tab.error("afterwards")


@pytest.mark.parametrize("name", ["", "a/b", HOSTILE])
def test_a_bad_name_is_refused(tab: Tab, tmp_path: Path, name: str) -> None:
    """Beside the field, as it was typed."""
    begin(tab).fill(name=name, path=str(tmp_path)).press("Add")
    assert "letters, digits" in tab.error("name")
    assert tab.find("#field-name").get_attribute("value") == name


def test_a_service_is_changed(tab: Tab, trac: TracEnv, tmp_path: Path) -> None:
    """What was left alone stays, and what was set goes back to its default when it is emptied."""
    add(trac, "changed", tmp_path, "bulk=hold", "stripquotes=false", "block=spam.example", "delay=7")
    tab.go(f"{PANEL}/changed")
    assert (tab.value("delay"), tab.value("block")) == ("7", "spam.example")
    tab.fill(bulk="", stripquotes=True, block="", description="Better").press("Submit changes")
    assert "Service changed saved" in tab.notices
    found = stored(trac, "changed")
    assert found["delay"] == 7
    assert "bulk" not in found
    assert found["stripquotes"] == "true"
    assert found["block"] == ""


def test_another_kind_has_other_fields_without_javascript(tab: Tab, trac: TracEnv, tmp_path: Path) -> None:
    """A plain form asks for them."""
    add(trac, "kinds", tmp_path)
    tab.go(f"{PANEL}/kinds")
    assert tab.all("#field-server") == []
    tab.go(f"{PANEL}/kinds?kind=imap&handler=create-or-comment")
    assert tab.all("#field-path") == []
    assert len(tab.all("#field-server, #field-folder")) == 2
    tab.press("Submit changes")
    assert "Missing" in tab.error("server")


@pytest.mark.parametrize(
    ("kind", "place"), [("maildir", "a Maildir"), ("mbox", "an mbox file"), ("directory", "a folder of mails")]
)
def test_a_path_is_asked_for_in_a_sentence(tab: Tab, kind: str, place: str) -> None:
    """Each kind says what its path names; a pipe has none, and no rounds."""
    assert begin(tab, kind).find("#help-path").text == f"Absolute path of {place} on this machine."
    assert begin(tab, "pipe").all("#field-path, #field-delay, #field-start, #field-overdue") == []


def test_services_are_switched_and_removed(tab: Tab, trac: TracEnv, tmp_path: Path) -> None:
    """Several at once, chosen in the list."""
    for name in ("one", "two"):
        add(trac, name, tmp_path)
    tab.go(PANEL).tick("one", "two").press("Disable selected")
    assert "Service one runs no more" in tab.notices
    assert "disabled" in row(tab, "one")
    tab.tick("two").press("Enable selected")
    assert "enabled" in row(tab, "two")
    tab.tick("one", "two").press("Remove selected items")
    assert "Service two removed. Its journal stays" in tab.notices
    assert trac.query("SELECT name FROM mailintake_service WHERE name IN ('one', 'two')") == []


def test_a_service_that_holds_mail_is_not_removed(tab: Tab, trac: TracEnv, tmp_path: Path) -> None:
    """Trac says how much."""
    mailbox = add(trac, "holding", tmp_path, "bulk=hold")
    mailbox.put(mail(20, more="Auto-Submitted: auto-replied\n"))
    mailbox.run("holding")
    tab.go(PANEL)
    assert "1 held" in row(tab, "holding")
    tab.tick("holding").press("Remove selected items")
    assert "1 held" in tab.warnings
    assert len(trac.query("SELECT name FROM mailintake_service WHERE name='holding'")) == 1


def test_run_now_takes_the_mail_and_says_what_came(tab: Tab, trac: TracEnv, tmp_path: Path) -> None:
    """Due or not."""
    mailbox = add(trac, "runner", tmp_path)
    mailbox.put(mail(30, subject="Run, now"))
    tab.go(PANEL).hit("button[name='run'][value='runner']")
    assert "runner: 1 held" in tab.notices + tab.warnings
    assert "1 held" in row(tab, "runner")
    tab.hit("button[name='run'][value='runner']")
    assert "runner: no new mail" in tab.notices


def test_run_now_says_what_went_wrong(tab: Tab, trac: TracEnv, tmp_path: Path) -> None:
    """In the list, too."""
    mailbox = add(trac, "broken", tmp_path)
    for name in ("new", "cur", "tmp"):
        (mailbox.folder / name).rmdir()
    tab.go(PANEL).hit("button[name='run'][value='broken']")
    assert str(mailbox.folder) in tab.warnings


def test_a_disabled_service_is_not_run(tab: Tab, trac: TracEnv, tmp_path: Path) -> None:
    """Enable it first."""
    add(trac, "asleep", tmp_path, "enabled=false")
    tab.go(PANEL).hit("button[name='run'][value='asleep']")
    assert "enable it first" in tab.warnings


def test_a_stopped_pipe_says_when_it_tries_again(tab: Tab, trac: TracEnv) -> None:
    """One mail every quarter of an hour: who waits for it sees that there is no hurry."""
    trac.command("mailintake", "service", "add", "handed", "kind=pipe")
    with trac.env.db_transaction as db:
        db("UPDATE mailintake_service SET stopped='5 times in a row: a fault', failures=5 WHERE name='handed'")
    tab.go(PANEL)
    wanted = "stopped: 5 times in a row: a fault. It tries one mail every 15 minutes, the next one that comes."
    assert wanted in " ".join(row(tab, "handed").split())


def test_the_mail_queue_is_listed_and_cannot_be_removed(tab: Tab, tracd: Tracd) -> None:
    """It has no box to tick, and says that Trac does not send."""
    tab.go(PANEL)
    queue = tab.find("#mailintake-queue")
    assert "Mail queue" in queue.text
    assert "sending is switched off" in queue.text
    assert tab.all("#mailintake-queue input") == []
    tracd.visitor("admin").post(PANEL, {"sel": "Mail queue", "remove": "1"})
    assert "Mail queue" in tab.go(PANEL).find("#mailintake-queue").text


def test_the_queue_says_what_waits(tab: Tab, trac: TracEnv, tmp_path: Path) -> None:
    """Mail that is to be forwarded, while sending is off."""
    mailbox = add(trac, "forwarding", tmp_path, "bulk=forward", "forward=boss@example.org")
    mailbox.put(mail(40, more="Auto-Submitted: auto-replied\n"))
    mailbox.run("forwarding")
    assert "1 waiting" in tab.go(PANEL).find("#mailintake-queue").text


def test_who_may_only_look_sees_the_list_and_changes_nothing(
    chromium: Chromium, tracd: Tracd, trac: TracEnv, tmp_path: Path
) -> None:
    """The form, and every POST, are for administrators."""
    add(trac, "watched", tmp_path)
    tab = chromium.visit(tracd, "viewer").go(PANEL)
    assert "watched" in tab.text
    assert tab.all("#tabcontent input:not([type=hidden]), #tabcontent button") == []
    visitor = tracd.visitor("viewer")
    for path in (f"{PANEL}/watched", f"{PANEL}?action=new&kind=maildir"):
        assert visitor.get(path).status == 403
    for word in ("enable", "disable", "remove", "run", "flush", "save"):
        assert visitor.post(PANEL, {"sel": "watched", word: "watched"}).status == 403
    assert len(trac.query("SELECT name FROM mailintake_service WHERE name='watched'")) == 1


def test_a_form_without_its_token_is_refused(tracd: Tracd, trac: TracEnv, tmp_path: Path) -> None:
    """So that no other site can send it."""
    add(trac, "shielded", tmp_path)
    fields = {"__FORM_TOKEN": "guessed", "sel": "shielded", "remove": "1"}
    assert tracd.visitor("admin").post(PANEL, fields).status == 400
    assert len(trac.query("SELECT name FROM mailintake_service WHERE name='shielded'")) == 1


@pytest.mark.parametrize(
    "path", ["/nowhere", "?action=new&kind=carrier-pigeon", "?action=new&kind=maildir&handler=none"]
)
def test_what_is_not_there_is_not_found(tracd: Tracd, path: str) -> None:
    """And no error of ours."""
    assert tracd.visitor("admin").get(PANEL + path).status == 404
