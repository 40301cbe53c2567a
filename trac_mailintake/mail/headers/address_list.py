"""parse: the mailboxes of an address field (RFC 5322, 3.4), tolerant, linear in time and without recursion.

Structure comes first and decoding after it: an encoded word is a name and never becomes an address.
"""

from __future__ import annotations

import re
import sys
from typing import Final

from trac_mailintake.mail.headers import encoded_words
from trac_mailintake.mail.message import Address
from trac_mailintake.mail.scrub import scrub

_SIMPLE: Final = re.compile(
    r"\s*+(?:([\w .-]*+)<([^<>@\s\x00-\x1f\x7f\"(),:;]+@[^<>@\s\x00-\x1f\x7f\"(),:;]+)>"
    r"|([^<>@\s\x00-\x1f\x7f\"(),:;=]+@[^<>@\s\x00-\x1f\x7f\"(),:;]+))\s*+"
)
_TOKEN: Final = re.compile(
    r"""
    "(?P<quoted>(?:[^"\\]++|\\.)*+)\\?(?:"|\Z)
    |<(?P<angle>(?:[^<>"]++|"(?:[^"\\]++|\\.)*+")*+)(?:>|\Z)
    |(?P<mark>[(),;:<>"])
    |(?P<atom>[^"<>(),;:]+)
    """,
    re.DOTALL | re.VERBOSE,
)
_COMMENT: Final = re.compile(r"\\.|[()]|[^()\\]+", re.DOTALL)
_IN_PARENTHESES: Final = re.compile(r"(\\.)|\((?:[^()\\]++|\\.)*+\)", re.DOTALL)
"""A comment, or an escaped character, which cannot begin a comment."""
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_WORD: Final = re.compile(r"\S+")
_BLANKS: Final = re.compile(r"\s+")
_DOT: Final = re.compile(r"(?<=\S)\s+\.\s+(?=\S)")
"""A dot with blanks around it within an address (RFC 5322, 4.4, obs-domain)."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_SPEC: Final = re.compile(r"""(?:"(?:[^"\\]++|\\.)*+"|[^\s"<>(),:;@]++)@(?:\[[^\[\]\s]*\]|[^\s"<>(),:;@\[\]]+)""")
_QUOTED: Final = re.compile(r'"((?:[^"\\]++|\\.)*+)"@', re.DOTALL)
_DOT_ATOM: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]++(?:\.[\w!#$%&'*+/=?^`{|}~-]++)*+")
"""RFC 5322, 3.2.3, with all letters, as RFC 6532 allows."""
_BARE: Final = re.compile(r"(?:mailto:)?([^\s\"<>(),:;@]+@[^\s\"<>(),:;@]+)", re.IGNORECASE)
_LONGEST: Final = 512
"""Longest addr-spec, in characters; RFC 5321 allows 320."""


def parse(text: str, limit: int = 1000) -> tuple[Address, ...]:
    """The mailboxes in `text`, an address field that is still encoded, in order; at most `limit`.

    Includes members of groups. Leaves out group names and entries without an addr-spec.
    An unclosed quotation mark must not swallow the only address.
    """
    simple = _SIMPLE.fullmatch(text)
    if simple:
        return (Address((simple[1] or "").strip(), simple[2] or simple[3]),)
    return tuple(_read(text, limit).found)


def overlong(text: str) -> bool:
    """Whether `parse` leaves out an address in `text` because it is too long."""
    return len(text) > _LONGEST and not _SIMPLE.fullmatch(text) and _read(text, sys.maxsize).overlong


def _read(text: str, limit: int) -> _Reader:
    """Read `text`. If that finds nothing and a quotation mark is unclosed, read it again with blanks for all."""
    reader = _Reader(text, limit)
    if reader.found or text.count('"') % 2 == 0:
        return reader
    again = _Reader(text.replace('"', " "), limit)
    again.overlong = again.overlong or reader.overlong
    return again


class _Reader:
    """Walks over the tokens; a comma, a semicolon or a second angle bracket ends a mailbox."""

    def __init__(self, text: str, limit: int) -> None:
        self.found: list[Address] = []
        self.phrase: list[tuple[str, bool]] = []
        self.spec: str | None = None
        self.comments: list[str] = []
        self.overlong = False
        position = 0
        while len(self.found) < limit and (match := _TOKEN.match(text, position)):
            position = match.end()
            if match["mark"] == "(":
                position = self._comment(text, position)
            else:
                self._token(match)
        if len(self.found) < limit:
            self._flush()

    def _token(self, match: re.Match[str]) -> None:
        if match["mark"] in {",", ";"}:
            self._flush()
        elif match["mark"] == ":":
            self.phrase.clear()
        elif match["angle"] is not None:
            if self.spec is not None:
                self._flush()
            self.spec = match["angle"]
        elif match["quoted"] is not None:
            self.phrase.append((match["quoted"], True))
        elif match["atom"]:
            self.phrase.append((match["atom"], False))

    def _comment(self, text: str, position: int) -> int:
        """Skip the comment that began before `position`, however deep; keep its text, which may be a name."""
        depth, start = 1, position
        while depth and (match := _COMMENT.match(text, position)):
            position = match.end()
            depth += {"(": 1, ")": -1}.get(match[0], 0)
        self.comments.append(text[start : position if depth else position - 1])
        return position

    def _flush(self) -> None:
        """Finish the present mailbox, if it is one."""
        written = "({})" if self.spec is not None else "{}"
        if self.spec is None:
            self._without_angle()
        spec = _spec(self.spec or "")
        self.overlong = self.overlong or (not spec and len(self.spec or "") > _LONGEST)
        if spec:
            name = _name(self.phrase) or _decoded(" ".join(map(written.format, self.comments)))
            self.found.append(Address(name, spec))
        self.phrase, self.comments, self.spec = [], [], None

    def _without_angle(self) -> None:
        """`user@host`, `"quoted local"@host`, and the sloppy `Some Name user@host`."""
        self.phrase = [(piece if quoted else _DOT.sub(".", piece), quoted) for piece, quoted in self.phrase]
        written = "".join(f'"{piece}"' if quoted else piece for piece, quoted in self.phrase).strip()
        if _SPEC.fullmatch(written):
            self.spec, self.phrase = written, []
            return
        for index in range(len(self.phrase) - 1, -1, -1):
            piece, quoted = self.phrase[index]
            begin, bare = (0, _BARE.fullmatch(piece.strip())) if quoted else _last(piece)
            if bare:
                self.spec = bare[1]
                rest = "" if quoted else piece[:begin] + piece[begin + len(bare[0]) :]
                self.phrase = [*self.phrase[:index], (rest, False), *self.phrase[index + 1 :]]
                return


def _last(piece: str) -> tuple[int, re.Match[str] | None]:
    """The last word of `piece` that is an address, and where it begins. Encoded words do not count."""
    for word in reversed(list(_WORD.finditer(piece))):
        bare = _BARE.fullmatch(word[0])
        if bare and "=?" not in word[0]:
            return word.start(), bare
    return 0, None


def _spec(written: str) -> str:
    """The addr-spec without a source route and blanks (RFC 5322, 4.4); "" if it is none."""
    if "(" in written and '"' not in written:
        written = _IN_PARENTHESES.sub(r"\1", written)
    if written.lstrip().startswith("@"):
        written = written.rpartition(":")[2]
    spec = _BLANKS.sub("", written) if '"' not in written else written.strip()
    spec = spec[len("mailto:") :] if spec.lower().startswith("mailto:") else spec
    if len(spec) > _LONGEST or _CONTROL.search(spec) or not _SPEC.fullmatch(spec):
        return ""
    return scrub(_plain(spec))


def _plain(spec: str) -> str:
    """The addr-spec without needless quotation marks: `"ann"@host` is `ann@host` (RFC 5322, 3.2.4 and 3.4.1)."""
    quoted = _QUOTED.match(spec)
    local = _ESCAPE.sub(r"\1", quoted[1]) if quoted else ""
    return f"{local}@{spec[quoted.end() :]}" if quoted and _DOT_ATOM.fullmatch(local) else spec


def _name(phrase: list[tuple[str, bool]]) -> str:
    """The display name; pieces keep the blanks that were between them."""
    return _decoded("".join(_ESCAPE.sub(r"\1", piece) if quoted else piece for piece, quoted in phrase))


def _decoded(text: str) -> str:
    return scrub(_CONTROL.sub(" ", _BLANKS.sub(" ", encoded_words.decode(text)))).strip()
