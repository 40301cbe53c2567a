"""Which mail is which: servers that number mail anew, write into it, or give one name to several."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import pytest

from tests.rig import Remote, mail
from tests.sources.bent import WHOLES, Bend
from tests.sources.restless import RestlessImap
from trac_mailintake.intake.model import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.intake.report import Report

NAMELESS: Final = b"From: Ann <ann@example.com>\nSubject: No id\n\nHow?\n"
"""A mail without a Message-ID: only its bytes tell it from others."""


def nameless(subject: str) -> bytes:
    """Another one."""
    return NAMELESS.replace(b"No id", subject.encode())


def tickets(trac: TracEnv) -> list[str]:
    """The summaries of all tickets, in order."""
    return [str(summary) for (summary,) in trac.query("SELECT summary FROM ticket ORDER BY id")]


def nothing(report: Report) -> bool:
    """Whether a round went well, and did nothing that the journal would show."""
    return report.error == "" and not report.counts.total()


def complaint(trac: TracEnv) -> str:
    """What *Status* says besides its table."""
    return trac.command("mailintake", "status").out.partition("Mail queue:")[2]


@pytest.mark.parametrize("afterwards", ["leave", "seen"])
def test_mail_that_is_numbered_anew_in_each_session_is_known(sqlite_env: TracEnv, afterwards: str) -> None:
    """No row for it, whatever it has for an id; what is new among it is filed, and *Status* says why it is slow."""
    with RestlessImap([mail("Mail 1"), NAMELESS, mail("Mail 3")]) as restless:
        rig = Remote(sqlite_env, "imap", restless.port, afterwards=afterwards)
        assert rig.run().counts[Status.CREATED] == 3
        restless.renews = True
        for number in range(4, 7):
            assert "numbers its mail anew" not in complaint(sqlite_env)
            restless.deliver(nameless(f"Mail {number}"))
            report = rig.run()
            assert (report.error, report.counts.total(), report.counts[Status.CREATED]) == ("", 1, 1)
        assert "support: imap://ann@localhost" in complaint(sqlite_env)
        assert "numbers its mail anew in each session (UIDVALIDITY)" in complaint(sqlite_env)
        restless.renews = False
        assert nothing(rig.run())
        assert "numbers its mail anew" not in complaint(sqlite_env)
        restless.asked.clear()
        assert nothing(rig.run())
        assert not restless.asked
    assert len(rig.journal()) == len(tickets(sqlite_env)) == 6


def test_where_nothing_is_left_a_new_number_is_no_complaint(sqlite_env: TracEnv) -> None:
    """Mail that is deleted is read only once."""
    with RestlessImap([]) as restless:
        restless.renews = True
        rig = Remote(sqlite_env, "imap", restless.port)
        for number in range(6):
            restless.deliver(mail(f"Mail {number}"))
            assert rig.run().counts[Status.CREATED] == 1
        assert "numbers its mail anew" not in complaint(sqlite_env)
    assert len(rig.journal()) == 6


def test_a_copy_that_was_left_over_goes_under_its_new_number(sqlite_env: TracEnv) -> None:
    """What was filed before UIDVALIDITY changed is deleted, and not filed once more."""
    with RestlessImap([NAMELESS, mail("Mail 2")]) as restless:
        rig = Remote(sqlite_env, "imap", restless.port)
        restless.bend.refuses[b"STORE"] = b"NO not now"
        assert rig.run().counts[Status.CREATED] == 2
        restless.bend.refuses.clear()
        restless.validity += 1
        restless.write("RO")
        assert nothing(rig.run())
        assert restless.folders[b"INBOX"] == {}
    assert [outcome for outcome, _ in rig.outcomes] == ["created"] * 2


@pytest.mark.parametrize("afterwards", ["leave", "seen"])
def test_a_field_that_a_server_writes_makes_no_other_mail(sqlite_env: TracEnv, afterwards: str) -> None:
    """It is read once more, and then known by its new size."""
    with RestlessImap([mail("Mail 1"), NAMELESS]) as restless:
        rig = Remote(sqlite_env, "imap", restless.port, afterwards=afterwards)
        rig.run()
        for status in ("O", "RO"):
            restless.write(status)
            restless.asked.clear()
            assert nothing(rig.run())
            assert restless.asked
            restless.asked.clear()
            assert nothing(rig.run())
            assert not restless.asked
    assert [outcome for outcome, _ in rig.outcomes] == ["created"] * 2
    sizes = {size for (size,) in sqlite_env.query("SELECT size FROM mailintake_delivery")}
    assert sizes == {len(content) for content in restless.folders[b"INBOX"].values()}


def test_another_date_says_nothing(sqlite_env: TracEnv) -> None:
    """Nothing is read again."""
    with RestlessImap([mail("Mail 1"), NAMELESS]) as restless:
        restless.dates = True
        rig = Remote(sqlite_env, "imap", restless.port, afterwards="leave")
        rig.run()
        restless.asked.clear()
        for _ in range(3):
            assert nothing(rig.run())
        assert not restless.asked
    assert len(rig.journal()) == 2


def test_another_mail_under_a_known_uid_is_filed(sqlite_env: TracEnv) -> None:
    """It has another size; a server that does this breaks RFC 3501, but loses no mail here."""
    with RestlessImap([mail("Mail 1"), NAMELESS]) as restless:
        rig = Remote(sqlite_env, "imap", restless.port, afterwards="leave")
        rig.run()
        restless.folders[b"INBOX"][2] = nameless("Quite another one")
        assert rig.run().counts[Status.CREATED] == 1
        assert nothing(rig.run())
    assert tickets(sqlite_env) == ["Mail 1", "No id", "Quite another one"]


@pytest.mark.parametrize("anew", [False, True])
@pytest.mark.parametrize("bend", [Bend(whole=WHOLES["refused"]), Bend(whole=WHOLES["nil"]), Bend(cut=60)])
def test_a_doubtful_mail_that_cannot_be_read_keeps_nothing_out(sqlite_env: TracEnv, bend: Bend, anew: bool) -> None:  # noqa: FBT001 - a case
    """The server refuses it, or hangs up; what is new is filed in the same run, and no known mail gets a second row."""
    with RestlessImap([mail("Mail 1"), NAMELESS, mail("Mail 3")]) as restless:
        rig = Remote(sqlite_env, "imap", restless.port, afterwards="leave")
        rig.run()
        restless.validity += anew
        restless.write("RO")
        restless.deliver(mail("Mail 4"))
        restless.bends = {2: bend}
        for _ in range(3):
            assert rig.run().doubtful.startswith("1 message waits to be compared with known mail: imap://ann@")
            assert "Mail 4" in tickets(sqlite_env)
        restless.bends = {}
        for _ in range(2):
            assert nothing(rig.run())
    assert sorted(tickets(sqlite_env)) == ["Mail 1", "Mail 3", "Mail 4", "No id"]
    assert len(rig.journal()) == 4


def test_an_outage_while_mail_is_numbered_anew_makes_no_known_mail_new(sqlite_env: TracEnv) -> None:
    """What was rejected would be decided again; `run` and `status` say what waits."""
    mails = [nameless(f"Mail {number}") for number in range(12)]
    with RestlessImap(mails) as restless:
        rig = Remote(sqlite_env, "imap", restless.port, afterwards="leave", block="example.com")
        assert rig.run().counts[Status.REJECTED] == 12
        rig.set(block="")
        restless.validity += 1
        restless.bend = Bend(whole=lambda _: b"NO [UNAVAILABLE] later")
        ran = sqlite_env.command("mailintake", "run", "support")
        waits = "12 messages wait to be compared with known mail: imap://ann@localhost"
        assert waits in ran.out
        assert "[UNAVAILABLE] later" in ran.out
        restless.bend = Bend()
        assert nothing(rig.run())
    assert tickets(sqlite_env) == []
    assert len(rig.journal()) == 12


def test_a_server_that_does_not_remove_what_it_says_is_told_of(sqlite_env: TracEnv) -> None:
    """STORE and EXPUNGE are answered with OK, and nothing happens: the mailbox fills up."""
    with RestlessImap([mail("Mail 1"), mail("Mail 2")]) as restless:
        restless.bend.refuses = {b"STORE": b"OK done", b"EXPUNGE": b"OK done"}
        rig = Remote(sqlite_env, "imap", restless.port)
        rig.run()
        assert nothing(rig.run())
        with sqlite_env.env.db_transaction as db:
            db("UPDATE mailintake_delivery SET consumed=consumed-3600000000")
        assert nothing(rig.run())
        assert "still lists 2 mails that its server said it had removed" in complaint(sqlite_env)
        restless.bend.refuses.clear()
        with sqlite_env.env.db_transaction as db:
            db("UPDATE mailintake_delivery SET consumed=consumed-3600000000")
        assert nothing(rig.run())
        assert restless.folders[b"INBOX"] == {}
        assert nothing(rig.run())
        assert "still lists" not in complaint(sqlite_env)
    assert len(rig.journal()) == 2


class Twins(RestlessImap):
    """It gives one UID to two mails: whatever it is asked about the second one, it answers for the third, too."""

    def _message(self, uid: int, number: int, items: bytes) -> bytes | Iterator[bytes | memoryview]:
        said = super()._message(uid, number, items)
        if uid != 2 or isinstance(said, bytes):
            return said
        inbox = self.folders[b"INBOX"]
        inbox[2], kept = TWIN, inbox[2]
        other = b"".join(super()._message(uid, 3, items))  # type: ignore[arg-type]  # it refuses nothing
        inbox[2] = kept
        return itertools.chain(said, [other])


TWIN: Final = mail("Twin 2")


@pytest.mark.parametrize("afterwards", ["delete", "leave", "move:Filed"])
def test_a_uid_that_two_mails_have_removes_neither(sqlite_env: TracEnv, afterwards: str) -> None:
    """Neither is taken for the other: both wait, with a reason, and the mail beside them is filed."""
    with Twins([mail("Mail 1"), mail("Twin 1"), mail("Mail 3")]) as twins:
        rig = Remote(sqlite_env, "imap", twins.port, afterwards=afterwards)
        for _ in range(2):
            assert rig.run().error == ""
            assert 2 in twins.folders[b"INBOX"]
    assert tickets(sqlite_env) == ["Mail 1", "Mail 3"]
    [(state, failure)] = sqlite_env.query("SELECT state, failure FROM mailintake_delivery WHERE locator='7/2'")
    assert (state, "twice" in str(failure)) == ("deferred", True)
