"""Whatever an IMAP server makes of a message: it is taken byte for byte and its copy goes, or its copy stays."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING, Final

import pytest

from tests.sources.bent import SLICES, WHOLES, Bend, BentServer, right
from tests.sources.contract import mail, memory_growth, server, service
from trac_mailintake.hookspecs import Opening
from trac_mailintake.intake.errors import Incomplete, SourceError
from trac_mailintake.intake.model import Answer
from trac_mailintake.sources import imap
from trac_mailintake.sources.imap.pipelining import SLICE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trac_mailintake.intake.model import Listed
    from trac_mailintake.intake.ports import Source

pytestmark = pytest.mark.slow

LARGE: Final = 2_500_000

TOLD: Final[Mapping[str, Callable[[int], int | None]]] = {
    "right": lambda size: size,
    "nothing": lambda _: None,
    "0": lambda _: 0,
    "a little less": lambda size: size - 37,
    "a little more": lambda size: size + 37,
    "a slice less": lambda size: max(1, size - SLICE),
    "a slice more": lambda size: size + SLICE,
    "a slice": lambda _: SLICE,
    "a byte more than a slice": lambda _: SLICE + 1,
    "50 MB": lambda _: 50_000_000,
}
HONEST: Final = frozenset({"right", "capped", "short", "first short", "with its length", "refused beyond"})
"""Slices that make a mail, if they are put together."""


REFUSED: Final = frozenset({"refused", "misunderstood"})


def together(told: str) -> bool:
    """Whether a large mail is said to be so small that it is asked for with others."""
    return any((TOLD[told](len(MAILS[uid])) or SLICE * (told == "nothing") + 1) <= SLICE for uid in (2, 5))


def source_of(bent: BentServer, afterwards: str = "delete", timeout: int = 5) -> Source:
    """A source of its mails."""
    made = service(afterwards=afterwards)
    at = server("imap", bent.port, "ann", timeout=timeout)
    return imap.KIND.open(Opening(made, at, made.afterwards, lambda: "secret"))


def uid_of(listed: Listed) -> int:
    """As the server knows it."""
    return int(listed.locator.partition("/")[2])


def taken(source: Source, into: dict[int, bytes]) -> list[tuple[Listed, str]]:
    """List and read all, as a round does: by UID what came whole; what is to be disposed of."""
    done = []
    for listed, chunks in source.fetch(list(source.list())):
        try:
            content = b"".join(chunks)
        except Incomplete:
            continue
        into[uid_of(listed)] = content
        done.append((listed, hashlib.sha256(content).hexdigest()))
    return done


def visit(bent: BentServer) -> tuple[dict[int, bytes], dict[int, bytes]]:
    """What was taken, and what is left."""
    source, came = source_of(bent), dict[int, bytes]()
    replies = source.dispose(taken(source, came))
    source.settle()
    source.close()
    assert {reply.answer for reply in replies} <= {Answer.COMPLETED}
    return came, bent.folders[b"INBOX"]


MAILS: Final = {
    1: mail(1),
    2: mail(2, size=LARGE),
    3: mail(3),
    4: mail(4, size=SLICE - 80) + b"." * (SLICE - len(mail(4, size=SLICE - 80))),
    5: mail(5, size=2 * SLICE) + b"." * (2 * SLICE - len(mail(5, size=2 * SLICE))),
    6: mail(6),
}
"""Of any size, those of a slice and of two among them."""


@pytest.mark.parametrize("slices", SLICES)
@pytest.mark.parametrize("told", TOLD)
def test_a_mail_comes_whole_or_stays(slices: str, told: str) -> None:
    """Slices, all of it, sizes: wrong in every combination. What nobody gives whole stays, and nothing else does."""
    for number, whole in enumerate(WHOLES):
        later = "right" if (number + len(slices)) % 2 else None
        if (whole, told) == ("empty", "0") or (whole in REFUSED and together(told)):
            continue  # so is an empty mail; and a command for many mails that is refused ends the round
        bend = Bend(
            slices=SLICES[slices],
            whole=WHOLES[whole],
            told=TOLD[told],
            later=TOLD[later] if later else None,
            split=number % 2 == 0,
            dated=number % 3 == 0,
        )
        bends = {2: bend, 5: bend}
        with BentServer(MAILS.values(), Bend(split=bend.split, dated=bend.dated), bends) as bent:
            came, left = visit(bent)
        case = slices, told, whole, later
        assert {uid: MAILS[uid] == content for uid, content in came.items()} == dict.fromkeys(came, True), case
        assert left == {uid: content for uid, content in MAILS.items() if uid not in came}, case
        assert {1, 3, 4, 6} <= came.keys(), case
        if whole == "right" or (slices in HONEST and told in ("right", "a little less", "a byte more than a slice")):
            assert {2, 5} <= came.keys(), case


@pytest.mark.parametrize("how", ["in slices", "whole", "whole after slices"])
@pytest.mark.parametrize("split", [False, True])
def test_a_line_that_is_cut_anywhere_makes_no_mail(how: str, split: bool) -> None:  # noqa: FBT001 - a case
    """At the octets where something begins or ends, and some in between: what came whole is right, the rest stays."""
    slices = {"in slices": "right", "whole": "refused", "whole after slices": "nil later"}[how]
    octets = [*range(0, 130, 7), 65_536, SLICE - 1, SLICE, SLICE + 90, SLICE + 200, LARGE, LARGE + 90]
    for cut in octets:
        bends = {2: Bend(slices=SLICES[slices], split=split, cut=cut)}
        with BentServer(MAILS.values(), Bend(), bends) as bent:
            source, came = source_of(bent), dict[int, bytes]()
            with contextlib.suppress(SourceError):
                source.dispose(taken(source, came))
            source.close()
        assert {uid: MAILS[uid] == content for uid, content in came.items()} == dict.fromkeys(came, True), cut
        assert bent.folders[b"INBOX"].keys() >= MAILS.keys() - came.keys(), cut


BARE: Final = {uid: mail(uid) + b"No line ends here" for uid in range(1, 6)}
"""Small mails; what is left over of one stands on the line that ends the answer."""


@pytest.mark.parametrize(("mails", "split"), [(MAILS, False), (BARE, True)])
def test_a_literal_of_another_length_makes_no_mail(mails: Mapping[int, bytes], split: bool) -> None:  # noqa: FBT001 - a case
    """Neither a stump, nor one with more behind it, nor the next one's bytes: what comes is right, the rest stays."""
    for longer in (-9, -2, -1, *range(1, 9), 21, 38, 39, 60, 100):
        bends = {2: Bend(longer=longer, slices=SLICES["refused"], split=split)}
        with BentServer(mails.values(), Bend(), bends) as bent:
            source, came = source_of(bent, timeout=1), dict[int, bytes]()
            with contextlib.suppress(SourceError):
                source.dispose(taken(source, came))
                source.settle()
            source.close()
        assert {uid: mails[uid] == content for uid, content in came.items()} == dict.fromkeys(came, True), longer
        assert bent.folders[b"INBOX"].items() >= {uid: mails[uid] for uid in mails.keys() - came.keys()}.items(), longer


