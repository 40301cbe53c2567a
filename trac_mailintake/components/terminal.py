"""What a terminal, or a log, is shown of words that strangers chose."""

from __future__ import annotations

import unicodedata
from typing import Final

_JOINERS: Final = "\u200b\u200c\u200d\u00ad\ufeff"
"""Letters of scripts and of emoji that are invisible, and do nothing else."""


def plain(text: str) -> str:
    """A text that a terminal only shows: what it would obey, or what turns the line around, is written as an escape.

    Senders choose subjects and names, servers the names of folders.
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_shown, text))


def _shown(letter: str) -> str:
    if letter.isprintable() or letter == "\n" or letter in _JOINERS:
        return letter
    return " " if letter == "\t" or unicodedata.category(letter) == "Zs" else repr(letter)[1:-1]
