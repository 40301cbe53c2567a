"""parse: files that old software wrote into the text (`begin 644 name` … `end`), as attachments."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail import names, texts
from trac_mailintake.mail.message import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac_mailintake.mail.scanner import Entity
    from trac_mailintake.mail.spool import Slice

_FILE: Final = re.compile(
    rb"^begin [0-7]{3,4} ([^\r\n]{1,200})\r?\n(?:[ -`]{1,86}[ \t]*\r?\n)+?(?: *\r?\n)?end[ \t]*\r?$", re.MULTILINE
)
_SHOWN: Final = re.compile(
    r"^begin [0-7]{3,4} [^\n]{1,200}\n(?:[ -`]{1,86}[ \t]*\n)+?(?: *\n)?end[ \t]*$", re.MULTILINE
)
_IDENTITY: Final = {"7bit", "8bit", "binary"}


def taken_out(raw: Slice, text: texts.Text, leaves: Sequence[Entity]) -> tuple[texts.Text, tuple[Part, ...]]:
    """The text without the files in it, and the files. Only unencoded plain text is looked at."""
    if text.markup or text.overlong or "\nend" not in text.text or "begin " not in text.text:
        return text, ()
    found = tuple(part for leaf in leaves if texts.encoding_of(leaf) in _IDENTITY for part in _files(raw, leaf))
    return (replace(text, text=_SHOWN.sub("", text.text)), found) if found else (text, ())


def _files(raw: Slice, leaf: Entity) -> list[Part]:
    body = raw.part(leaf.body, leaf.end)
    return [
        Part(
            path=leaf.path,
            content_type="application/octet-stream",
            filename=names.safe(match[1].decode("utf-8", "replace")) or names.from_type("application/octet-stream"),
            inline=False,
            content_id="",
            encoding="x-uuencode",
            charset="",
            body=body.part(match.start(), match.end()),
        )
        for match in _FILE.finditer(body.read())
    ]
