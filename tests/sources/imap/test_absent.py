"""A message that a server lists and does not give: gone, or unreadable, and in whose words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.sources.bent import WHOLES, Bend, BentServer
from tests.sources.contract import mail, server, service
from trac_mailintake.hookspecs import Opening
from trac_mailintake.intake.errors import Incomplete, SourceError
from trac_mailintake.sources.imap.mailbox import ImapSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tests.sources.bent import Answer

MAILS: Final = [mail(number) for number in range(1, 6)]


def source(bent: BentServer) -> ImapSource:
    """The mailbox on this server."""
    return ImapSource(
        Opening(service(), server("imap", bent.port, "ann"), service().afterwards, password=lambda: "secret")
    )


def read(bent: BentServer, numbers: Iterable[int]) -> dict[int, bytes | str]:
    """What comes of each mail, by UID: its bytes, or why not; what is gone is left out."""
    made = source(bent)
    listed = [each for each in made.list() if int(each.locator.partition("/")[2]) in numbers]
    found: dict[int, bytes | str] = {}
    for each, chunks in made.fetch(listed):
        uid = int(each.locator.partition("/")[2])
        try:
            found[uid] = b"".join(chunks)
        except Incomplete as error:
            found[uid] = f"{error} (temporary: {error.temporary})"
    made.close()
    return found


ANSWERS: Final[dict[str, tuple[Callable[[memoryview], Answer], str]]] = {
    "NO": (WHOLES["refused"], "FETCH: server error"),
    "BAD": (WHOLES["misunderstood"], "Command Error. 10"),
    "NIL": (WHOLES["nil"], "the server gave nothing for it"),
    "left out": (WHOLES["left out"], "the server gave nothing for it"),
    "unavailable": (lambda _: b"NO [UNAVAILABLE] later", "[UNAVAILABLE] later"),
    "in use": (lambda _: b"NO [INUSE] later", "[INUSE] later"),
    "limit": (lambda _: b"NO [LIMIT] later", "[LIMIT] later"),
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("uid", [1, 3, 5])
def test_the_others_come_and_the_reason_is_the_servers(answer: str, uid: int) -> None:
    """Wherever it stands in the command. What is asked for again is only what did not come."""
    whole, words = ANSWERS[answer]
    with BentServer(MAILS, Bend(), {uid: Bend(whole=whole)}) as bent:
        found = read(bent, range(1, 6))
        asked = [line.split()[0] for line in bent.asked]
    assert {number: found[number] for number in found if number != uid} == {
        number: content for number, content in enumerate(MAILS, 1) if number != uid
    }
    assert f"message 7/{uid} did not come: " in str(found[uid])
    assert words in str(found[uid])
    assert f"(temporary: {'[' in words})" in str(found[uid])
    assert asked[0] == b"1,2,3,4,5"
    assert asked.count(b"%d" % uid) == 1
    assert all(b"," not in each for each in asked[1:])


def test_what_is_gone_is_left_out() -> None:
    """Somebody else expunged it: the server says so, or has it no longer when it is asked."""
    expunged = Bend(whole=lambda _: b"NO [EXPUNGEISSUED] Some of the messages no longer exist")
    with BentServer(MAILS, Bend(), {2: expunged}) as bent:
        made = source(bent)
        listed = made.list()
        chunks = made.fetch(listed)
        next(chunks)
        del bent.folders[b"INBOX"][2], bent.folders[b"INBOX"][4]
        assert [each.locator for each, content in chunks if [*content]] == ["7/3", "7/5"]
        made.close()


def test_what_the_server_cannot_find_again_is_still_there() -> None:
    """It refuses to say anything of the message: that is no proof that it is gone."""

    class Mute(BentServer):
        def _fetch(self, tag: bytes, arguments: bytes, *, by_uid: bool) -> Iterator[bytes | memoryview]:
            if by_uid and b"BODY" not in arguments:
                return iter([tag + b" NO not that one\r\n"])
            return super()._fetch(tag, arguments, by_uid=by_uid)

    with Mute(MAILS, Bend(), {2: Bend(whole=WHOLES["nil"])}) as bent:
        assert "the server gave nothing for it" in str(read(bent, range(1, 6))[2])


@pytest.mark.parametrize("answer", ["NO", "NIL"])
def test_after_three_in_a_row_no_more_are_asked_for(answer: str) -> None:
    """The rest says that it was not asked for, so that it is not blamed."""
    with BentServer(MAILS, Bend(whole=ANSWERS[answer][0])) as bent:
        found = read(bent, range(1, 6))
        singly = [line.split()[0] for line in bent.asked][1:]
    assert singly == [b"1", b"2", b"3"]
    assert ["it was not asked for" in str(found[uid]) for uid in range(1, 6)] == [False] * 3 + [True] * 2


class Sizeless(BentServer):
    """It refuses to tell the size of some messages, which also ends the answer."""

    sizeless: Sequence[int] = (3,)

    def _message(self, uid: int, number: int, items: bytes) -> bytes | Iterator[bytes | memoryview]:
        if uid in self.sizeless and b"RFC822.SIZE" in items:
            return b"NO Some messages could not be FETCHed"
        if b"RFC822.SIZE" not in items and b"BODY" not in items:
            return iter((b"* %d FETCH (UID %d FLAGS ())\r\n" % (number, uid),))
        return super()._message(uid, number, items)


def test_a_message_that_cannot_be_listed_keeps_no_other_out() -> None:
    """It has no size then, and is asked for by itself."""
    with Sizeless(MAILS, Bend()) as bent:
        assert read(bent, range(1, 6)) == dict(enumerate(MAILS, 1))
        made = source(bent)
        assert [each.size for each in made.list()][:3] == [len(MAILS[0]), len(MAILS[1]), None]
        made.close()


@pytest.mark.parametrize(("sizeless", "fails"), [(range(1, 6), True), ((1,), True), ((2,), False)])
def test_a_server_that_can_list_nothing_is_down(sizeless: Sequence[int], *, fails: bool) -> None:
    """What is known of the messages is not given up for that."""
    with Sizeless(MAILS, Bend()) as bent:
        bent.sizeless = tuple(sizeless)
        made = source(bent)
        if fails:
            with pytest.raises(SourceError, match="Some messages could not be FETCHed"):
                made.list()
        else:
            assert len(made.list()) == 5
        made.close()


def test_the_only_message_may_be_one_that_cannot_be_listed() -> None:
    """Then it alone does not come; the mailbox works."""
    with Sizeless([MAILS[0]], Bend()) as bent:
        bent.sizeless = (1,)
        assert read(bent, [1]) == {1: MAILS[0]}
