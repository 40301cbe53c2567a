"""No test depends on how fast the machine is: who reads or waits by the clock on the wall is listed, with the reason.

Time of the processor, growth (`tests/growth.py`) and facts that are waited for (`tests/waiting.py`) need no reason.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

import pytest

from tests.house.tree import modules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WALL: Final = {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep"}
"""The functions of the module `time` that go by the clock on the wall."""

READERS: Final[Mapping[str, str]] = {
    "waiting.py": "the only limits: on waiting for a fact, and on what would hang",
    # They report how long something took; nothing depends on it.
    "faults/__main__.py": "reports it, and ends a search that is to last so long",
    "faults/trial.py": "reports it",
    "histories/__main__.py": "reports it, and ends a search that is to last so long",
    "matrix.py": "reports it",
    "kills/__main__.py": "ends a search that is to last so long",
    "own_coverage.py": "reports it",
    # They make a time that the product gets.
    "components/panels/journal/test_held_actions.py": "a deadline, which has passed or is far off",
    "components/panels/test_actions.py": "likewise",
    "servers/dovecot.py": "the name of a file in a Maildir, as every delivery agent makes it",
    "sources/local/test_mbox_locks.py": "the age of a lock file",
    "test_rates.py": "the date of a mail",
    # They choose a moment; what has to hold, holds for each.
    "kills/boxes.py": "which mails are old enough to be answered",
    "kills/processes.py": "kills at random moments",
    "kills/scene.py": "likewise",
    "crash/rounds.py": "processes that begin at the same moment",
    "crash/test_concurrent.py": "likewise",
    "crash/test_kill.py": "kills at random moments",
    "cuts/cutting.py": "cuts the power at random within the time that a round takes here",
    # They let time pass: a slow machine lets more of it pass, and the test says the same.
    "components/test_overdue_check.py": "a second in which no second letter comes",
    "intake/stages/test_parse_ahead.py": "a message over which the parser hangs",
    "security/evil.py": "a mail server that drips",
    "servers/test_delayproxy.py": "a delay is at least as long as was asked for",
    "sources/imap/test_mailbox_rounds.py": "a second after which Dovecot gives a folder another UIDVALIDITY",
    "tracker/message_ids/test_known.py": "what was looked up a second ago is looked up again",
    "tracker/message_ids/test_known_lookup.py": "likewise",
    "tracker/db/test_turns.py": "a rest is at least as long as it has to be",
    "tracker/outgoing/test_smtp_time_budget.py": "a server that takes longer than anybody waits",
    "tracker/tickets/test_permission_cache.py": "what was asked a second ago is asked again",
    # They look at a process again and again until it ends.
    "components/test_secrets.py": "at its command line",
    "kills/look.py": "at a database that begins",
    "kills/servers.py": "at its parent",
    "runs/test_parallel.py": "at its children",
    "tracker/deliveries/test_recorder.py": "at the files of an attachment",
}
"""Modules below `tests/`."""


def by_the_clock(tree: ast.Module) -> Iterator[int]:
    """The lines that name one of these functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "time" and node.attr in WALL:
                yield node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == "time" and WALL & {each.name for each in node.names}:
            yield node.lineno


def test_who_goes_by_the_clock_has_a_reason() -> None:
    """And the list has nobody who does not."""
    found = {
        module.name.removeprefix("tests/"): f"{module.name}:{lines[0]}"
        for module in modules()
        if module.within("tests") and (lines := list(by_the_clock(module.tree)))
    }
    unknown = [place for name, place in found.items() if name not in READERS]
    assert not unknown, "wait by tests/waiting.py, or say in READERS why not: " + ", ".join(unknown)
    assert sorted(READERS.keys() - found.keys()) == []


@pytest.mark.parametrize(
    "text", ["began = time.monotonic()", "time.sleep(1)", "from time import sleep, strftime", "clock = time.time"]
)
def test_a_clock_is_recognised(text: str) -> None:
    """However it is named."""
    assert list(by_the_clock(ast.parse(text))) == [1]


@pytest.mark.parametrize("text", ["time.process_time()", "clock.sleep(1)", "datetime.time(12)", "import time"])
def test_other_things_are_no_clock(text: str) -> None:
    """The processor's time is that of the test alone, and our own clocks are fakes."""
    assert not list(by_the_clock(ast.parse(text)))
