"""Whichever call to the outside fails, and however: in the end there is one of everything.

A round over three mails (two attachments, an answer, HTML) makes N calls to the outside. For many n, or for every n
with MAILINTAKE_EVERY_STEP=1, the n-th fails in a fresh environment and a fresh mailbox; then one runs again.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.crash.conftest import LANES
from tests.crash.faults import NONE, Fault, Way
from tests.crash.scene import attempt, vanish

if TYPE_CHECKING:
    from tests.crash.conftest import Places
    from tests.crash.scene import Environments, Try, Vanishing

pytestmark = [pytest.mark.crash, pytest.mark.timeout(3600)]

EVERY = 10_000
"""More tries than there are calls."""

MATRIX = [
    ("sqlite", "maildir", Way.KILLED, EVERY),
    ("sqlite", "maildir", Way.REFUSED, 20),
    ("sqlite", "maildir", Way.UNANSWERED, 20),
    ("postgres", "maildir", Way.KILLED, 12),
    ("postgres", "maildir", Way.REFUSED, 8),
    ("postgres", "maildir", Way.UNANSWERED, 12),
    ("postgres", "imap", Way.KILLED, 6),
    ("postgres", "imap", Way.REFUSED, 4),
    *(
        ("sqlite", kind, way, 12 if way is Way.KILLED else 8)
        for kind in ("imap", "pop3", "mbox", "directory", "pipe")
        for way in (Way.KILLED, Way.REFUSED, Way.UNANSWERED)
    ),
    ("sqlite", "imap-refusing", Way.KILLED, 60),
    ("sqlite", "imap-refusing", Way.REFUSED, 12),
    ("sqlite", "imap-refusing", Way.UNANSWERED, 12),
    ("postgres", "imap-refusing", Way.KILLED, 8),
    ("sqlite", "imap-streamed", Way.KILLED, 40),
    ("sqlite", "imap-streamed", Way.REFUSED, 8),
    ("sqlite", "imap-streamed", Way.UNANSWERED, 8),
    ("sqlite", "imap-tls", Way.KILLED, 5),
    ("sqlite", "pop3-tls", Way.KILLED, 5),
]
"""Database, kind of source, how it fails, and how many tries are enough unless all are asked for."""


VANISHING = [
    ("sqlite", "maildir", 25),
    ("postgres", "maildir", 8),
    *(("sqlite", kind, 8) for kind in ("imap", "pop3", "mbox", "directory", "imap-streamed")),
]
"""Database, kind of source, and how many tries are enough unless all are asked for."""


def _name(value: object) -> str | None:
    return value.value if isinstance(value, Way) else None


@pytest.mark.parametrize(("environments", "kind", "way", "tries"), MATRIX, indirect=["environments"], ids=_name)
def test_one_of_everything_whichever_call_fails(
    environments: Environments, places: Places, kind: str, way: Way, tries: int
) -> None:
    """One ticket, one comment, one copy of each attachment, one row for each mail; the mailbox empty, no leftovers."""

    def fail(at: int) -> Try:
        with environments() as env:
            return attempt(env, places(kind), Fault(at, way))

    with environments() as env:
        unharmed = attempt(env, places(kind), NONE)
    assert unharmed.problems() == []
    calls = unharmed.calls
    stride = 1 if os.environ.get("MAILINTAKE_EVERY_STEP") == "1" else max(1, calls // tries)
    steps = range(1, calls + 1, stride)
    with ThreadPoolExecutor(LANES) as lanes:
        wrong = [str(each) for each in lanes.map(fail, steps) if each.problems()]
    print(f"{kind}, {way.value}: {calls} calls, {len(steps)} tried")  # noqa: T201 - the figures are asked for
    assert not wrong, "\n".join(["", *wrong])


@pytest.mark.parametrize(("environments", "kind", "tries"), VANISHING, indirect=["environments"])
def test_what_was_durable_is_filed_whoever_empties_the_mailbox(
    environments: Environments, places: Places, kind: str, tries: int
) -> None:
    """A round is killed at each call in turn, and then somebody removes all mail.

    Only mail whose bytes were not durable by then may be said to have vanished.
    """

    def fail(at: int) -> Vanishing:
        with environments() as env:
            return vanish(env, places(kind), Fault(at, Way.KILLED))

    with environments() as env:
        calls = attempt(env, places(kind), NONE).calls
    stride = 1 if os.environ.get("MAILINTAKE_EVERY_STEP") == "1" else max(1, calls // tries)
    steps = range(1, calls + 1, stride)
    with ThreadPoolExecutor(LANES) as lanes:
        done = list(lanes.map(fail, steps))
    sealed = sum(each.sealed for each in done)
    print(f"{kind}, vanishing: {calls} calls, {len(steps)} tried, {sealed} after the batch was sealed")  # noqa: T201 - the figures are asked for
    wrong = [str(each) for each in done if each.problems()]
    assert not wrong, "\n".join(["", *wrong])
    assert 0 < sealed < len(done)
