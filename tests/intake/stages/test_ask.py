"""What a round asks of its source: what comes is filed, what does not come is deferred, and nobody is blamed in vain.

The source is a server of which a test says what it does with each mail: it gives it, refuses it, or drops the line.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import pytest

from tests.builders import DELIVERY
from trac_mailintake.intake.errors import Incomplete, LineBroke, SourceError
from trac_mailintake.intake.model import Account, Listed
from trac_mailintake.intake.ports.source import IN_A_ROW
from trac_mailintake.intake.stages.ask import BREAKS, Asking

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trac_mailintake.intake.model import Delivery, Reply

WORDS: Final = "NO I cannot read it."


class Server:
    """A source. `bad`: what happens to some mails; `drop all` ends the session before any mail of the command came."""

    def __init__(self, bad: Mapping[int, str]) -> None:
        self.account = Account("fake", "fake:mailbox")
        self.bad = bad
        self.sessions: list[list[int]] = []
        """What was asked for in each session."""
        self.open = False
        self.calls: list[str] = []
        self.refuses_logins = False

    def list(self) -> Sequence[Listed]:
        """See `ports.Source`."""
        return ()

    def fetch(self, wanted: Sequence[Listed]) -> Iterator[tuple[Listed, Iterator[bytes]]]:
        """See `ports.Source`."""
        if not self.open:
            if self.refuses_logins:
                raise SourceError("The login was refused.")
            self.open = True
            self.sessions.append([])
        numbers = [int(each.locator) for each in wanted]
        self.sessions[-1] += numbers
        if any(self.bad.get(number) == "drop all" for number in numbers):
            self._drop()
        for number, listed in zip(numbers, wanted, strict=True):
            if self.bad.get(number) == "drop":
                self._drop()
            if self.bad.get(number) != "gone":
                yield listed, self._chunks(number)

    def _drop(self) -> None:
        self.open = False
        raise LineBroke("The line broke.")

    def _chunks(self, number: int) -> Iterator[bytes]:
        if self.bad.get(number) in ("refuse", "later"):
            raise Incomplete(WORDS, temporary=self.bad[number] == "later")
        yield b"x"
        if self.bad.get(number) == "drop in it":
            self._drop()

    def dispose(self, done: Sequence[tuple[Listed, str]]) -> Sequence[Reply]:
        """See `ports.Source`."""
        raise NotImplementedError

    def settle(self) -> None:
        """See `ports.Source`."""
        self.calls.append("settle")

    def close(self) -> None:
        """See `ports.Source`."""
        self.calls.append("close")
        self.open = False


@dataclass
class Hands:
    """What came, and what did not: with the reason, and whether it was asked for by itself."""

    came: list[int] = field(default_factory=list)
    missed: dict[int, tuple[str, bool]] = field(default_factory=dict)

    def take(self, delivery: Delivery, chunks: Iterator[bytes]) -> Incomplete | None:
        """See `ask.Hands`."""
        try:
            list(chunks)
        except Incomplete as error:
            return error
        self.came.append(delivery.id)
        return None

    def miss(self, delivery: Delivery, reason: str, *, asked: bool) -> None:
        """See `ask.Hands`."""
        assert delivery.id not in self.missed
        self.missed[delivery.id] = (reason, asked)


def mails(count: int, *suspects: int) -> list[Delivery]:
    """So many mails, from 1 on; the suspects did not come before."""
    return [
        replace(DELIVERY, id=number, listed=Listed(str(number), str(number)), misses=int(number in suspects))
        for number in range(1, count + 1)
    ]


def ask(
    server: Server, *batches: Sequence[Delivery], hands: Hands | None = None
) -> tuple[Hands, Asking, SourceError | None]:
    """Ask for batch after batch until the round must end."""
    asking, hands = Asking(server), hands or Hands()
    broken = None
    for batch in batches:
        broken = asking.fetch(batch, hands)
        if broken is not None:
            break
    return hands, asking, broken


def blamed(asking: Asking) -> list[int]:
    """The ids of the mails that a try counts against."""
    return [each.id for each in asking.blamed()]


@pytest.mark.parametrize("kind", ["refuse", "later", "drop", "drop all", "drop in it"])
@pytest.mark.parametrize("number", [1, 2, 5, 9, 10])
def test_one_bad_mail_costs_its_neighbours_nothing(number: int, kind: str) -> None:
    """They come in the same round, wherever it stands; a try counts against it, unless the server says later."""
    hands, asking, broken = ask(Server({number: kind}), mails(10))
    assert broken is None
    assert sorted(hands.came) == [each for each in range(1, 11) if each != number]
    assert list(hands.missed) == [number]
    assert hands.missed[number][1]
    assert blamed(asking) == ([] if kind == "later" else [number])


def test_what_was_asked_for_in_a_session_of_its_own_is_nothing_else() -> None:
    """Of a session that ended with several, any may be the cause."""
    server = Server({4: "drop all"})
    hands, asking, _ = ask(server, mails(5))
    assert server.sessions == [[1, 2, 3, 4, 5], [1, 2, 3, 4], [5], [4]]
    assert (hands.came, blamed(asking)) == ([1, 2, 3, 5], [4])
    assert server.calls == ["settle", "close"], "what was disposed of is settled before a session is closed"


def test_what_comes_by_itself_is_filed() -> None:
    """A line may break over nothing: then it is no mail's fault."""

    class Once(Server):
        def _drop(self) -> None:
            self.bad = {}
            super()._drop()

    hands, asking, broken = ask(Once({2: "drop"}), mails(3))
    assert (sorted(hands.came), hands.missed, blamed(asking), broken) == ([1, 2, 3], {}, [], None)


