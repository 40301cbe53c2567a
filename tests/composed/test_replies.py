"""Replies composed of author's blocks and quoting styles are cut exactly where the quote begins."""

from __future__ import annotations

import pytest

from tests.composed import blocks, styles
from tests.composed.replies import complaints, compose

NUMBER = 2000
"""Replies in the tests; `make hunt` composes more."""


def test_composed_replies() -> None:
    """All of the author's words stay, and none of the quoted ones."""
    wrong = [f"{seed}: {complaint}" for seed in range(NUMBER) for complaint in complaints(compose(seed))]
    assert wrong == []


@pytest.mark.parametrize("start", range(0, NUMBER, NUMBER // 2))
def test_the_generator_covers_its_lists(start: int) -> None:
    """Each block and each style occurs in any thousand seeds, and each reply has something that the author wrote."""
    replies = [compose(seed) for seed in range(start, start + NUMBER // 2)]
    assert all(any(line.strip() for line in reply.written) for reply in replies)
    names = "\n".join(reply.name for reply in replies)
    assert [each for each in (*blocks.INTRODUCED, *styles.PLAIN, *styles.HTML) if each not in names] == []


def test_a_seed_composes_one_reply() -> None:
    """So that whatever a hunt finds can be made again."""
    assert compose(7) == compose(7)
    assert compose(7) != compose(8)
