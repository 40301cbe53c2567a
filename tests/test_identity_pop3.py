"""Which mail is which over POP3: UIDLs that are wrong, shared, missing or given again, and UTF8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.rig import Remote, mail
from tests.sources.restless import RestlessPop3, with_status
from tests.test_identity import NAMELESS, complaint, nameless, nothing, tickets
from trac_mailintake.intake.model import Status

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


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
