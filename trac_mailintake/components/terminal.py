"""Makes text from strangers safe for a terminal or a log."""

from __future__ import annotations

import unicodedata
from typing import Final

_JOINERS: Final = "\u200b\u200c\u200d\u00ad\ufeff"
"""Invisible characters that scripts and emoji need, and that do nothing else."""


def plain(text: str) -> str:
    """The text with control characters and direction marks written as escapes, so that a terminal only shows it.

    Senders choose subjects and names, servers the names of folders.
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_shown, text))


def _shown(letter: str) -> str:
    if letter.isprintable() or letter == "\n" or letter in _JOINERS:
        return letter
    return " " if letter == "\t" or unicodedata.category(letter) == "Zs" else repr(letter)[1:-1]
