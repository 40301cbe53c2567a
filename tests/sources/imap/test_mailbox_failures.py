"""What goes wrong with a folder on an IMAP server: it is told, and no mail is lost or made up."""

from __future__ import annotations

import contextlib
import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.servers.delayproxy import Break, DelayProxy, Fault
from tests.servers.dovecot import PASSWORD
from tests.sources import scripted
from tests.sources.contract import (
    TARGET,
    mail,
    read,
    take,
)
from tests.sources.imap_place import ImapPlace
from tests.waiting import hang_guard
from trac_mailintake.intake.errors import Incomplete, SourceError
from trac_mailintake.intake.times import Seconds

if TYPE_CHECKING:
    from tests.servers.dovecot import Dovecot


def _failing(place: ImapPlace, **changes: object) -> str:
    """The sentence that listing fails with."""
    place.server = dataclasses.replace(place.server, **changes)  # type: ignore[arg-type]  # the caller knows
    source = place.source("delete")
    with pytest.raises(SourceError) as failure:
        source.list()
    source.close()
    sentence = str(failure.value)
    assert PASSWORD not in sentence
    assert "\n" not in sentence
    return sentence


def test_a_missing_folder_is_told_with_those_that_exist(place: ImapPlace) -> None:
    """So that one can choose."""
    place.dovecot.folder(place.user, "Größen")
    place.folder = "Missing"
    assert "choose one of: INBOX, Größen" in _failing(place)


def test_bodies_may_come_in_any_form(place: ImapPlace) -> None:
    """A short one as a quoted string, an empty one likewise; items in any order; answers nobody asked for between."""
    identity = b'INTERNALDATE " 1-Feb-2026 10:00:00 +0100" RFC822.SIZE'
    fetched = (
        b'* 1 FETCH (FLAGS (\\Seen UID 9) BODY[] "FLAGS (UID 3) \\"a\\"" ' + identity + b" 18 UID 7)\r\n"
        b"* 2 FETCH (FLAGS (\\Answered))\r\n"
        b"* 2 FETCH (FLAGS () UID 8 " + identity + b' 0 BODY[] "")\r\n'
        b"* 4 EXISTS\r\n"
        b"* 3 FETCH (UID 9 BODY[] {6}\r\nA: b\r\n " + identity + b" 6)\r\n"
    )
    selected = b"* 3 EXISTS\r\n* OK [UIDVALIDITY 5] yes\r\n"
    with scripted.imap(b"IMAP4rev1", {b"EXAMINE": selected, b"FETCH": fetched}) as odd:
        place.server = dataclasses.replace(place.server, port=odd.port)
        source = place.source("leave")
        listed = list(source.list())
        assert [each.locator for each in listed] == ["5/7", "5/8", "5/9"]
        assert listed[0].arrived == datetime(2026, 2, 1, 9, tzinfo=UTC)
        assert read(source, listed) == [b'FLAGS (UID 3) "a"', b"", b"A: b\n"]
        source.close()


def test_no_mail_is_made_of_one_that_was_expunged(place: ImapPlace) -> None:
    """A server may still list it, without a size and a date, and give NIL for it (RFC 2180, 4.1.3; Dovecot does)."""
    gone = b'* 1 FETCH (UID 7 INTERNALDATE "01-Jan-1970 00:00:00 +0000" RFC822.SIZE 0 BODY[] NIL)\r\n'
    there = b'* 2 FETCH (UID 8 INTERNALDATE " 1-Feb-2026 10:00:00 +0100" RFC822.SIZE 0 BODY[] {0}\r\n)\r\n'
    selected = b"* 2 EXISTS\r\n* OK [UIDVALIDITY 5] yes\r\n"
    with scripted.imap(b"IMAP4rev1", {b"EXAMINE": selected, b"FETCH": gone + there}) as odd:
        place.server = dataclasses.replace(place.server, port=odd.port)
        source = place.source("leave")
        (one, none), (two, empty) = source.fetch(list(source.list()))
        assert (one.locator, two.locator, [*empty]) == ("5/7", "5/8", [b""])
        with pytest.raises(Incomplete, match="message 5/7 did not come: the server gave nothing for it"):
            next(none)
        source.close()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"port": 1}, "nothing listens there"),
        ({"host": "no-such-host.invalid"}, "the host's name cannot be resolved"),
        ({"security": "perhaps"}, "none of tls, starttls, none"),
        ({"security": "tls", "ca_file": "/does/not/exist"}, "CA file /does/not/exist cannot be used"),
        ({"username": "line\nbreak"}, "line break or NUL"),
    ],
)
def test_wrong_settings_are_told(place: ImapPlace, changes: dict[str, object], told: str) -> None:
    """With what to correct."""
    assert told in _failing(place, **changes)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (Break.SILENT, "no answer within 1 s"),
        (Break.CUT, "dropped the line"),
        (Break.NONSENSE, "IMAP|dropped the line"),
    ],
)
@pytest.mark.parametrize("octets", [0, 10, 3000, 60_000, 1_500_000])
def test_a_line_that_breaks_is_told_in_time(
    place: ImapPlace, proxy: DelayProxy, how: Break, told: str, octets: int
) -> None:
    """In the greeting, in the listing, in a batch, in the middle of a mail; and the next round works."""
    mails = [*map(mail, range(100)), mail(100, size=3_000_000)]
    place.deliver(*mails)
    place.server = dataclasses.replace(place.server, port=proxy.port, timeout=Seconds(1))
    proxy.reset(Fault(how, octets=octets))
    source = place.source("delete")
    with hang_guard(30), pytest.raises(SourceError, match=told):
        take(source)
    source.close()
    proxy.reset()
    assert read(source, list(source.list())) == mails
    source.close()
    assert place.there() == mails


@pytest.mark.parametrize("answers", range(1, 14))
@pytest.mark.parametrize("afterwards", ["delete", f"move:{TARGET}"])
@pytest.mark.parametrize("has_move", [True, False])
def test_a_disposal_that_breaks_anywhere_can_be_repeated(
    dovecot: Dovecot,
    copying: Dovecot,
    answers: int,
    afterwards: str,
    has_move: bool,  # noqa: FBT001 - a case
) -> None:
    """Whatever the server did and we did not hear: nothing is lost, nothing is there twice."""
    place = ImapPlace(dovecot if has_move else copying)
    place.deliver(*map(mail, range(4)))
    source = place.source(afterwards)
    done = take(source)[:3]
    source.close()
    with DelayProxy(place.dovecot.imap, fault=Fault(Break.CUT, answers=answers)) as proxy:
        place.server = dataclasses.replace(place.server, port=proxy.port)
        broken = place.source(afterwards)
        with contextlib.suppress(SourceError):
            broken.dispose(done)
        broken.close()
        proxy.reset()
        again = place.source(afterwards)
        again.dispose(done)
        again.close()
    assert place.there() == [mail(3)]
    if afterwards != "delete":
        assert sorted(place.moved()) == [mail(0), mail(1), mail(2)]
