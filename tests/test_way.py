"""A mail's way stays short enough to be read: see `tests/way.py` for how it is counted."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import Final

import pytest

from tests.mirror import PACKAGE, ROOT
from tests.way import STEPS, Stop, Way, walked

FILES: Final = 20
RETURNS: Final = 10


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Way:
    """A mail's way through the product, in a process without threads, as the command's is: pytest-xdist has some."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as alone:
        return alone.submit(walked, tmp_path_factory.mktemp("way")).result()


def test_the_way_of_a_mail_is_short(way: Way) -> None:
    """Before you add a file, see whether one on the way only passes the mail on."""
    assert way.said == "support: 1 created\n"
    assert len(way.files) <= FILES, way
    assert way.returns <= RETURNS, way


def test_the_whole_way_is_counted(way: Way) -> None:
    """From the command on, and each call that moves the mail, in the order of the steps."""
    calls = [call for calls in STEPS.values() for call in calls]
    assert [stop.port for stop in way.stops] == calls
    assert {stop.files[0] for stop in way.stops} == {"components/run_commands.py"}
    assert all((PACKAGE / file).is_file() for file in way.files)


def test_the_steps_are_those_that_the_documentation_draws() -> None:
    """Each is a word of the diagram."""
    page = (ROOT / "docs" / "internals.md").read_text("utf-8")
    drawn = page.split("## The way of a mail")[1].split("```mermaid")[1].split("```")[0]
    assert [step for step in STEPS if step not in drawn] == []


@pytest.mark.parametrize(
    ("stops", "files", "returns"),
    [
        (["a b", "a b"], "a b", 0),
        (["a b", "a c"], "a b c", 0),
        (["a b", "a c", "a b"], "a b c", 1),
        (["a b c", "a d b c"], "a b c d", 2),
        (["a b a"], "a b", 1),
    ],
)
def test_a_file_that_is_entered_again_is_a_return(stops: list[str], files: str, returns: int) -> None:
    """One that is still on the stack is not entered again."""
    way = Way(tuple(Stop("port", tuple(stop.split())) for stop in stops), "")
    assert (" ".join(way.files), way.returns) == (files, returns)
    assert str(way).endswith(f"{len(files.split())} files, {returns} returns")
