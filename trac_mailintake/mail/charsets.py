"""parse: decodes bytes as declared, else as UTF-8, else as detected, else as Windows-1252 with replacements.

Never raises, and never produces lone surrogates or control characters other than tabs and line ends.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from typing import Final

import webencodings

from trac_mailintake.mail.scrub import scrub, scrubbed_ascii

_ALIASES: Final = {
    "ks_c_5601": "cp949",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso-2022-cn": "gb18030",
    "iso-2022-jp-ms": "iso2022_jp",
    "cp50220": "iso2022_jp",
    "cp50221": "iso2022_jp",
    "cp50222": "iso2022_jp",
    "eucjp-ms": "euc_jp",
    "cp51932": "euc_jp",
    "utf-8-mac": "utf-8",
    "utf8mb4": "utf-8",
    "cesu-8": "utf-8",
    "ansi": "cp1252",
    "latin-9": "iso8859-15",
    "mac-ce": "mac_latin2",
    "mac-centraleurroman": "mac_latin2",
    "mac-icelandic": "mac_iceland",
    "mac-romanian": "mac_romanian",
    "mac-croatian": "mac_croatian",
    "mac-arabic": "mac_arabic",
    "mac-chinesesimp": "gb18030",
    "mac-chinesetrad": "big5hkscs",
    "mac-korean": "cp949",
}
_LABEL: Final = re.compile(r"[\w.:+-]+")
_SHORT_LATIN: Final = re.compile(r"(?:iso-?)?(8859-\d{1,2})$")
_CODE_PAGE: Final = re.compile(r"cp-(?=\d)")
_ASCII: Final = {
    *("", "us-ascii", "ascii", "ansi_x3.4-1968"),
    *("unknown-8bit", "x-unknown", "unknown", "binary", "8bit", "7bit", "default", "_autodetect"),
}
_NOT_ASCII_BASED: Final = re.compile(r"iso2022|utf[-_]?(?:7|16|32)|hz|cp(?:037|273|424|500|875|1026|1140)")
_JAPANESE: Final = ("iso2022_jp", "iso2022_jp_ext", "iso2022_jp_2004", "iso2022_jp_2")
_NO_CHARSETS: Final = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"}
"""Python codecs that are not charsets of mail."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_REPLACEMENT: Final = "\ufffd".encode()
_JIS: Final = re.compile(rb"\x1b\$(?:B|@|\(D)([\x21-\x7e]*)(?:\x1b\([BJ])?|\x1b\([BJ]")
_EUC: Final = re.compile(rb"((?:[\xa1-\xfe][\xa1-\xfe])+)|\x8e([\xa1-\xdf])")
_SAMPLE: Final = 64 * 1024
"""Bytes used to detect a charset."""
_SURE: Final = 0.3
"""With less confidence than this, Windows-1252 is as good."""


@lru_cache(maxsize=256)
def codec(label: str) -> str:
    """The name of Python's codec for a charset label; "" if there is none."""
    match = _LABEL.search(label.lower())
    label = match[0] if match else ""
    if label in _ASCII:
        return ""
    plain = _SHORT_LATIN.sub(r"iso-\1", _CODE_PAGE.sub("cp", label.replace("_", "-").removeprefix("x-")))
    spellings = dict.fromkeys((label, label.removeprefix("x-"), plain))
    return next((found for each in spellings if (found := _ALIASES.get(each) or _known(each))), "")


def _known(label: str) -> str:
    """The codec that browsers use for a label, or else Python's codec with that name, or ""."""
    encoding = webencodings.lookup(label)
    name = encoding.codec_info.name if encoding and encoding.name not in {"replacement", "x-user-defined"} else label
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    is_text = found.name not in _NO_CHARSETS and found._is_text_encoding  # noqa: SLF001 - the only way to tell rot13 and base64, which Python has as codecs
    return _ALIASES.get(found.name, found.name) if is_text else ""


def decode(raw: bytes, label: str = "", *, whole: bool = True) -> str:
    """Decode `raw` with the declared charset `label`; `whole=False` if it may end within a character."""
    declared = codec(label) if label else ""
    if raw.isascii() and not (b"\x1b" in raw or b"\x00" in raw or (declared and _NOT_ASCII_BASED.search(declared))):
        return scrubbed_ascii(raw)
    return scrub(_decode(raw, declared, whole=whole))


