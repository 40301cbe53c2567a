"""Plugins of somebody else: one that raises, one that hangs, one that takes the process with it."""

from __future__ import annotations

import textwrap
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.faults.model import Common, Struck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.model import Options
    from tests.faults.scene import Bench, Scene

_HEAD: Final = """\
import errno, os, time

from trac.core import Component, TracError, implements
from trac.ticket.api import ITicketChangeListener, ITicketManipulator

from trac_mailintake.api import IMailintakePlugin, hookimpl


def deed(subject):
    if subject in {subjects!r}:
        {deed}


class Trouble(Component):
"""

_PLACES: Final = {
    "screen": """\
implements(IMailintakePlugin)

@hookimpl
def mailintake_screen(self, message, delivery, context):
    deed(message.subject)
""",
    "route": """\
implements(IMailintakePlugin)

@hookimpl
def mailintake_route(self, message, delivery, context):
    deed(message.subject)
""",
    "change": """\
implements(IMailintakePlugin)

@hookimpl(wrapper=True)
def mailintake_change(self, change, message, context):
    changed = yield
    deed(message.subject)
    return changed
""",
    "recorded": """\
implements(IMailintakePlugin)

@hookimpl
def mailintake_recorded(self, message, outcome, context):
    deed(message.subject)
""",
    "manipulator": """\
implements(ITicketManipulator)

def prepare_ticket(self, req, ticket, fields, actions):
    pass

def validate_ticket(self, req, ticket):
    deed(ticket['summary'])
    return []

def validate_comment(self, req, comment):
    return []
""",
    "listener": """\
implements(ITicketChangeListener)

def ticket_created(self, ticket):
    deed(ticket['summary'])

def ticket_changed(self, ticket, comment, author, old_values):
    deed('Re: ' + ticket['summary'])

def ticket_deleted(self, ticket):
    pass
""",
}

_RAISED: Final = (
    "raise ValueError('a mistake')",
    "raise TracError('a mistake')",
    "raise OSError(errno.ENOSPC, 'No space left on device')",
    "raise MemoryError",
    "raise RecursionError('too deep')",
    "return 1 // 0",
)


@dataclass(frozen=True, slots=True)
class Trouble(Common):
    """A plugin, one file in the environment, that does something at some of the mails; then it is removed."""

    deeds: tuple[str, ...] = ()
    rounds: int = 1

    def options(self, bench: Bench) -> Options:
        """A run may hang for a second."""
        return (("mailintake", "watchdog", "1"),)

    def strike(self, scene: Scene) -> Struck:
        """Several rounds meet it."""
        with plugin(scene, scene.chance.choice(self.deeds), scene.chance.choice(sorted(_PLACES))) as wanted:
            scene.prepare()
            for _ in range(scene.chance.randint(1, self.rounds)):
                scene.meet()
        # What a mail's own failures, or its deaths, set aside is for the administrator to retry.
        return Struck(hit=bool(wanted), held=True)


@contextmanager
def plugin(scene: Scene, deed: str, place: str = "screen") -> Iterator[list[str]]:
    """A plugin that does something at some of the mails, as long as the block lasts; the subjects of those."""
    numbers = [number for number in range(len(scene.sent)) if scene.chance.random() < 0.4]
    wanted = [f"Re: Request {number - 1}" if number % 4 == 3 else f"Request {number}" for number in numbers]
    path = scene.env / "plugins" / "trouble.py"
    where = textwrap.indent(_PLACES[place], "    ")
    path.write_text(_HEAD.format(subjects=wanted, deed=deed) + where, encoding="utf-8")
    try:
        yield wanted
    finally:
        # It is mended, and not removed: intake takes nothing without a plugin that was there.
        path.write_text(_HEAD.format(subjects=[], deed=deed) + where, encoding="utf-8")


FAULTS: Final = (
    Trouble("plugin-raises", deeds=_RAISED, rounds=3),
    Trouble("plugin-hangs", deeds=("time.sleep(600)", "while True: pass")),
    Trouble("plugin-kills", deeds=("os._exit(7)", "os.abort()"), rounds=4),
)
