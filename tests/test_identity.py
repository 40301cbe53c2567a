"""Which mail is which: servers that number mail anew, write into it, or give one name to several."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import pytest

from tests.rig import Remote, mail
from tests.sources.bent import WHOLES, Bend
from tests.sources.restless import RestlessImap, RestlessPop3, with_status
from trac_mailintake.intake.model import Status
from trac_mailintake.tracker.db.transaction import DAY, HOUR, MINUTE

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


# POP3


def test_a_field_that_a_pop3_server_writes_makes_no_other_mail(sqlite_env: TracEnv) -> None:
    """One without a Message-ID became a second ticket."""
    restless = RestlessPop3()
    first, second = restless.put(mail("Mail 1")), restless.put(NAMELESS)
    with restless.server as server:
        rig = Remote(sqlite_env, "pop3", server.port, afterwards="leave")
        rig.run()
        for status in ("O", "RO"):
            for number in (first, second):
                content = restless.mails[number][2].replace(b"\r\n", b"\n")
                restless.change(number, with_status(content, status))
            assert nothing(rig.run())
            before = len(server.heard)
            assert nothing(rig.run())
            assert not [line for line in server.heard[before:] if line.startswith(b"RETR")]
        restless.change(second, nameless("Under a UIDL that was used before"))
        assert rig.run().counts[Status.CREATED] == 1
    assert tickets(sqlite_env) == ["Mail 1", "No id", "Under a UIDL that was used before"]


@pytest.mark.parametrize("afterwards", ["leave", "delete"])
@pytest.mark.parametrize(
    ("uidl", "size"),
    [
        (b"2 u1", b""),
        (b"2 u1 and more", b""),
        (b"2", b""),
        (None, b""),
        (b"two", b""),
        (b"", b"2"),
        (b"", b"2 many"),
        (b"", None),
        (b"", b"2 -1"),
    ],
)
def test_a_wrong_line_of_a_listing_keeps_no_mail_out(
    sqlite_env: TracEnv, afterwards: str, uidl: bytes | None, size: bytes | None
) -> None:
    """Nor its own: without a UIDL of its own a mail is known by its content."""
    restless = RestlessPop3()
    restless.put(nameless("Mail 1"))
    restless.put(nameless("Mail 2"), uidl, size)
    restless.put(nameless("Mail 3"))
    with restless.server as server:
        rig = Remote(sqlite_env, "pop3", server.port, afterwards=afterwards)
        assert rig.run().counts[Status.CREATED] == 3
        assert nothing(rig.run())
        assert len(restless.mails) == (0 if afterwards == "delete" else 3)
        restless.put(nameless("Mail 4"))
        assert rig.run().counts[Status.CREATED] == 1
    assert tickets(sqlite_env) == ["Mail 1", "Mail 2", "Mail 3", "Mail 4"]


def test_a_mail_whose_uidl_comes_to_be_shared_stays_known(sqlite_env: TracEnv) -> None:
    """It is found again by its content, though a server wrote into it, and what took its UIDL is filed."""
    restless = RestlessPop3()
    first = restless.put(NAMELESS)
    with restless.server as server:
        rig = Remote(sqlite_env, "pop3", server.port, afterwards="leave")
        rig.run()
        restless.change(first, with_status(NAMELESS, "RO"))
        restless.put(nameless("The other one"), b"2 u1")
        assert rig.run().counts[Status.CREATED] == 1
        assert nothing(rig.run())
    assert [outcome for outcome, _ in rig.outcomes] == ["created"] * 2


@pytest.mark.parametrize("how", ["refuses", "drops"])
def test_a_mail_without_a_uidl_that_cannot_be_read_keeps_nothing_out(sqlite_env: TracEnv, how: str) -> None:
    """The others are filed in the same run; it comes as soon as the server gives it."""
    restless = RestlessPop3()
    restless.put(nameless("Mail 1"))
    restless.put(nameless("Mail 2"), b"2")
    restless.put(nameless("Mail 3"))
    with restless.server as server:
        rig = Remote(sqlite_env, "pop3", server.port, afterwards="leave")
        getattr(restless, how).add(b"RETR 2")
        rig.run()
        if how == "refuses":
            assert sorted(tickets(sqlite_env)) == ["Mail 1", "Mail 3"]
        getattr(restless, how).clear()
        rig.run()
    assert sorted(tickets(sqlite_env)) == ["Mail 1", "Mail 2", "Mail 3"]


COURIER: Final = b"From: postmaster@localhost\r\nSubject: Cannot display Unicode content\r\n\r\nThis message has.\r\n"


def test_mail_with_utf8_in_its_header_is_taken_as_it_is(sqlite_env: TracEnv) -> None:
    """Where the server offers UTF8 (RFC 6856), it is asked for before the login; else Courier gives a substitute."""
    restless = RestlessPop3(COURIER)
    restless.put(nameless("Käse"))
    with restless.server as server:
        rig = Remote(sqlite_env, "pop3", server.port)
        assert rig.run().counts[Status.CREATED] == 1
        words = [line.split(b" ")[0] for line in server.heard]
        assert words.index(b"CAPA") < words.index(b"UTF8") < words.index(b"USER")
        assert restless.mails == {}
    assert tickets(sqlite_env) == ["Käse"]


def test_what_was_known_without_utf8_stays_known(sqlite_env: TracEnv) -> None:
    """Its size is another one from now on, and its bytes are, too; nothing is filed again."""
    restless = RestlessPop3(COURIER)
    restless.offers = [b"UIDL"]
    restless.put(mail("Mail 1"))
    number = restless.put(nameless("Käse"), size=b"2 %d" % len(COURIER))
    with restless.server as server:
        rig = Remote(sqlite_env, "pop3", server.port, afterwards="leave")
        rig.run()
        outcomes = rig.outcomes
        restless.offers.append(b"UTF8")
        uidl, _, content = restless.mails[number]
        restless.mails[number] = (uidl, b"2 %d" % len(content), content)
        restless.put(nameless("Größe"))
        assert rig.run().counts[Status.CREATED] == 1
        assert rig.outcomes[: len(outcomes)] == outcomes
        assert nothing(rig.run())
        restless.change(number, nameless("Quite another one"))
        assert rig.run().counts[Status.CREATED] == 1


def test_a_server_that_refuses_utf8_is_used_without(sqlite_env: TracEnv) -> None:
    """It offered it, but it gives mail all the same."""
    restless = RestlessPop3(COURIER)
    restless.refuses.add(b"UTF8")
    restless.put(mail("Mail 1"))
    with restless.server as server:
        assert Remote(sqlite_env, "pop3", server.port).run().counts[Status.CREATED] == 1


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


def test_utf8_in_some_sessions_is_no_new_number(sqlite_env: TracEnv) -> None:
    """Behind one name there may be servers that offer it, and others: nothing is read again, nor complained of."""
    restless = RestlessPop3(COURIER)
    restless.put(mail("Mail 1"))
    number = restless.put(nameless("Käse"))
    whole = restless.mails[number][1]
    with restless.server as server:
        rig = Remote(sqlite_env, "pop3", server.port, afterwards="leave")
        assert rig.run().counts[Status.CREATED] == 2
        for round_ in range(8):
            utf8 = round_ % 2 == 1
            restless.offers = [b"UIDL", *([b"UTF8 USER"] if utf8 else [])]
            uidl, _, content = restless.mails[number]
            restless.mails[number] = (uidl, whole if utf8 else b"2 %d" % len(COURIER), content)
            heard = len(server.heard)
            assert nothing(rig.run())
            assert not [line for line in server.heard[heard:] if line.startswith(b"RETR")]
            assert "cannot leave" not in complaint(sqlite_env)
    assert len(rig.journal()) == 2


@pytest.mark.parametrize("afterwards", ["leave", "delete"])
@pytest.mark.parametrize("gone", [1, 2])
@pytest.mark.parametrize("name", [b"u1", b""])
def test_a_mail_keeps_its_row_when_it_alone_has_the_uidl_that_it_shared(
    sqlite_env: TracEnv, afterwards: str, gone: int, name: bytes
) -> None:
    """Or when the server tells one at last. What was rejected would be decided again, and a copy would never go."""
    restless = RestlessPop3()
    restless.put(NAMELESS, b"1 " + name)
    restless.put(nameless("The other one"), b"2 " + name)
    restless.put(nameless("Beside them"))
    restless.refuses |= {b"DELE 1", b"DELE 2"}
    with restless.server as server:
        rig = Remote(sqlite_env, "pop3", server.port, afterwards=afterwards, block="example.com")
        assert rig.run().counts[Status.REJECTED] == 3
        rig.set(block="")
        restless.refuses.clear()
        stays = 3 - gone
        restless.mails = {1: (b"1 u1", *restless.mails[stays][1:])}
        restless.mails[1] = (b"1 u1", b"1 %d" % len(restless.mails[1][2]), restless.mails[1][2])
        assert nothing(rig.run())
        assert nothing(rig.run())
        assert len(restless.mails) == (afterwards == "leave")
    assert [outcome for outcome, _ in rig.outcomes] == ["rejected"] * 3


def test_unreadable_mails_without_a_uidl_of_their_own_are_counted_each(sqlite_env: TracEnv) -> None:
    """They cannot be told from known ones, so they wait, and the run says so; each is filed once it comes."""
    restless = RestlessPop3()
    for number in range(1, 7):
        restless.put(nameless(f"Mail {number}"), b"%d same" % number if number < 4 else b"%d" % number)
    with restless.server as server:
        rig = Remote(sqlite_env, "pop3", server.port, afterwards="leave")
        restless.refuses |= {b"RETR 2", b"RETR 3"}
        restless.drops |= {b"RETR 5", b"RETR 6"}
        for _ in range(3):
            report = rig.run()
            assert report.doubtful == (
                "4 messages wait to be compared with known mail: "
                "it has no UIDL of its own, and the server does not deliver it"
            )
        assert sorted(tickets(sqlite_env)) == ["Mail 1", "Mail 4"]
        restless.refuses.clear()
        restless.drops.clear()
        assert rig.run().counts[Status.CREATED] == 4
        assert nothing(rig.run())
    assert sorted(tickets(sqlite_env)) == [f"Mail {number}" for number in range(1, 7)]


@pytest.mark.parametrize("how", ["refuses", "drops"])
def test_a_copy_that_cannot_be_read_before_it_goes_is_told_of(sqlite_env: TracEnv, how: str) -> None:
    """It is never deleted: the server may have given its UIDL to another mail. The next run tries again."""
    restless = RestlessPop3()
    restless.put(NAMELESS)
    restless.put(mail("Mail 2"))
    restless.refuses |= {b"DELE 1", b"DELE 2"}
    with restless.server as server:
        rig = Remote(sqlite_env, "pop3", server.port)
        rig.run()
        restless.refuses.clear()
        getattr(restless, how).add(b"RETR 1")
        for _ in range(2):
            report = rig.run()
            assert report.undisposed
            if how == "refuses":
                assert "message u1 cannot be read again (" in report.error
                assert "-ERR [SYS/PERM] no" in report.error
            assert b"DELE 1" not in server.heard[-8:]
            assert 1 in restless.mails
        getattr(restless, how).clear()
        assert nothing(rig.run())
        assert restless.mails == {}


# a new UIDVALIDITY, and mail that nobody has read


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
    with RestlessImap([mail(f"Old mail {10 ** (number % 4)}") for number in range(8)]) as restless:
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