@pytest.mark.parametrize("kind", ["refuse", "drop", "drop all"])
def test_a_server_that_gives_nothing_blames_nothing(kind: str) -> None:
    """After three the rest is left, and the round ends with the reason. The next one begins with others."""
    server = Server(dict.fromkeys(range(1, 301), kind))
    hands, asking, broken = ask(server, mails(100), mails(100))
    asked = [number for number, (_, singly) in hands.missed.items() if singly]
    if kind == "refuse":
        assert len(asked) == 100, "a source stops by itself after three that are refused: see the sources' tests"
    else:
        assert asked == [1, 2, 3]
    assert (hands.came, blamed(asking), len(hands.missed)) == ([], [], 100)
    assert str(broken) == (WORDS if kind == "refuse" else "The line broke.")
    assert len(server.sessions) <= 4


def test_bad_mails_alone_are_no_outage() -> None:
    """What did not come before, and comes last, says nothing new: rounds without other mail go well."""
    hands, asking, broken = ask(Server(dict.fromkeys(range(1, 6), "drop")), mails(5, 1, 2, 3, 4, 5))
    assert (broken, blamed(asking)) == (None, [])
    assert [singly for _, singly in hands.missed.values()] == [True] * 3 + [False] * 2


@pytest.mark.parametrize(("kind", "guilty"), [("refuse", [1, 2, 3]), ("drop", [2, 3])])
def test_what_is_new_comes_before_what_did_not_come_before(kind: str, guilty: list[int]) -> None:
    """However many lie before it, bad mails do not keep a new one waiting, and are blamed again."""
    hands, asking, broken = ask(Server(dict.fromkeys(range(1, 7), kind)), mails(7, *range(1, 7)))
    assert (hands.came, broken, len(hands.missed)) == ([7], None, 6)
    assert blamed(asking) == guilty


def test_an_outage_in_the_middle_of_a_round_ends_it() -> None:
    """What came is filed. What was asked for by itself is blamed once, as nobody can know better; the rest is not."""
    server = Server(dict.fromkeys(range(51, 500), "drop"))
    hands, asking, broken = ask(server, mails(100))
    assert (len(hands.came), len(hands.missed)) == (50, 50)
    assert blamed(asking) == [51, 52, 53]
    assert broken is not None


def test_a_server_that_no_longer_lets_us_in_ends_the_round() -> None:
    """The rest is deferred with what it says, and blamed for nothing."""

    class Full(Server):
        def _drop(self) -> None:
            self.refuses_logins = True
            super()._drop()

    hands, asking, broken = ask(Full({3: "drop"}), mails(5))
    assert (hands.came, str(broken), blamed(asking)) == ([1, 2], "The login was refused.", [])
    assert hands.missed == dict.fromkeys((3, 4, 5), ("The login was refused.", False))


def test_logins_are_not_without_limit() -> None:
    """Every other mail ends the session: the rest waits for the next round."""
    server = Server(dict.fromkeys(range(1, 200, 2), "drop"))
    hands, _, broken = ask(server, mails(100))
    assert broken is None
    assert len(server.sessions) <= BREAKS + 1
    assert len(hands.came) + len(hands.missed) == 100
    assert len(hands.came) >= BREAKS - IN_A_ROW


def test_what_is_gone_is_in_neither() -> None:
    """Its claim is released, and the next listing tells."""
    hands, _, broken = ask(Server({2: "gone"}), mails(3))
    assert (hands.came, hands.missed, broken) == ([1, 3], {}, None)


@pytest.mark.parametrize("seed", range(60))
def test_whatever_a_server_does_each_mail_has_one_end(seed: int) -> None:
    """It came, was missed, or is gone. What is blamed was bad, and did not come; two bad ones keep no other back."""
    chance = random.Random(seed)  # noqa: S311 - test data, not secrets
    kinds = ["refuse", "later", "drop", "drop all", "drop in it", "gone"]
    count = chance.randrange(1, 60)
    bad = {
        number: chance.choice(kinds) for number in range(1, count + 1) if chance.random() < chance.choice([0.05, 0.5])
    }
    suspects = [number for number in bad if chance.random() < 0.3]
    server = Server(bad)
    whole = mails(count, *suspects)
    cut = chance.randrange(count)
    hands, asking, broken = ask(server, whole[:cut], whole[cut:])
    asked_for = set(itertools.chain.from_iterable(server.sessions)) | set(hands.missed)
    gone = {number for number in asked_for if bad.get(number) == "gone"} - set(hands.missed)
    assert len(hands.came) == len(set(hands.came))
    assert set(hands.came).isdisjoint(hands.missed)
    assert set(hands.came).isdisjoint(bad)
    if broken is None:
        assert set(hands.came) | set(hands.missed) | gone == set(range(1, count + 1))
    assert set(blamed(asking)) <= {number for number, kind in bad.items() if kind not in ("later", "gone")}
    assert set(blamed(asking)) <= hands.missed.keys()
    if not hands.came:
        assert blamed(asking) == []
    if len(bad) < IN_A_ROW:
        assert set(hands.came) == set(range(1, count + 1)) - bad.keys()
