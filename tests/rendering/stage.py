"""One mail after the other, read by the product and shown by Trac's own formatter, attachments and all."""

from __future__ import annotations

import base64
import io
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import trac.wiki.macros
from trac.attachment import Attachment
from trac.test import EnvironmentStub, MockRequest
from trac.ticket.model import Ticket
from trac.web.chrome import web_context
from trac.wiki.formatter import format_to_html

from trac_mailintake.builtin.handlers import ticket_text
from trac_mailintake.mail.mime import transfer_encoding
from trac_mailintake.mail.parse import parse
from trac_mailintake.mail.reply.new_text import reply
from trac_mailintake.mail.spool import Slice

if TYPE_CHECKING:
    from trac_mailintake.mail.message import Message, Part

MAILS = tuple(sorted((Path(__file__).parent / "mails").glob("*.eml")))
PROVIDERS = (trac.wiki.macros,)
"""Loaded, so that its macros are in force."""

_SOURCE = re.compile(r"""(src=["'])([^"']+)""")


@dataclass(frozen=True)
class Shown:
    """A mail and what is shown of it: the sender's HTML, our wiki text, Trac's HTML of it, and of a reply's answer."""

    message: Message
    original: str
    wiki: str
    html: str
    answer: str


class Stage:
    """A Trac with one ticket."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="mailintake-rendering-")
        self.env = EnvironmentStub(enable=["trac.*"], default_data=True, path=self.folder)
        ticket = Ticket(self.env)
        ticket["summary"] = "Printer"
        self.ticket = ticket.insert()
        self.context = web_context(MockRequest(self.env), "ticket", self.ticket)

    def close(self) -> None:
        """Let go of the database, and of the attachments."""
        self.env.shutdown()
        shutil.rmtree(self.folder)

    def show(self, path: Path, *, keeps_lines: bool = True) -> Shown:
        """What becomes of a mail, where Trac keeps the sender's lines, or joins them."""
        message = parse(Slice(str(path), 0, path.stat().st_size))
        for part in message.parts:
            self._attach(part)
        wiki = ticket_text.body(message, message.text, manner="plain", keeps_lines=keeps_lines)
        html = str(format_to_html(self.env, self.context, wiki, escape_newlines=keeps_lines))
        [leaf] = message.text_parts
        return Shown(message, b"".join(transfer_encoding.decoded(leaf)).decode(), wiki, html, reply(message).kept)

    def pictured(self, shown: Shown) -> tuple[str, str]:
        """The sender's HTML and Trac's with images that need no server."""
        images = {f"cid:{part.content_id}": part for part in shown.message.parts}
        images |= {f"/raw-attachment/ticket/{self.ticket}/{part.filename}": part for part in shown.message.parts}

        def source(match: re.Match[str]) -> str:
            part = next((part for end, part in images.items() if match[2].endswith(end)), None)
            return match[1] + (_as_url(part) if part else match[2])

        return _SOURCE.sub(source, shown.original), _SOURCE.sub(source, shown.html)

    def _attach(self, part: Part) -> None:
        content = b"".join(transfer_encoding.decoded(part))
        if part.filename not in [each.filename for each in Attachment.select(self.env, "ticket", self.ticket)]:
            Attachment(self.env, "ticket", self.ticket).insert(part.filename, io.BytesIO(content), len(content))


def _as_url(part: Part) -> str:
    content = base64.b64encode(b"".join(transfer_encoding.decoded(part))).decode()
    return f"data:{part.content_type};base64,{content}"