@pytest.mark.parametrize("longer", [-9, -1, 1, 3, 4, 7])
def test_a_literal_of_another_length_keeps_no_others_out(longer: int) -> None:
    """Where the line can be read on all the same."""
    with BentServer(BARE.values(), Bend(), {2: Bend(longer=longer)}) as bent:
        came, left = visit(bent)
    assert came == {uid: content for uid, content in BARE.items() if uid != 2}
    assert left == {2: BARE[2]}


OTHERS: Final = {
    "its header, too": ("right", b" BODY[HEADER] {5}\r\nstump", True),
    "its text, too": ("right", b' BODY[TEXT] "stump" MODSEQ (17) X-ID NIL FLAGS (\\Seen $a.b) ', True),
    "its header": ("left out", b" BODY[HEADER] {5}\r\nstump", False),
    "its text": ("left out", b' BODY[TEXT] "stump"', False),
    "twice the same": ("right", b")\r\n* 2 FETCH (UID 2 BODY[] {%d}\r\n%s" % (len(BARE[2]), BARE[2]), True),
    "and another": ("right", b")\r\n* 2 FETCH (UID 2 BODY[] {5}\r\nstump", False),
    "and another at once": ("right", b" BODY[] {5}\r\nstump", False),
    "as a part": ("a part", b"", False),
}
"""What comes for a small mail, and whether that is one."""


@pytest.mark.parametrize("what", OTHERS)
def test_only_a_body_is_a_mail(what: str) -> None:
    """No section of it, and no one of two that differ."""
    whole, more, right = OTHERS[what]
    with BentServer(BARE.values(), Bend(), {2: Bend(whole=WHOLES[whole], more=more)}) as bent:
        came, left = visit(bent)
    assert came == {uid: content for uid, content in BARE.items() if uid != 2 or right}
    assert left == {uid: content for uid, content in BARE.items() if uid not in came}


@pytest.mark.parametrize("slices", ["whole", "whole, said to be a part", "nil later", "capped", "right"])
@pytest.mark.parametrize("pieces", [0, 1, 3])
def test_a_reader_may_stop_in_the_middle_of_any_mail(slices: str, pieces: int) -> None:
    """What comes after it comes, though the line is of no use any more; and so does the mail when it is read again."""
    with BentServer(MAILS.values(), Bend(slices=SLICES[slices])) as bent:
        source = source_of(bent, "leave")
        listed = list(source.list())
        came = {}
        for each, chunks in source.fetch(listed):
            if uid_of(each) in (2, 5):
                for _ in range(pieces):
                    next(chunks, None)
            else:
                came[uid_of(each)] = b"".join(chunks)
        assert came == {uid: MAILS[uid] for uid in (1, 3, 4, 6)}
        assert [b"".join(chunks) for _, chunks in source.fetch(listed)] == [*MAILS.values()]
        source.close()


