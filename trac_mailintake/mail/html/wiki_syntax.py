"""parse: writes Trac's wiki markup for links and blocks of code, separated from the sender's text by marks."""

from __future__ import annotations

import re
from typing import Final

from trac_mailintake.mail.html import declared_quotes
from trac_mailintake.mail.marks import OWN, OWN_END, OWN_LINE
from trac_mailintake.mail.wiki import escape

_BLANKS: Final = re.compile(r"\s+")
_MAILTO: Final = "mailto:"
_SCHEMES: Final = ("", _MAILTO, "http://", "https://")
"""Prefixes that people omit when they write an address."""
_UNSAFE_IN_URL: Final = re.compile(r"[\s\u200b\[\]|<>\"]|(?<=:):\Z")
"""Two colons before a blank are separated where they would end a term of a list."""
_TAGGED: Final = re.compile(r"[<>]")
"""In the label of a mail address: Trac shows it as HTML to users without EMAIL_VIEW (`Formatter._make_link`)."""
_UNSAFE_IN_LABEL: Final = re.compile(r"[\[\]]")
_FOLLOWED: Final = ("http:", "https:", "ftp:", _MAILTO)
"""Schemes that Trac turns into links; phone numbers stay text."""


_IMAGE: Final = f"{OWN}[[Image("
_PIECE: Final = re.compile(f"[{OWN}{OWN_LINE}][^{OWN_END}]*{OWN_END}")


def own(markup: str) -> str:
    """Our markup, separated by marks from the text around it."""
    return f"{OWN}{markup}{OWN_END}"


def begun(markup: str) -> str:
    """Our markup at the beginning of a line."""
    return f"{OWN_LINE}{markup}{OWN_END}"


def image(name: str) -> str:
    """Show an attached image. `name` comes from `filenames.pictured`, so it cannot end the macro or add arguments."""
    return own(f"[[Image({name})]]")


def block(lines: list[str], indent: str) -> str:
    """A block of code."""
    safe = (_within_block(line, first=not number) for number, line in enumerate(lines))
    return "\n".join(begun(f"{indent}{line}") for line in ("{{{", *safe, "}}}"))


def _within_block(line: str, *, first: bool) -> str:
    """A line of code that cannot open or close a block; the first line also cannot name a processor."""
    bare = line.strip()
    special = bare == "}}}" or bare.startswith("{{{") or (first and bare.startswith("#!"))
    return escape.MARK + line if special else line


def linked(url: str, written: str, before: str) -> str:
    """The markup of a link to `url` with the label `written` and its blanks; `before` is the text before it."""
    quoted, written = declared_quotes.marks_of(written), declared_quotes.without_marks(written)
    return quoted + (_linked(url, written, before) if url else written)


def _linked(url: str, written: str, before: str) -> str:
    lead = written[: len(written) - len(written.lstrip())]
    if _IMAGE in written:
        return lead + written.lstrip()
    label = _BLANKS.sub(" ", _PIECE.sub(" ", written)).strip()
    if not label:
        return written
    if not url.lower().startswith(_FOLLOWED):
        return lead + label
    if url.lower().startswith(_MAILTO) and _TAGGED.search(label):
        return lead + _named(url[len(_MAILTO) :], label)
    url = _UNSAFE_IN_URL.sub(_percent, url)
    stands_alone = bool(lead) or not (before.isalnum() or before == "!")
    if stands_alone and _is_written_out(url, label):
        return lead + url.removeprefix(_MAILTO)
    return lead + own(f"[{url} {escape.inert(_bracketed(label))}]")


def _named(address: str, label: str) -> str:
    """A mail address and its label as text."""
    return label if address in label else f"{label} ({address})"


def _is_written_out(url: str, label: str) -> bool:
    """Whether the label is the URL itself, as people write it."""
    return label.rstrip("/") in {url.rstrip("/").removeprefix(scheme) for scheme in _SCHEMES}


def _bracketed(label: str) -> str:
    """A label that the brackets of a link may contain: in quotation marks if it could end the link or its label."""
    if "]" not in label and label[0] not in "'\"":
        return label
    quote = next((mark for mark in "\"'" if mark not in label), "")
    return f"{quote}{label}{quote}" if quote else _UNSAFE_IN_LABEL.sub("", label)


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())
