"""Mail that nobody has read, and whose IMAP server numbers all mail anew: told by size and date, or held."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rig import Remote, mail
from tests.sources.bent import WHOLES, Bend
from tests.sources.restless import RestlessImap, with_status
from tests.test_identity import nameless, nothing, tickets
from trac_mailintake.intake.model import Status
from trac_mailintake.tracker.db.transaction import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


class Dated(RestlessImap):
    """New mail has a later date than what was there before."""

    def _identity(self, bend: Bend, mail: memoryview, *, body: bool = False) -> bytes:
        told = super()._identity(bend, mail, body=body)
        return told.replace(b"Feb-2026", b"Feb-2036") if b"Subject: New mail" in bytes(mail) else told


def pass_time(trac: TracEnv, span: int) -> None:
    """All that is remembered of mail was so much earlier."""
    with trac.env.db_transaction as db:
        for column in ("retry_at", "blamed_since", "recorded", "seen"):
            db(f"UPDATE mailintake_delivery SET {column}={column}-%s WHERE {column}>0", (span,))


@pytest.mark.parametrize("afterwards", ["leave", "delete"])
def test_mail_from_before_the_start_is_never_filed_because_it_was_numbered_anew(
    sqlite_env: TracEnv, afterwards: str
) -> None:
    """It is told by its size and date, whatever was filed beside it, removed, or came meanwhile."""
    with Dated([mail(f"Old mail {10 ** (number % 4)}") for number in range(8)]) as restless:
        rig = Remote(sqlite_env, "imap", restless.port, afterwards=afterwards, start="now")
        assert nothing(rig.run())
        filed = []
        for number in range(1, 5):
            restless.validity += 1
            restless.folders[b"INBOX"].pop(number)
            restless.deliver(nameless(f"New mail {number}"))
            filed.append(f"New mail {number}")
            assert rig.run().counts[Status.CREATED] == 1
            assert nothing(rig.run())
            pass_time(sqlite_env, HOUR)
            assert tickets(sqlite_env) == filed
    assert {row["rule"] for row in rig.journal() if row["state"] != "created"} == {"start"}


def test_a_new_number_after_the_first_run_is_noticed(sqlite_env: TracEnv) -> None:
    """Though some old mail is found by its size and date, what is of another size is not filed."""
    with Dated([mail("Old mail 1"), mail("Old mail, a longer one")]) as restless:
        rig = Remote(sqlite_env, "imap", restless.port, afterwards="leave", start="now")
        assert nothing(rig.run())
        restless.validity += 1
        inbox = restless.folders[b"INBOX"]
        inbox[1] = with_status(inbox[1], "RO")
        restless.deliver(mail("New mail"))
        assert rig.run().counts[Status.CREATED] == 1
    assert [(row["state"], row["rule"]) for row in rig.journal()][:2] == [("ignored", "start")] * 2
    assert tickets(sqlite_env) == ["New mail"]


def test_mail_that_may_be_from_before_the_start_is_held(sqlite_env: TracEnv) -> None:
    """The server tells other dates as well. An administrator says whether it is taken; later mail is filed."""
    with RestlessImap([mail("Old mail 1"), mail("Old mail 2")]) as restless:
        rig = Remote(sqlite_env, "imap", restless.port, afterwards="leave", start="now")
        assert nothing(rig.run())
        restless.validity, restless.dates = 8, True
        restless.deliver(mail("New mail"))
        assert nothing(rig.run())
        restless.dates = False
        assert tickets(sqlite_env) == []
        held = [row["id"] for row in rig.journal() if (row["state"], row["rule"]) == ("held", "start-unsure")]
        assert len(held) == 3
        restless.deliver(mail("Later mail"))
        assert rig.run().counts[Status.CREATED] == 1
        asked = sqlite_env.command("mailintake", "held", "retry", str(held[-1]))
        assert asked.out == f"{held[-1]}: the next run fetches it from its mailbox, if it comes\n"
        assert rig.run().counts[Status.CREATED] == 1
        assert nothing(rig.run())
    assert tickets(sqlite_env) == ["Later mail", "New mail"]


@pytest.mark.parametrize("whole", ["refused", "empty"])
def test_mail_that_may_be_from_before_the_start_is_held_while_other_mail_is_in_doubt(
    sqlite_env: TracEnv, whole: str
) -> None:
    """A filed mail is gone, so all others are read. One that does not come must not let the rest of them be filed."""
    with RestlessImap([mail(f"Old mail {number}") for number in range(4)]) as restless:
        rig = Remote(sqlite_env, "imap", restless.port, afterwards="leave", start="now")
        assert nothing(rig.run())
        restless.deliver(mail("Filed"))
        assert rig.run().counts[Status.CREATED] == 1
        restless.validity, restless.dates, restless.bends = 8, True, {2: Bend(whole=WHOLES[whole])}
        del restless.folders[b"INBOX"][5]
        for _ in range(2):
            report = rig.run()
            assert (nothing(report), report.doubtful[:15]) == (True, "1 message waits")
            restless.dates = False
        assert [row["rule"] for row in rig.journal()].count("start-unsure") == 3
        restless.bends = {}
        assert nothing(rig.run())
    assert tickets(sqlite_env) == ["Filed"]
    assert [row["rule"] for row in rig.journal()].count("start-unsure") == 4


@pytest.mark.parametrize("rule", ["too-large", "unreadable"])
@pytest.mark.parametrize("dates", [False, True])
def test_mail_that_is_held_without_its_bytes_has_an_end(sqlite_env: TracEnv, rule: str, dates: bool) -> None:  # noqa: FBT001 - a case
    """Its row follows it to its new number, or ends as another one begins; it is filed once, when it can be fetched."""
    with RestlessImap([mail("Mail 1"), mail("Bad", body="How?\n" * 900), mail("Mail 3")]) as restless:
        sqlite_env.env.config.set("mailintake", "archive_max_size", "2K" if rule == "too-large" else "50K")
        rig = Remote(sqlite_env, "imap", restless.port, afterwards="leave")
        if rule == "unreadable":
            restless.bends = {2: Bend(whole=WHOLES["refused"])}
        rig.run()
        for number in range(8 if rule == "unreadable" else 1):
            pass_time(sqlite_env, DAY // 4 + MINUTE)
            restless.deliver(mail(f"Later {number}"))
            rig.run()
        [held] = [row["id"] for row in rig.journal() if (row["state"], row["rule"]) == ("held", rule)]
        restless.validity, restless.dates = 8, dates
        for _ in range(2):
            pass_time(sqlite_env, HOUR)
            rig.run()
        restless.dates = False
        rows = {row["id"]: row for row in rig.journal() if row["state"] != "created"}
        if dates:
            assert (rows[held]["state"], rows[held]["rule"]) == ("ignored", "vanished")
        else:
            assert (list(rows), rows[held]["state"], rows[held]["rule"]) == ([held], "held", rule)
        assert "Bad" not in tickets(sqlite_env)
        restless.bends = {}
        sqlite_env.env.config.set("mailintake", "archive_max_size", "50K")
        pass_time(sqlite_env, DAY + HOUR)
        rig.run()
        assert nothing(rig.run())
    assert tickets(sqlite_env).count("Bad") == 1
    assert "held" not in {row["state"] for row in rig.journal()}


def test_mail_that_is_held_without_its_bytes_and_removed_is_no_longer_held(sqlite_env: TracEnv) -> None:
    """Nobody could release it, and its service could never be removed."""
    with RestlessImap([mail("Mail 1"), mail("Bad", body="How?\n" * 900)]) as restless:
        sqlite_env.env.config.set("mailintake", "archive_max_size", "2K")
        rig = Remote(sqlite_env, "imap", restless.port)
        assert rig.run().counts[Status.HELD] == 1
        del restless.folders[b"INBOX"][2]
        assert nothing(rig.run())
        assert rig.outcomes[1] == ("held", "too-large")
        pass_time(sqlite_env, HOUR)
        assert nothing(rig.run())
    assert rig.outcomes[1] == ("ignored", "vanished")
