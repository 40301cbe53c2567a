"""A prepared change is written inside somebody's transaction."""

from __future__ import annotations

import contextlib
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from trac.ticket.api import TicketSystem
from trac.ticket.model import Ticket
from trac.util.datefmt import datetime_now, to_utimestamp, utc

from tests.builders import JOE, comment, enclosed, new_ticket
from tests.tracker import plugins
from tests.tracker.conftest import write
from trac_mailintake.intake.errors import Stale
from trac_mailintake.intake.model import Reopen
from trac_mailintake.tracker.outgoing.notify import announce
from trac_mailintake.tracker.tickets.write import enclosures

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tracker.conftest import Desk
    from trac_mailintake.intake.ports import Prepared

WHEN = datetime_now(utc).replace(microsecond=0)


class RollBack(Exception):  # noqa: N818 - not an error
    """Ends a transaction without a commit."""


def test_several_changes_share_a_transaction(desk: Desk) -> None:
    """Two comments on one ticket and another ticket: numbered in order, no two at the same microsecond."""
    number = desk.file(new_ticket()).ticket
    prepared = [desk.prepare(comment(number, text=text)) for text in ("one", "two")]
    prepared.append(desk.prepare(new_ticket()))
    with desk.trac.env.db_transaction:
        filed = [write(desk.trac.env, each, WHEN + timedelta(days=1)) for each in prepared]
    assert [each.comment for each in filed] == [1, 2, None]
    assert filed[1].when - filed[0].when == timedelta(microseconds=1)
    rows = desk.trac.query("SELECT newvalue FROM ticket_change WHERE field='comment' ORDER BY time")
    assert rows == [("one",), ("two",)]


def test_a_comment_is_later_than_the_last_change(desk: Desk) -> None:
    """Two changes at the same time are one to Trac, and a clock may go back."""
    number = desk.file(new_ticket()).ticket
    last = Ticket(desk.trac.env, number)["changetime"]
    filed = desk.write(desk.prepare(comment(number)), last - timedelta(hours=1))
    assert filed.when == last + timedelta(microseconds=1)
    assert Ticket(desk.trac.env, number)["changetime"] == filed.when


def test_a_rolled_back_change_can_be_written_again(desk: Desk, tmp_path: Path) -> None:
    """Alone after the batch failed: the same ticket, the same attachment, nothing twice."""
    prepared = desk.prepare(new_ticket(attachments=(enclosed(tmp_path, "a.txt", b"content"),)))
    placement = desk.staging.placement(enclosures([prepared]))
    with contextlib.suppress(RollBack), desk.trac.env.db_transaction:
        placement.link([write(desk.trac.env, prepared, WHEN).attached])
        raise RollBack
    placement.settle()
    assert desk.trac.tickets() == []
    again = desk.write(prepared)
    assert [ticket.id for ticket in desk.trac.tickets()] == [again.ticket]
    assert desk.trac.query("SELECT filename FROM attachment") == [("a.txt",)]
    files = [each for each in (desk.trac.path / "files" / "attachments").rglob("*") if each.is_file()]
    assert [each.read_bytes() for each in files] == [b"content"]


def test_the_history_shows_every_attachment(desk: Desk, tmp_path: Path) -> None:
    """Trac shows one of several that have the same time: they are a microsecond apart, the first is the comment's."""
    number = desk.file(new_ticket()).ticket
    parts = tuple(enclosed(tmp_path, f"{name}.txt", name.encode()) for name in "abc")
    filed = desk.write(desk.prepare(comment(number, attachments=parts)))
    times = [time for (time,) in desk.trac.query("SELECT time FROM attachment ORDER BY time")]
    assert times == [to_utimestamp(filed.when) + place for place in range(3)]


def test_listeners_hear_of_it_after_the_commit(desk: Desk, tmp_path: Path) -> None:
    """Of the ticket, the comment and each attachment, with what Trac would have told them; and not before."""
    desk.trac.set(("components", "tests.tracker.plugins.Listener", "enabled"))
    heard = plugins.Listener.heard
    heard.clear()
    created = desk.write(desk.prepare(new_ticket(attachments=(enclosed(tmp_path, "a.txt", b"1"),))))
    assert heard == []
    announce(desk.trac.env, created)
    assert heard == [("created", created.ticket, True), ("attached", "a.txt", True)]
    heard.clear()
    changed = desk.write(desk.prepare(comment(created.ticket, JOE, cc=("ann@example.org",))))
    assert heard == []
    announce(desk.trac.env, changed)
    assert heard == [("changed", (created.ticket, "Me too.", "joe", ()), True)]


