"""Everything that plugins import. Any other module may change from one release to the next.

A plugin that holds invoices until a person has looked at them, in one file of an environment's `plugins/`:

    from trac.core import Component, implements
    from trac_mailintake.api import Hold, IMailintakePlugin, hookimpl

    class HoldInvoices(Component):
        implements(IMailintakePlugin)

        @hookimpl
        def mailintake_screen(self, message):
            if "invoice" in message.subject.casefold():
                return Hold("acme-invoice", "Invoices are looked at by a person first.")

`docs/hooks.md` lists the hooks, and explains each name of this module.
"""

from __future__ import annotations

from trac_mailintake.hookspecs import Context, Handle, Handler, Opening, SourceKind, hookimpl
from trac_mailintake.intake.errors import (
    ExplainedError,
    Incomplete,
    LineBroke,
    Misconfiguration,
    SourceError,
    TemporaryFailure,
)
from trac_mailintake.intake.model import (
    Account,
    Afterwards,
    Answer,
    Attachment,
    Change,
    Delivery,
    Discard,
    Disposition,
    Filing,
    Followup,
    Forward,
    Hold,
    Ignore,
    Listed,
    NewTicket,
    Objection,
    Outcome,
    Proof,
    Reject,
    Reopen,
    Reply,
    Sender,
    Status,
    Target,
)
from trac_mailintake.intake.ports import Foreseeing, KnownId, Reader, Source, TicketFacts
from trac_mailintake.intake.settings import Kind, Parameter, Server, Service, SettingError, Value, Values
from trac_mailintake.intake.times import Microseconds, Seconds
from trac_mailintake.mail.message import Address, Defect, Message, Origin, Part
from trac_mailintake.mail.mime.transfer_encoding import decoded
from trac_mailintake.mail.spool import Slice
from trac_mailintake.mail.wiki.escape import broken, neutral
from trac_mailintake.mail.wording import Argument, Reason, Wording
from trac_mailintake.plugins.component_bridge import IMailintakePlugin

__all__ = [
    "Account",
    "Address",
    "Afterwards",
    "Answer",
    "Argument",
    "Attachment",
    "Change",
    "Context",
    "Defect",
    "Delivery",
    "Discard",
    "Disposition",
    "ExplainedError",
    "Filing",
    "Followup",
    "Foreseeing",
    "Forward",
    "Handle",
    "Handler",
    "Hold",
    "IMailintakePlugin",
    "Ignore",
    "Incomplete",
    "Kind",
    "KnownId",
    "LineBroke",
    "Listed",
    "Message",
    "Microseconds",
    "Misconfiguration",
    "NewTicket",
    "Objection",
    "Opening",
    "Origin",
    "Outcome",
    "Parameter",
    "Part",
    "Proof",
    "Reader",
    "Reason",
    "Reject",
    "Reopen",
    "Reply",
    "Seconds",
    "Sender",
    "Server",
    "Service",
    "SettingError",
    "Slice",
    "Source",
    "SourceError",
    "SourceKind",
    "Status",
    "Target",
    "TemporaryFailure",
    "TicketFacts",
    "Value",
    "Values",
    "Wording",
    "broken",
    "decoded",
    "hookimpl",
    "neutral",
]