@pytest.mark.parametrize("what", ["dispose", "list", "close"])
def test_a_mail_may_be_left_in_the_middle_for_something_else(what: str) -> None:
    """Nothing is taken for an answer that is the rest of a mail."""
    with BentServer(MAILS.values(), Bend(slices=SLICES["whole"])) as bent:
        source = source_of(bent)
        listed = list(source.list())
        reading = source.fetch(listed)
        first, chunks = next(reading)
        known = hashlib.sha256(b"".join(chunks)).hexdigest()
        next(next(reading)[1])
        if what == "dispose":
            source.dispose([(first, known)])
            source.settle()
            assert bent.folders[b"INBOX"].keys() == MAILS.keys() - {1}
        elif what == "close":
            source.close()
        assert list(source.list()) == listed[1 if what == "dispose" else 0 :]
        source.close()


def test_a_server_that_knows_no_slices_is_asked_for_one() -> None:
    """It sends all of a mail for each; the rest of its large mails are asked for whole, once each."""
    with BentServer([*MAILS.values()] * 3, Bend(slices=SLICES["whole"])) as bent:
        source = source_of(bent, "leave")
        assert [b"".join(chunks) for _, chunks in source.fetch(list(source.list()))] == [*MAILS.values()] * 3
        source.close()
    sliced = [command for command in bent.asked if b"<" in command]
    large = {uid for uid, content in bent.folders[b"INBOX"].items() if len(content) > SLICE}
    asked = [command.split()[0] for command in bent.asked if b"<" not in command]
    whole = [uids for uids in asked if b"," not in uids and int(uids) in large]
    assert (len(sliced), len(whole)) == (1, 2 * 3)


@pytest.mark.parametrize(("most", "questions"), [(1, 70), (20_000, 140), (300_000, 20)])
def test_tiny_slices_are_not_asked_for_for_ever(most: int, questions: int) -> None:
    """With slices of one byte, each byte would need a command, so the whole mail is requested instead."""
    with BentServer([MAILS[2]], Bend(slices=lambda mail, start, _: right(mail, start, most))) as bent:
        assert visit(bent) == ({1: MAILS[2]}, {})
    assert len(bent.asked) <= questions


@pytest.mark.parametrize("slices", ["whole", "whole, said to be a part with a length", "refused", "nil later"])
def test_memory_stays_flat_whatever_is_sent(slices: str) -> None:
    """Mails of 64 MB, whole where a slice was asked for, and all of it after slices that were none."""
    large = mail(1, size=64_000_000)
    with BentServer([large, large], Bend(slices=SLICES[slices])) as bent:
        source = source_of(bent, "leave")
        sizes: list[int] = []
        growth = memory_growth(
            lambda: sizes.extend(sum(map(len, chunks)) for _, chunks in source.fetch(list(source.list())))
        )
        source.close()
    assert sizes == [len(large)] * 2
    assert growth < 12_000_000


def test_a_small_mail_may_turn_out_to_be_large() -> None:
    """Fifty that are said to have ten bytes have three megabytes each: too much for one answer, and for memory."""
    large = mail(1, size=3_000_000)
    with BentServer([large] * 50, Bend(told=lambda _: 10)) as bent:
        source = source_of(bent, "leave")
        sizes: list[int] = []
        growth = memory_growth(
            lambda: sizes.extend(sum(map(len, chunks)) for _, chunks in source.fetch(list(source.list())))
        )
        source.close()
    assert sizes == [len(large)] * 50
    assert growth < 45_000_000


@pytest.mark.parametrize("whole", ["right", "split", "nil", "a part"])
def test_a_copy_is_recognised_by_its_bytes(whole: str) -> None:
    """Where there is no MOVE: what an interrupted run has copied is not copied again, if the server gives it whole."""
    bend = Bend(whole=WHOLES.get(whole, WHOLES["right"]), split=whole == "split")
    with BentServer(MAILS.values(), Bend(), offers=b"UIDPLUS") as bent:
        bent.folders[b"Filed"] = dict(MAILS)
        source, came = source_of(bent, "move:Filed"), dict[int, bytes]()
        done = taken(source, came)
        bent.bend = bend
        source.dispose(done)
        source.settle()
        source.close()
    assert bent.folders[b"INBOX"] == {}
    assert len(bent.folders[b"Filed"]) == len(MAILS) * (1 if whole in ("right", "split") else 2)
