"""The line to the mail server: cut in mid-literal and after each command, silent, nonsense, a command never heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.faults.model import Common, Struck
from tests.servers.delayproxy import Break, Fault

if TYPE_CHECKING:
    from tests.faults.scene import Scene

REMOTE: Final = ("imap", "pop3")

_WORDS: Final = {
    "imap": (b"AUTHENTICATE", b"LOGIN", b"SELECT", b"EXAMINE", b"FETCH", b"STORE", b"EXPUNGE", b"MOVE", b"LOGOUT"),
    "pop3": (b"PASS", b"UIDL", b"LIST", b"RETR", b"DELE", b"QUIT"),
}


@dataclass(frozen=True, slots=True)
class BrokenLine(Common):
    """After so many octets of what the server says (half of them within a mail), or after so many answers."""

    how: Break = Break.CUT
    answers: bool = False

    def strike(self, scene: Scene) -> Struck:
        """One round over the broken line."""
        if self.answers:
            fault = Fault(self.how, answers=self._some(scene, 10 + 2 * len(scene.sent)))
        else:
            fault = Fault(self.how, octets=self._some(scene, 1500 + 2 * sum(map(len, scene.sent))))
        return _over(scene, fault)

    @staticmethod
    def _some(scene: Scene, most: int) -> int:
        """Rather few: many a conversation is over before it comes to the most."""
        return scene.chance.randint(0, scene.chance.randint(0, most))


@dataclass(frozen=True, slots=True)
class Unheard(Common):
    """The line is cut before the server hears a certain command."""

    word: bytes = b""

    def strike(self, scene: Scene) -> Struck:
        """One round in which the server does not hear it."""
        word = self.word or scene.chance.choice(_WORDS[scene.case.source])
        return _over(scene, Fault(Break.CUT, unheard=word))


def _over(scene: Scene, fault: Fault) -> Struck:
    """A round over a line with a fault, which is mended afterwards."""
    proxy = scene.bench.proxies[scene.case.source]
    scene.prepare()
    proxy.reset(fault)
    try:
        scene.meet()
    finally:
        hit = proxy.traffic.broken > 0
        proxy.reset()
    return Struck(hit=hit)


FAULTS: Final = (
    BrokenLine("line-cut-anywhere", REMOTE),
    BrokenLine("line-cut-after-a-command", REMOTE, answers=True),
    BrokenLine("line-silent", REMOTE, how=Break.SILENT),
    BrokenLine("line-nonsense", REMOTE, how=Break.NONSENSE, answers=True),
    Unheard("command-unheard", REMOTE),
    Unheard("pop3-cut-before-quit", ("pop3",), word=b"QUIT"),
)