def damaged(raw: bytes, text: str, label: str) -> bool:
    """Whether `decode` lost something of `raw`: bytes that are not characters, or U+0000."""
    if "\ufffd" in text:
        return _REPLACEMENT not in raw
    wide = codec(label).startswith(("utf-16", "utf-32")) or raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return b"\x00" in raw and not wide


def header(raw: bytes) -> str:
    """Decode a raw header value: ASCII, or unencoded 8-bit text of old software."""
    if raw.isascii() and b"\x1b" not in raw and b"\x00" not in raw:
        return scrubbed_ascii(raw)
    return decode(raw)


def _decode(raw: bytes, declared: str, *, whole: bool) -> str:
    text = _as_marked(raw)
    if text is None:
        text = _as_declared(raw, declared, whole=whole)
    if text is not None:
        return text
    detected = _detected(raw[:_SAMPLE])
    text = _strict(raw, detected, whole=whole) if detected else None
    return _with_replacements(raw, declared, detected) if text is None else text


def _as_marked(raw: bytes) -> str | None:
    """Decode what begins with a byte order mark; None without one."""
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return raw.decode(name, "replace")
    return None


def _as_declared(raw: bytes, declared: str, *, whole: bool) -> str | None:
    """Decode as declared, else as UTF-8, which has no escape sequences; None if neither fits."""
    for name in _candidates(declared):
        text = _strict(raw, name, whole=whole)
        if text is not None and not (name == "utf-8" and b"\x1b" in raw):
            return text
    return None


def _with_replacements(raw: bytes, declared: str, detected: str) -> str:
    """Decode what fits no charset: as Microsoft's Japanese, else as declared or detected if that makes sense."""
    if "iso2022_jp" in {declared[:10], detected[:10]}:
        return _JIS.sub(_as_microsoft, raw).decode("cp932", "replace")
    if "euc_jp" in {declared, detected}:
        return _EUC.sub(lambda match: match[2] or _as_microsoft(match), raw).decode("cp932", "replace")
    text = raw.decode(declared or detected or "utf-8", "replace")
    return text if _makes_sense(text) else raw.decode("cp1252", "replace")


def _candidates(declared: str) -> tuple[str, ...]:
    """The codecs to try before guessing. Japanese software declares smaller charsets than it uses."""
    if declared.startswith("iso2022_jp"):
        return (declared, *_JAPANESE)
    return (declared, "utf-8") if declared else ("utf-8",)


def _makes_sense(text: str) -> bool:
    """Whether a text with replacements also has non-ASCII letters: then the charset was right, and a byte wrong."""
    return any(letter > "\x7f" and letter != "\ufffd" for letter in text)


def _as_microsoft(match: re.Match[bytes]) -> bytes:
    """A run of JIS X 0208 as Shift JIS: Microsoft's tables know what mail software adds to the standard."""
    pairs = bytes(byte & 0x7F for byte in match[1] or b"")
    result = bytearray()
    for row, cell in zip(pairs[::2], pairs[1::2], strict=False):
        lead = ((row - 0x21) >> 1) + (0x81 if row < 0x5F else 0xC1)  # noqa: PLR2004 - the formula of JIS X 0208, annex 1
        trail = cell + (0x1F + (cell > 0x5F) if row % 2 else 0x7E)  # noqa: PLR2004 - likewise
        result += bytes((lead & 0xFF, trail & 0xFF))
    return bytes(result)


def _strict(raw: bytes, name: str, *, whole: bool) -> str | None:
    try:
        return raw.decode(name) if whole else codecs.getincrementaldecoder(name)().decode(raw)
    except (UnicodeError, ValueError, LookupError):
        return _cesu(raw) if name == "utf-8" and b"\xed" in raw else None


def _cesu(raw: bytes) -> str | None:
    """Decode CESU-8, in which some databases and Java encode each surrogate by itself; None if it is not."""
    try:
        return raw.decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeError:
        return None


def _detected(sample: bytes) -> str:
    """The codec that chardet detects for the sample; "" if it is unsure."""
    import chardet  # noqa: PLC0415 - heavy, and only mail without an honest charset needs it

    if sample.isascii() and b"\x1b$" in sample:
        return "iso2022_jp"
    guess = chardet.detect(sample)
    name, sure = guess["encoding"], guess["confidence"]
    return codec(name) if name and sure >= _SURE else ""
