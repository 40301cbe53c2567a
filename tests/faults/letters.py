"""The outgoing server: it refuses, hangs, or is not there, while forwards and notifications are to be sent."""

from __future__ import annotations

import signal
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.faults.model import Common, Struck
from tests.faults.scene import configure
from tests.servers.machine import free_port
from trac_mailintake.runs.watchdog import NETWORK

if TYPE_CHECKING:
    from tests.faults.model import Options
    from tests.faults.scene import Bench, Scene

TEAM: Final = "team@example.org"
"""Who is notified of each ticket and each comment."""
ADMIN: Final = "admin@example.org"
"""To whom automatic mail is forwarded."""

_NEWSLETTER: Final = (
    b"From: News <news@example.com>\r\nTo: support@example.org\r\nDate: Thu, 01 Jan 2026 10:00:00 +0000\r\n"
    b"Message-ID: <n%d@example.com>\r\nSubject: Newsletter %d\r\nPrecedence: bulk\r\n\r\nNews.\r\n"
)

_REFUSALS: Final = ("451 later", "452 no room", "421 going", "550 never", "554 never")


@dataclass(frozen=True, slots=True)
class Sending(Common):
    """What they have in common: two mails that are to be forwarded, and a team that is notified of all others."""

    def options(self, bench: Bench) -> Options:
        """Sending is on."""
        return _options(bench.sink.port)

    def extra(self) -> list[bytes]:
        """Mails to be forwarded."""
        return [_NEWSLETTER % (number, number) for number in range(2)]

    def letters(self, scene: Scene, *, repeated: bool) -> tuple[str, ...]:
        """Go on until all is sent; what was not sent that should be, or was sent twice unless it may be `repeated`.

        A notification that was refused for good is none that should be, where the journal says so.
        """
        state = scene.end().state
        sink = scene.bench.sink
        given_up = sum("was given up" in (row.reason or "") for row in state.rows)
        told = Counter(str(sent.message["Message-ID"]) for sent in sink.sent if TEAM in sent.recipients)
        forwards = Counter(_forwarded(sent.message.as_bytes()) for sent in sink.sent if ADMIN in sent.recipients)
        wrong = []
        if len(told) + given_up != len(scene.sent):
            wrong.append(f"{len(told)} notifications and {given_up} given up, not {len(scene.sent)}")
        if set(forwards) != {0, 1}:
            wrong.append(f"forwards: {dict(forwards)}")
        if not repeated and (told.total() != len(told) or forwards.total() != len(forwards)):
            wrong.append(f"sent twice: {told.total()} notifications, forwards {dict(forwards)}")
        return tuple(wrong)


def _options(port: int) -> Options:
    return (
        ("notification", "smtp_enabled", "enabled"),
        ("notification", "smtp_server", "127.0.0.1"),
        ("notification", "smtp_port", str(port)),
        ("notification", "smtp_always_cc", TEAM),
    )


def _forwarded(content: bytes) -> int:
    """Which newsletter a letter encloses; -1 for none."""
    for number in range(2):
        if b"<n%d@example.com>" % number in content:
            return number
    return -1


@dataclass(frozen=True, slots=True)
class Refusing(Sending):
    """It refuses the data or the recipients, for now or for good."""

    def strike(self, scene: Scene) -> Struck:
        """Two rounds meet it."""
        sink = scene.bench.sink
        sink.reset()
        scene.prepare(forward=ADMIN, bulk="forward")
        answer = scene.chance.choice(_REFUSALS)
        if scene.chance.random() < 0.5:
            sink.answer = answer
        else:
            whom = scene.chance.sample((TEAM, ADMIN), scene.chance.randint(1, 2))
            sink.refused.update(dict.fromkeys(whom, answer))
        scene.meet()
        scene.meet()
        if sink.answer != "250 kept" and sink.sent:
            return Struck(wrong=("something was sent although all was refused",))
        kept = list(sink.sent)
        sink.reset()
        sink.sent += kept
        return Struck(wrong=self.letters(scene, repeated=False))


@dataclass(frozen=True, slots=True)
class Hanging(Sending):
    """It takes its time to answer the data, and the round may be killed over that."""

    def strike(self, scene: Scene) -> Struck:
        """Who is killed while the server has the mail and has not said so, sends it again."""
        sink = scene.bench.sink
        sink.reset()
        scene.prepare(forward=ADMIN, bulk="forward")
        sink.hang = scene.chance.uniform(0.05, 0.2)
        forked = scene.begin()
        killed = scene.chance.random() < 0.7 and forked.running(scene.chance.uniform(0.2, 1.5))
        if killed:
            forked.kill()
        ended = forked.wait()
        kept = list(sink.sent)
        sink.reset()
        sink.sent += kept
        return Struck(wrong=self.letters(scene, repeated=ended.status == -signal.SIGKILL))


@dataclass(frozen=True, slots=True)
class Away(Sending):
    """Nothing listens there."""

    def strike(self, scene: Scene) -> Struck:
        """Two rounds find nobody; then it is back."""
        scene.bench.sink.reset()
        configure(scene.env, _options(free_port()))
        scene.prepare(forward=ADMIN, bulk="forward")
        scene.meet()
        scene.meet()
        configure(scene.env, _options(scene.bench.sink.port))
        return Struck(wrong=self.letters(scene, repeated=False))


@dataclass(frozen=True, slots=True)
class Silent(Sending):
    """It takes connections and mail, and says nothing to it for as long as anybody waits."""

    def strike(self, scene: Scene) -> Struck:
        """A round waits for it once for the notifications, and once for the forwards; not for each of them."""
        sink = scene.bench.sink
        sink.reset()
        scene.prepare(forward=ADMIN, bulk="forward")
        sink.hang = 10 * NETWORK
        scene.begin().wait(10 * NETWORK)
        waits = sink.begun
        sink.reset()
        slow = (f"a round waited {waits} times",) if waits > 2 else ()
        return Struck(wrong=(*slow, *self.letters(scene, repeated=True)))


FAULTS: Final = (Refusing("smtp-refuses"), Hanging("smtp-hangs"), Away("smtp-away"))
SLOW: Final = (Silent("smtp-silent"),)
"""Those that take minutes."""
