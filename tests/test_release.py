"""Held mail, released: past all screens, into the ticket that an administrator chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rig import Rig, id_of, mail
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.tracker.journal.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

AUTOMATIC = "Auto-Submitted: auto-replied"


@pytest.fixture
def rig(sqlite_env: TracEnv, tmp_path: Path) -> Rig:
    """A service that holds automatic mail."""
    return Rig(sqlite_env, tmp_path, bulk="hold")


def hold(rig: Rig, message: bytes) -> int:
    """Let a mail be held; its number in the journal."""
    rig.drop(message)
    rig.run()
    row = rig.journal()[-1]
    assert row["outcome"] == "held"
    return int(row["id"])


def release(rig: Rig, number: int, ticket: int | None, user: str = "") -> dict[str, object]:
    """Release it; the row that the journal has of it then."""
    with rig.worker() as assembly:
        assembly.release(Journal(rig.trac.env).retryable(number), ticket, user)
    return next(row for row in rig.journal() if row["id"] == number)


def test_mail_is_released_into_the_chosen_ticket(rig: Rig) -> None:
    """Whatever it says itself; its author stays who sent it."""
    rig.drop(mail("One"), mail("Two"))
    rig.run()
    row = release(rig, hold(rig, mail("About #1", AUTOMATIC, body="Released.\n")), 2)
    assert (row["outcome"], row["rule"], row["ticket"], row["comment"]) == ("commented", "released", 2, 1)
    change = next(each for each in rig.trac.tickets()[1].get_changelog() if each[2] == "comment")
    assert (change[1], change[4]) == ("Ann <ann@example.com>", "Released.")


def test_mail_is_released_into_a_ticket_of_its_own(rig: Rig) -> None:
    """An answer, too: its ticket then has a note that an administrator chose this."""
    parent = mail("One")
    rig.drop(parent)
    rig.run()
    row = release(rig, hold(rig, mail("Re: One", AUTOMATIC, f"In-Reply-To: {id_of(parent)}")), None)
    assert (row["outcome"], row["ticket"]) == ("created", 2)
    assert "a ticket of its own" in rig.trac.tickets()[1]["description"]


def test_the_rights_of_who_releases_it_count(rig: Rig) -> None:
    """Strangers may do nothing here; the mail is filed all the same, and is theirs."""
    rig.trac.command("permission", "remove", "anonymous", "TICKET_CREATE", "TICKET_APPEND")
    number = hold(rig, mail("May I?"))
    assert release(rig, number, None)["rule"] == "permission"
    rig.trac.grant("boss", "TICKET_CREATE")
    assert release(rig, number, None, "boss")["outcome"] == "created"
    assert rig.trac.tickets()[0]["reporter"] == "Ann <ann@example.com>"


def test_a_release_files_nothing_that_the_user_may_not_file(rig: Rig) -> None:
    """MAILINTAKE_ADMIN alone is no right to tickets."""
    rig.drop(mail("One"))
    rig.run()
    number = hold(rig, mail("More", AUTOMATIC))
    for group in ("anonymous", "authenticated"):
        rig.trac.command("permission", "remove", group, "*")
    rig.trac.grant("keeper", "MAILINTAKE_ADMIN")
    row = release(rig, number, 1, "keeper")
    assert (row["outcome"], row["rule"]) == ("held", "permission")


def test_a_copy_of_what_was_filed_is_not_filed_again(rig: Rig) -> None:
    """It is a duplicate, also when it is released."""
    number = hold(rig, message := mail("Once", AUTOMATIC))
    second = hold(rig, message)
    assert release(rig, number, None)["outcome"] == "created"
    row = release(rig, second, None)
    assert (row["outcome"], row["ticket"]) == ("duplicate", 1)
    assert len(rig.trac.tickets()) == 1


def test_a_ticket_that_is_gone_leaves_the_mail_held(rig: Rig) -> None:
    """With the reason."""
    row = release(rig, hold(rig, mail("Lost", AUTOMATIC)), 99)
    assert row["outcome"] == "held"
    assert "99" in str(row["failure"])


def test_only_held_mail_is_released(rig: Rig) -> None:
    """What is filed stays where it is."""
    rig.drop(mail("Filed"))
    rig.run()
    with pytest.raises(SettingError, match="this one is created"):
        release(rig, 1, None)


def test_the_command_releases_mail(rig: Rig) -> None:
    """Into a ticket by number, or `new`; what is wrong is said."""
    first, second = hold(rig, mail("A", AUTOMATIC)), hold(rig, mail("B", AUTOMATIC))
    done = rig.trac.command("mailintake", "held", "release", str(first), "new")
    assert (done.status, done.out) == (0, f"{first}: created #1 (released): An administrator chose it.\n")
    wrong = rig.trac.command("mailintake", "held", "release", str(second), "7")
    assert wrong.status == 2
    assert "ticket=7" in wrong.err
    done = rig.trac.command("mailintake", "held", "release", str(second), "#1", "--user", "admin")
    assert "commented #1" in done.out


@pytest.mark.parametrize(
    "handler", ["create", "create-or-comment", "comment", "comment-regex", "comment-unquoted", "commit-log"]
)
@pytest.mark.parametrize("word", ["new", "1"])
def test_mail_that_any_handler_held_is_released(sqlite_env: TracEnv, tmp_path: Path, handler: str, word: str) -> None:
    """An administrator who chooses a new ticket gets one, with the mail's subject, or a comment on the chosen one."""
    rig = Rig(sqlite_env, tmp_path)
    rig.drop(mail("First"))
    rig.run()
    rig.set(handler=handler, bulk="hold", **({"splitregex": "^--cut--$"} if handler == "comment-regex" else {}))
    rig.drop(mail("Not sorted", "Precedence: bulk", body="It burns.\n"))
    rig.run()
    assert rig.outcomes[-1][0] == "held"
    done = sqlite_env.command("mailintake", "held", "release", "2", word)
    assert rig.outcomes[-1] == ("created" if word == "new" else "commented", "released"), done.out + done.err
    if word == "new":
        assert [ticket["summary"] for ticket in sqlite_env.tickets()] == ["First", "Not sorted"]
        assert "It burns." in sqlite_env.tickets()[1]["description"]
