"""parse: parameters of Content-Type and Content-Disposition (RFC 2045, 5.1; RFC 2231), tolerant of real software."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from trac_mailintake.mail import charsets
from trac_mailintake.mail.headers import encoded_words

_FOLD: Final = re.compile(r"[\r\n]+[ \t]*")
_SEGMENT: Final = re.compile(r'(?:[^;"]++|"(?:[^"\\]++|\\.)*+\\?(?:"|\Z))++', re.DOTALL)
"""Here and below a quotation that nobody closes may end with a lone backslash: so no `"` is read twice."""
_QUOTED: Final = re.compile(r'"((?:[^"\\]++|\\.)*+)\\?(?:"|\Z)(.*)', re.DOTALL)
_MISSING_SEMICOLON: Final = re.compile(r"(?<=\S)\s++(?=[\w*.-]++=\S)")
_ESCAPE: Final = re.compile(r'\\(["\\])')
_TYPE: Final = re.compile(r"\s*([!#$%&'*+.^_`{|}~\w-]+)\s*/\s*([!#$%&'*+.^_`{|}~\w-]+)")
_NUMBERED: Final = re.compile(r"([^*]+)\*(\d{1,4})(\*?)")
_STARLESS: Final = re.compile(r"[A-Za-z][\w.:-]{1,40}'[A-Za-z-]{0,10}'[^%']*%[0-9A-Fa-f]{2}(?:[^%']|%[0-9A-Fa-f]{2})*")
"""An extended value (RFC 2231, 4) whose name lacks the star."""
_MANY: Final = 200
"""Parameters of one field that are read."""


def content_type(raw: bytes, default: str) -> tuple[str, dict[str, str]]:
    """The media type (lower case) and the parameters of a Content-Type; `default` if it names none."""
    if not raw:
        return default, {}
    main, values = parse(raw)
    match = _TYPE.match(main)
    if match:
        return f"{match[1]}/{match[2]}".lower(), values
    return ("text/plain" if main.strip().lower() in {"", "text"} else "application/octet-stream"), values


@lru_cache(maxsize=256)
def _cached(raw: bytes) -> tuple[str, tuple[tuple[str, str], ...]]:
    text = _FOLD.sub(" ", charsets.header(raw))
    main, *rest = _segments(text)
    if "=" in main:
        words_of_main = main.split(None, 1)
        main, more = words_of_main[0], words_of_main[1:]
        rest = more + rest
    values: dict[str, str] = {}
    for segment in rest[:_MANY]:
        name, found, value = segment.partition("=")
        if found:
            _take(values, name.strip().lower(), value.strip())
    return main.strip(), tuple(_joined(values).items())


def parse(raw: bytes) -> tuple[str, dict[str, str]]:
    """The value before the first semicolon, and the parameters: names in lower case, values decoded."""
    main, values = _cached(raw)
    return main, dict(values)


def _segments(text: str) -> list[str]:
    """The text cut at semicolons outside quotes."""
    missing = [""] if text.lstrip().startswith(";") else []
    return [*missing, *_SEGMENT.findall(text)] or [""]


def _take(values: dict[str, str], name: str, value: str) -> None:
    """Keep the first value of each name; a missing semicolon does not hide the next parameter."""
    rest = ""
    if quoted := _QUOTED.match(value):
        value, rest = _ESCAPE.sub(r"\1", quoted[1]), quoted[2].strip()
    elif missing := _MISSING_SEMICOLON.search(value):
        value, rest = value[: missing.start()], value[missing.end() :]
    values.setdefault(name, value)
    following, found, value = rest.partition("=")
    while found:
        value = value.strip()
        quoted = _QUOTED.match(value)
        values.setdefault(following.strip().lower(), quoted[1] if quoted else value)
        following, found, value = (quoted[2] if quoted else "").partition("=")


def _joined(values: dict[str, str]) -> dict[str, str]:
    """Join continuations and decode percent signs (RFC 2231); also decode misplaced encoded words (RFC 2047)."""
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, value in values.items():
        numbered = _NUMBERED.fullmatch(name)
        if numbered:
            pieces.setdefault(numbered[1], {})[int(numbered[2])] = (value, bool(numbered[3]))
        elif name.endswith("*"):
            pieces.setdefault(name[:-1], {}).setdefault(0, (value, True))
        elif _STARLESS.fullmatch(value):
            pieces.setdefault(name, {}).setdefault(0, (value, True))
        else:
            plain[name] = encoded_words.decode(value) if "=?" in value else value
    for name, numbers in pieces.items():
        plain[name] = _extended([numbers[number] for number in sorted(numbers)]) or plain.get(name, "")
    return plain


def _extended(pieces: list[tuple[str, bool]]) -> str:
    """The text of the pieces (value, percent-encoded?) of one parameter; the first may begin with charset'language'."""
    first, encoded = pieces[0]
    charset = ""
    if encoded and first.count("'") >= 2:  # noqa: PLR2004 - the two quotes of RFC 2231, 4
        charset, _, first = first.split("'", 2)
    whole = b"".join(
        unquote_to_bytes(value) if encoded else value.encode("utf-8", "surrogateescape")
        for value, encoded in ((first, encoded), *pieces[1:])
    )
    text = charsets.decode(whole, charset)
    return encoded_words.decode(text) if "=?" in text else text