def test_other_threads_are_heard_meanwhile(desk: Desk) -> None:
    """While we write, a web user's ticket still reaches its listeners: nothing shared is silenced."""
    desk.trac.set(("components", "tests.tracker.plugins.Listener", "enabled"))
    prepared = desk.prepare(new_ticket())
    env = desk.trac.env
    plugins.Listener.heard.clear()
    with env.db_transaction:
        write(env, prepared, WHEN)
        listeners = [type(each) for each in TicketSystem(env).change_listeners]
    assert plugins.Listener in listeners
    web = Ticket(env)
    web["summary"], web["status"] = "from the web", "new"
    thread = threading.Thread(target=web.insert)
    thread.start()
    thread.join()
    assert [what for what, _, _ in plugins.Listener.heard] == ["created"]


def test_many_at_once_are_numbered_without_gaps(desk: Desk) -> None:
    """Four workers comment on one ticket, all prepared before the first writes: nothing is lost, nothing collides."""
    number = desk.file(new_ticket()).ticket
    failures: list[BaseException] = []

    def work(prepared: list[Prepared]) -> None:
        try:
            for each in prepared:
                with desk.trac.env.db_transaction:
                    write(desk.trac.env, each, WHEN)
        except BaseException as failure:  # noqa: BLE001 - told by the test itself
            failures.append(failure)

    batches = [[desk.prepare(comment(number, text=f"{worker}.{turn}")) for turn in range(10)] for worker in range(4)]
    threads = [threading.Thread(target=work, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    rows = desk.trac.query("SELECT oldvalue, newvalue FROM ticket_change WHERE field='comment' ORDER BY time")
    assert [number for number, _ in rows] == [str(number) for number in range(1, 41)]
    assert {text for _, text in rows} == {f"{worker}.{turn}" for worker in range(4) for turn in range(10)}


def test_a_change_by_somebody_else_is_kept(desk: Desk) -> None:
    """A comment needs no second decision because somebody set the priority meanwhile."""
    number = desk.file(new_ticket()).ticket
    prepared = desk.prepare(comment(number))
    other = Ticket(desk.trac.env, number)
    other["priority"] = "blocker"
    other.save_changes("joe", "Urgent!")
    filed = desk.write(prepared)
    assert filed.comment == 2
    assert filed.model["priority"] == "blocker"
    assert Ticket(desk.trac.env, number)["priority"] == "blocker"


def test_a_change_of_the_status_is_decided_again(desk: Desk) -> None:
    """The basis of the decision has changed."""
    number = desk.file(new_ticket()).ticket
    prepared = desk.prepare(comment(number, reopen=Reopen.IF_ALLOWED))
    other = Ticket(desk.trac.env, number)
    other["status"], other["resolution"] = "closed", "wontfix"
    other.save_changes("joe", "No.")
    with pytest.raises(Stale):
        desk.write(prepared)
    assert desk.write(desk.prepare(comment(number, reopen=Reopen.IF_ALLOWED))).comment == 2


def test_a_change_of_what_we_change_is_decided_again(desk: Desk) -> None:
    """Somebody else's cc must not be written over."""
    desk.trac.grant("anonymous", "TICKET_CHGPROP", "TICKET_EDIT_CC")
    number = desk.file(new_ticket()).ticket
    prepared = desk.prepare(comment(number, cc=("ann@example.org",)))
    other = Ticket(desk.trac.env, number)
    other["cc"] = "bob@example.org"
    other.save_changes("joe", "")
    with pytest.raises(Stale):
        desk.write(prepared)


def test_a_deleted_ticket_is_decided_again(desk: Desk) -> None:
    """There is no ticket left to comment on."""
    number = desk.file(new_ticket()).ticket
    prepared = desk.prepare(comment(number))
    Ticket(desk.trac.env, number).delete()
    with pytest.raises(Stale):
        desk.write(prepared)
    assert desk.trac.query("SELECT ticket FROM ticket_change") == []
