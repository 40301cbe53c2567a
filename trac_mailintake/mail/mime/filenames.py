"""parse: a name for each attachment that is safe to store, to link and to click on."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_SEPARATORS: Final = re.compile(r"[\\/]")
_FORBIDDEN: Final = re.compile(r"[\\/\"%:$?*<>|\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffd]")
_NOT_IN_MACROS: Final = re.compile(r"[\[\]{},='`\u200b]")
_BLANKS: Final = re.compile(r"\s+")
_LONGEST: Final = 180
"""Longest name, in characters: even with four bytes each it fits file systems and databases."""
_LOOKED_AT: Final = 4 * _LONGEST
"""Characters of a name to normalise, which takes quadratic time if one letter has endless marks."""

_EXTENSIONS: Final = {
    "text/plain": "txt",
    "text/html": "html",
    "text/calendar": "ics",
    "text/x-patch": "patch",
    "text/x-diff": "diff",
    "text/vcard": "vcf",
    "text/x-vcard": "vcf",
    "text/csv": "csv",
    "text/rfc822-headers": "txt",
    "text/enriched": "txt",
    "text/richtext": "txt",
    "text/rtf": "rtf",
    "text/xml": "xml",
    "image/jpeg": "jpg",
    "image/jpg": "jpg",
    "image/pjpeg": "jpg",
    "image/svg+xml": "svg",
    "image/tiff": "tif",
    "image/x-icon": "ico",
    "audio/mpeg": "mp3",
    "audio/basic": "au",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "application/json": "json",
    "application/xml": "xml",
    "application/ms-tnef": "dat",
    "application/pkcs7-mime": "p7m",
    "application/x-pkcs7-mime": "p7m",
    "application/pkcs7-signature": "p7s",
    "application/x-pkcs7-signature": "p7s",
    "application/pgp-encrypted": "asc",
    "application/pgp-signature": "asc",
    "application/pgp-keys": "asc",
    "application/msword": "doc",
    "application/rtf": "rtf",
    "message/rfc822": "eml",
    "message/global": "eml",
    "message/partial": "eml",
    "message/external-body": "txt",
    "message/delivery-status": "txt",
    "message/disposition-notification": "txt",
    "message/feedback-report": "txt",
}
_STEMS: Final = {
    "image": "image",
    "audio": "audio",
    "video": "video",
    "text": "text",
    "message": "message",
}


def safe(name: str) -> str:
    """`name` without its path and without forbidden characters; "" if nothing is left."""
    base = _SEPARATORS.split(name.rstrip("\\/ \t"))[-1]
    base = _short(_FORBIDDEN.sub("_", _BLANKS.sub(" ", base)), _LOOKED_AT)
    base = unicodedata.normalize("NFC", _BLANKS.sub(" ", base)).strip()
    return _short("" if base.strip(". ") == "" else base)


def pictured(name: str, content_type: str) -> str:
    """A name for an image that a text shows: it cannot end the macro that shows the image, or add arguments to it.

    The macro is `ImageMacro` of trac/wiki/macros.py: commas separate its arguments, quotes keep them together, and
    zero-width spaces at the ends do not count. A name without an extension may be that of another wiki (InterWiki),
    whose address would be shown. `name` is a safe one, and so has no `:` and `/`, which would lead elsewhere.
    """
    name = _NOT_IN_MACROS.sub("_", name).strip()
    return name if "." in name else f"{name}.{from_type(content_type).rpartition('.')[2]}"


def picturable(name: str) -> bool:
    """Whether an image with this name can be shown: `pictured` would not change it."""
    return "." in name and name == safe(name) == pictured(name, "")


def from_type(content_type: str) -> str:
    """A name for a part that has none."""
    main, _, sub = content_type.partition("/")
    usual = sub if main in {"image", "audio", "video"} and sub.isalnum() else "txt" if main == "text" else "bin"
    return f"{_STEMS.get(main, 'attachment')}.{_EXTENSIONS.get(content_type, usual)}"


def from_subject(subject: str, extension: str) -> str:
    """A name for an enclosed message: its subject, or ""."""
    stem = safe(subject.replace("/", "_").replace("\\", "_"))
    return f"{stem[: _LONGEST - len(extension) - 1].rstrip()}.{extension}" if stem else ""


def _short(name: str, longest: int = _LONGEST) -> str:
    """The name cut to `longest` characters, with its extension."""
    if len(name) <= longest:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem or len(extension) > 10:  # noqa: PLR2004 - longer is no extension
        return name[:longest]
    return stem[: longest - len(extension) - 1] + dot + extension
