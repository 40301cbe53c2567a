"""The number of a comment by mail is that of no other comment, whoever saves at the same time; on each database."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest
from trac.ticket.model import Ticket
from trac.util.datefmt import datetime_now, to_utimestamp, utc

from tests.builders import comment, new_ticket
from tests.tracker.conftest import Desk, write
from trac_mailintake.tracker.db.transaction import transaction
from trac_mailintake.tracker.tickets import comment_numbers
from trac_mailintake.tracker.tickets import write as ticket_write
from trac_mailintake.tracker.tickets.stage_attachments import Staging

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.tracker.tickets.write import Filed

SAVES: Final = 25


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    """A desk where outsiders may create tickets and append to them."""
    trac: TracEnv = request.getfixturevalue(f"{request.param}_env")
    trac.grant("anonymous", "TICKET_CREATE", "TICKET_APPEND")
    with closing(Staging(trac.env, "a-worker")) as staging:
        yield Desk(trac, staging)


def by_mail(desk: Desk, ticket: int, text: str) -> Filed:
    """A mail that becomes a comment."""
    prepared = desk.prepare(comment(ticket, text=text))
    with transaction(desk.trac.env):
        return write(desk.trac.env, prepared, datetime_now(utc))


def in_browser(desk: Desk, ticket: int, text: str, when: datetime | None = None) -> int:
    """A user's save. As in Trac's web interface, its time is taken before the ticket is locked."""
    return int(Ticket(desk.trac.env, ticket).save_changes("somebody", text, when or datetime_now(utc)))


def numbers(desk: Desk) -> dict[str, str]:
    """By text: the number of each comment, as Trac stored it."""
    rows = desk.trac.query("SELECT newvalue, oldvalue FROM ticket_change WHERE field='comment'")
    return {str(text): str(number) for text, number in rows}


def save_while_a_mail_is_filed(desk: Desk, ticket: int) -> None:
    """A user presses the button just before a mail is filed, and has to wait for it."""
    begun = threading.Event()

    def save() -> None:
        when = datetime_now(utc)
        begun.set()
        in_browser(desk, ticket, "browser", when)

    prepared = desk.prepare(comment(ticket, text="mail 1"))
    user = threading.Thread(target=save)
    with transaction(desk.trac.env):
        changed = ticket_write.lock(desk.trac.env, [prepared])
        user.start()
        assert begun.wait(30)
        ticket_write.write(desk.trac.env, prepared, datetime_now(utc), changed)
    user.join(30)
    assert not user.is_alive()


def test_a_user_waited_for_the_mail_before(desk: Desk) -> None:
    """Their comment is the second but has the earlier time; Trac would call the next one the second, too."""
    ticket = desk.file(new_ticket()).ticket
    save_while_a_mail_is_filed(desk, ticket)
    assert numbers(desk) == {"mail 1": "1", "browser": "2"}
    filed = by_mail(desk, ticket, "mail 2")
    assert filed.comment == 3
    assert numbers(desk) == {"mail 1": "1", "browser": "2", "mail 2": "3"}
    in_browser(desk, ticket, "afterwards")
    assert numbers(desk)["afterwards"] == "4"


def test_the_clock_of_another_host_is_fast(desk: Desk) -> None:
    """The mail's comment is the newest by time all the same: Trac counts from it, and never up to it."""
    ticket = desk.file(new_ticket()).ticket
    soon = datetime_now(utc) + timedelta(hours=1)
    in_browser(desk, ticket, "ahead", soon)
    in_browser(desk, ticket, "browser")
    filed = by_mail(desk, ticket, "mail")
    assert filed.when > soon
    for turn in range(3):
        in_browser(desk, ticket, f"later {turn}", soon + timedelta(minutes=turn + 1))
    assert numbers(desk)["mail"] == "3"
    assert Counter(numbers(desk).values())["3"] == 1


def test_users_save_all_the_time(desk: Desk) -> None:
    """Two of them, while mail comes in: the number that the journal gets leads only to the mail's comment."""
    ticket = desk.file(new_ticket()).ticket
    failures: list[BaseException] = []

    def work(user: int) -> None:
        try:
            for turn in range(SAVES):
                in_browser(desk, ticket, f"browser {user}.{turn}")
        except BaseException as failure:  # noqa: BLE001 - the test says it
            failures.append(failure)

    users = [threading.Thread(target=work, args=(user,)) for user in range(2)]
    for user in users:
        user.start()
    filed = {text: by_mail(desk, ticket, text).comment for text in (f"mail {turn}" for turn in range(SAVES))}
    for user in users:
        user.join(60)
    assert failures == []
    stored = numbers(desk)
    assert len(stored) == 3 * SAVES
    often = Counter(stored.values())
    assert {text: (stored[text], often[stored[text]]) for text in filed} == {
        text: (str(number), 1) for text, number in filed.items()
    }


@pytest.mark.parametrize(
    ("stored", "highest"), [("", 0), ("4", 4), ("2.5", 5), ("1.2.3", 3), ("description.1", 1), ("none", 0), ("²", 0)]
)
@pytest.mark.sqlite
def test_a_number_as_trac_stores_it(sqlite_env: TracEnv, stored: str, highest: int) -> None:
    """An answer's is behind that of its parent; an old database may have none."""
    when = datetime_now(utc)
    with sqlite_env.env.db_transaction as db:
        values = (1, to_utimestamp(when), "joe", stored, "Me too.")
        db("INSERT INTO ticket_change VALUES (%s, %s, %s, 'comment', %s, %s)", values)
    none = comment_numbers.Comments(0, None)
    found = comment_numbers.existing(sqlite_env.env, [1, *range(3, 500)])
    assert found == {1: comment_numbers.Comments(highest, when), **dict.fromkeys(range(3, 500), none)}
