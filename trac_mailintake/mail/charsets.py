"""parse: bytes to text: as declared, else UTF-8, else as detected, else Windows-1252 with what fits.

Never an exception, never U+0000, never a lone surrogate.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from typing import Final

_ALIASES: Final = {
    "ks_c_5601-1987": "cp949",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "hz-gb-2312": "hz",
    "iso-2022-kr": "iso2022_kr",
    "iso-2022-cn": "gb18030",
    "unicode-1-1-utf-7": "utf-7",
    "utf-7": "utf-7",
    "cp-850": "cp850",
    "x-mac-ce": "mac_latin2",
    "utf8mb4": "utf-8",
}
_ASCII: Final = {
    *("", "us-ascii", "ascii", "ansi_x3.4-1968"),
    *("unknown-8bit", "x-unknown", "unknown", "binary", "8bit", "7bit", "default", "_autodetect"),
}
_NOT_ASCII_BASED: Final = re.compile(r"iso2022|utf[-_]?(?:7|16|32)|hz|cp(?:037|273|424|500|875|1026|1140)")
_JAPANESE: Final = ("iso2022_jp", "iso2022_jp_ext", "iso2022_jp_2004")
_NO_CHARSETS: Final = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"}
"""Codecs of Python that are no charsets of mail."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_JIS: Final = re.compile(rb"\x1b\$(?:B|@|\(D)([\x21-\x7e]*)(?:\x1b\([BJ])?|\x1b\([BJ]")
_SAMPLE: Final = 64 * 1024
"""Bytes that are looked at to detect a charset."""
_SURE: Final = 0.3
"""Less confidence than this is no better than Windows-1252."""


@lru_cache(maxsize=256)
def codec(label: str) -> str:
    """The name of Python's codec for a charset label of a mail, empty when there is none."""
    label = label.strip().strip("\"'").lower()
    if label in _ASCII:
        return ""
    if label in _ALIASES:
        return _ALIASES[label]
    import webencodings  # noqa: PLC0415 - only a mail with such a label needs it

    encoding = webencodings.lookup(label)
    name = encoding.codec_info.name if encoding and encoding.name not in {"replacement", "x-user-defined"} else label
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    is_text = found.name not in _NO_CHARSETS and found._is_text_encoding  # noqa: SLF001 - the only way to tell rot13 and base64, which Python has as codecs
    return _ALIASES.get(name, found.name) if is_text else ""


def scrub(text: str) -> str:
    """The text without U+0000 and lone surrogates, which neither databases nor browsers bear."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def decode(raw: bytes, label: str = "") -> str:
    """The text of `raw`, whose charset is said to be `label`."""
    declared = codec(label) if label else ""
    if raw.isascii() and not (b"\x1b" in raw or b"\x00" in raw or (declared and _NOT_ASCII_BASED.search(declared))):
        return raw.decode("ascii")
    return scrub(_decode(raw, declared))


def header(raw: bytes) -> str:
    """The text of a raw header value: ASCII, or what old software put there unencoded."""
    return raw.decode("ascii") if raw.isascii() and b"\x1b" not in raw and b"\x00" not in raw else decode(raw)


def _decode(raw: bytes, declared: str) -> str:
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return raw.decode(name, "replace")
    candidates = _JAPANESE if declared == "iso2022_jp" else (declared, "utf-8") if declared else ("utf-8",)
    for name in candidates:
        text = _strict(raw, name)
        if text is not None and not (name == "utf-8" and b"\x1b" in raw):
            return text
    detected = _detected(raw[:_SAMPLE])
    text = _strict(raw, detected) if detected else None
    if text is not None:
        return text
    if "iso2022_jp" in {declared, detected}:
        return _JIS.sub(_as_microsoft, raw).decode("cp932", "replace")
    text = raw.decode(declared or detected or "utf-8", "replace")
    return text if _makes_sense(text) else raw.decode("cp1252", "replace")


def _makes_sense(text: str) -> bool:
    """Whether a text with replacements has other letters beyond ASCII: then the charset was right, and a byte wrong."""
    return any(letter > "\x7f" and letter != "\ufffd" for letter in text)


def _as_microsoft(match: re.Match[bytes]) -> bytes:
    """A run of JIS X 0208 as Shift JIS: Microsoft's tables know what mail software adds to the standard."""
    pairs = match[1] or b""
    result = bytearray()
    for row, cell in zip(pairs[::2], pairs[1::2], strict=False):
        lead = ((row - 0x21) >> 1) + (0x81 if row < 0x5F else 0xC1)  # noqa: PLR2004 - the formula of JIS X 0208, annex 1
        trail = cell + (0x1F + (cell > 0x5F) if row % 2 else 0x7E)  # noqa: PLR2004 - likewise
        result += bytes((lead & 0xFF, trail & 0xFF))
    return bytes(result)


def _strict(raw: bytes, name: str) -> str | None:
    try:
        return raw.decode(name)
    except (UnicodeError, ValueError, LookupError):
        return None


def _detected(sample: bytes) -> str:
    """What chardet takes the sample for, as the name of a codec; empty when it does not know."""
    import chardet  # noqa: PLC0415 - heavy, and only mail without an honest charset needs it

    if sample.isascii() and b"\x1b$" in sample:
        return "iso2022_jp"
    guess = chardet.detect(sample)
    name, sure = guess["encoding"], guess["confidence"]
    return codec(name) if name and sure >= _SURE else ""
