"""Messages, services and changes for tests, with everything that a test does not care about filled in."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from trac_mailintake.intake.model import (
    Afterwards,
    Attachment,
    Change,
    Disposition,
    Followup,
    NewTicket,
    Proof,
    Sender,
)
from trac_mailintake.intake.settings import Service, Values
from trac_mailintake.mail.message import Address, Message, Origin, Part
from trac_mailintake.mail.spool import Slice

if TYPE_CHECKING:
    from pathlib import Path

EXTERNAL = Sender("anonymous", "Ext Ernal <ext@example.net>", "ext@example.net", mapped=False, reason="a test")
JOE = Sender("joe", "joe", "joe@example.org", mapped=True, reason="a test")

_MESSAGE = Message(
    message_id="<1@example.net>",
    in_reply_to=(),
    references=(),
    authors=(Address("Ext Ernal", "ext@example.net"),),
    author=Address("Ext Ernal", "ext@example.net"),
    sender=None,
    reply_to=(),
    to=(),
    cc=(),
    bcc=(),
    delivered_to=(),
    return_path=None,
    subject="A subject",
    date=None,
    text="A text",
    markup=False,
    overlong=False,
    text_parts=(),
    parts=(),
    origin=Origin.PERSON,
    origin_reason="",
    fields=(),
    defects=(),
    digest="",
    sha256="",
    size=0,
    raw=Slice("", 0, 0),
)
_SERVICE = Service(
    id=1,
    name="support",
    description="",
    kind="file",
    server="",
    folder="",
    path="",
    addresses=(),
    delay=1,
    handler="create-or-comment",
    parameters=Values(),
    forward="",
    afterwards=Disposition(Afterwards.DELETE),
    start="all",
    enabled=True,
)


def message(**values: object) -> Message:
    """A mail from the outsider Ext Ernal, with these values."""
    return replace(_MESSAGE, **values)  # type: ignore[arg-type]  # each test gives what the field takes


def written_by(*authors: Address) -> Message:
    """A mail with these From addresses."""
    return message(authors=authors, author=authors[0] if len(authors) == 1 else None)


def service(**parameters: str) -> Service:
    """A service with these parameters of its handler."""
    return replace(_SERVICE, parameters=Values(MappingProxyType(dict(parameters))))


def new_ticket(sender: Sender = EXTERNAL, **values: object) -> Change:
    """A change that makes a ticket."""
    change = Change(NewTicket("test", "a test"), sender, "It does not work", "Nothing happens.")
    return replace(change, **values)  # type: ignore[arg-type]  # each test gives what the field takes


def comment(ticket: int, sender: Sender = EXTERNAL, **values: object) -> Change:
    """A change that comments on a ticket."""
    target = Followup(ticket, "test", "a test", Proof.SUBJECT)
    return replace(Change(target, sender, "", "Me too."), **values)  # type: ignore[arg-type]  # likewise


def enclosed(folder: Path, name: str, content: bytes, *, inline: bool = False) -> Attachment:
    """An attachment in base64, its spool file in `folder`."""
    path = folder / hashlib.sha256(name.encode("utf-8", "surrogatepass") + content).hexdigest()
    path.write_bytes(base64.encodebytes(content))
    body = Slice(str(path), 0, path.stat().st_size)
    part = Part("1.2", "application/octet-stream", name, inline, "", "base64", "", body)
    return Attachment(name, part)
