"""Builds the values of the core for tests. What a test does not say is as in most mails and services."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tests.fakes import FakeReader
from trac_mailintake.hookspecs import Context
from trac_mailintake.intake.model import (
    Account,
    Afterwards,
    Attachment,
    Change,
    Delivery,
    Disposition,
    Followup,
    Listed,
    NewTicket,
    Proof,
    Sender,
)
from trac_mailintake.intake.settings import Service, check
from trac_mailintake.mail.message import Address, Message, Origin, Part
from trac_mailintake.mail.spool import Slice
from trac_mailintake.plugins.hooks import Rules

if TYPE_CHECKING:
    from pathlib import Path

    from trac_mailintake.intake.ports import Reader
    from trac_mailintake.intake.settings import Parameter

NOWHERE: Final = Slice("", 0, 0)
ANN: Final = Address("Ann Example", "ann@example.org")
SUPPORT: Final = Address("", "support@example.org")
STRANGER: Final = Sender("anonymous", "Ann Example <ann@example.org>", ANN.spec, mapped=False, reason="nobody we know")
MEMBER: Final = Sender("ann", "ann", ANN.spec, mapped=True, reason="ann has this address")
EXTERNAL: Final = Sender("anonymous", "Ext Ernal <ext@example.net>", "ext@example.net", mapped=False, reason="a test")
JOE: Final = Sender("joe", "joe", "joe@example.org", mapped=True, reason="a test")
HANDLER: Final = "create-or-comment"
PARAMETERS: Final[tuple[Parameter, ...]] = Rules(FakeReader()).parameters(HANDLER)
"""What a service can be told, without plugins."""
DELIVERY: Final = Delivery(1, "support", Account("maildir", "/mail"), Listed("1", "1", size=1000), fence=1)

_MESSAGE: Final = Message(
    message_id="<one@example.org>",
    in_reply_to=(),
    references=(),
    authors=(ANN,),
    author=ANN,
    sender=None,
    reply_to=(),
    to=(SUPPORT,),
    cc=(),
    bcc=(),
    delivered_to=(),
    return_path=None,
    subject="The printer burns",
    date=None,
    text="It burns.",
    markup=False,
    overlong=False,
    text_parts=(),
    parts=(),
    origin=Origin.PERSON,
    origin_reason="",
    fields=(),
    defects=(),
    digest="d",
    sha256="s",
    size=1000,
    raw=NOWHERE,
)


def message(**changed: Any) -> Message:  # noqa: ANN401 - the fields of Message, which mypy would want one by one
    """A mail from Ann to the service's address."""
    return replace(_MESSAGE, **changed)


def written_by(*authors: Address) -> Message:
    """A mail with these From addresses."""
    return message(authors=authors, author=authors[0] if len(authors) == 1 else None)


def delivery(**changed: Any) -> Delivery:  # noqa: ANN401 - the fields of Delivery
    """The first mail in the mailbox of the service, claimed."""
    return replace(DELIVERY, **changed)


def part(folder: Path, name: str, body: bytes = b"bytes", **changed: Any) -> Part:  # noqa: ANN401 - the fields of Part
    """An attachment whose bytes lie in `folder`."""
    file = folder / f"{len(list(folder.iterdir()))}.part"
    file.write_bytes(body)
    plain = Part("1", "application/octet-stream", name, False, "", "7bit", "", Slice(str(file), 0, len(body)))  # noqa: FBT003 - `inline`, in its place
    return replace(plain, **changed)


def enclosed(folder: Path, name: str, content: bytes, *, inline: bool = False) -> Attachment:
    """An attachment in base64, whose bytes lie in `folder`."""
    path = folder / hashlib.sha256(name.encode("utf-8", "surrogatepass") + content).hexdigest()
    path.write_bytes(base64.encodebytes(content))
    body = Slice(str(path), 0, path.stat().st_size)
    return Attachment(name, Part("1.2", "application/octet-stream", name, inline, "", "base64", "", body))


def new_ticket(sender: Sender = EXTERNAL, **changed: Any) -> Change:  # noqa: ANN401 - the fields of Change
    """A change that creates a ticket."""
    change = Change(NewTicket("test", "a test"), sender, "It does not work", "Nothing happens.")
    return replace(change, **changed)


def comment(ticket: int, sender: Sender = EXTERNAL, **changed: Any) -> Change:  # noqa: ANN401 - likewise
    """A change that comments on a ticket."""
    target = Followup(ticket, "test", "a test", Proof.SUBJECT)
    return replace(Change(target, sender, "", "Me too."), **changed)


def service(forward: str = "", **typed: str) -> Service:
    """A service with `typed` parameters, checked as they are on save."""
    return Service(
        id=1,
        name="support",
        description="",
        kind="maildir",
        server="",
        folder="",
        path="/mail",
        addresses=(SUPPORT.spec,),
        delay=1,
        handler=HANDLER,
        parameters=check(PARAMETERS, typed),
        forward=forward,
        afterwards=Disposition(Afterwards.DELETE),
        start="all",
        enabled=True,
    )


def context(reader: Reader | None = None, sender: Sender = STRANGER, forward: str = "", **typed: str) -> Context:
    """What a rule may look at."""
    return Context(service(forward, **typed), reader or FakeReader(), sender)
