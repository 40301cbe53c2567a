"""What is kept in the repository makes sense on any machine."""

from __future__ import annotations

import re

import pytest

from tests.house.tree import ROOT, tracked

# Home folders and their like. The pattern does not match itself.
_MACHINE = re.compile(r"(?:^|[^\w.])/(?:home|root|work|Users|mnt|workspace)/[\w.]")
_OPEN_END = re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X])\b")
_BINARY = {".eml", ".bin", ".png", ".jpg", ".gif", ".ico", ".mbox", ".dat"}


def found(pattern: re.Pattern[str]) -> list[str]:
    """Where a pattern occurs."""
    return [
        f"{path.relative_to(ROOT)}:{number} {line.strip()[:100]}"
        for path in tracked()
        if path.suffix not in _BINARY
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_paths_of_one_machine() -> None:
    """Nobody's folders are written down."""
    places = found(_MACHINE)
    assert not places, "\n".join(["", *places])


def test_no_open_ends() -> None:
    """What is left to do stands in an issue, not in the code."""
    places = found(_OPEN_END)
    assert not places, "\n".join(["", *places])


@pytest.mark.parametrize("line", ["see /" + "home/joe/x", "path = '/" + "root/.cache'", "(/" + "work/main)"])
def test_machine_paths_are_recognised(line: str) -> None:
    """The check finds what the rule forbids."""
    assert _MACHINE.search(line)


@pytest.mark.parametrize("line", ["https://example.org/" + "work/x", "files/" + "root/x", "the network/" + "work"])
def test_other_paths_pass(line: str) -> None:
    """Only absolute paths count."""
    assert not _MACHINE.search(line)
