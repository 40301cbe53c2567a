"""What the tests of handlers share: a handler, told what a service tells it, handles a mail."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tests.builders import MEMBER, message, service
from tests.fakes import FakeReader
from trac_mailintake.hookspecs import Context
from trac_mailintake.intake.model import Change, Followup, NewTicket, Proof
from trac_mailintake.intake.settings import check
from trac_mailintake.plugins.hooks import Rules

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Objection, Sender, Target

NEW: Final = NewTicket("new", "The mail names no ticket.")
ANSWER: Final = Followup(12, "subject", "The subject names ticket 12.", Proof.SUBJECT)
REPLY: Final = "Yes, it does.\n\nOn Mon, 2 Feb 2026 at 10:00, Bob <bob@example.org> wrote:\n> Does it burn?\n"
_RULES: Final = Rules(FakeReader(), group="none")


def asked(  # each says one thing of the mail, the service or the tracker
    name: str,
    target: Target,
    mail: dict[str, Any] | None = None,
    *,
    sender: Sender = MEMBER,
    reader: FakeReader | None = None,
    forward: str = "",
    **typed: str,
) -> Change | Objection:
    """What the handler called `name` makes of a mail."""
    told = replace(service(forward), handler=name, parameters=check(_RULES.parameters(name), typed))
    context = Context(told, reader or FakeReader(), sender)
    return _RULES.handlers[name].handle(message(**(mail or {})), target, context)


def handled(name: str, target: Target, mail: dict[str, Any] | None = None, **told: Any) -> Change:  # noqa: ANN401 - as `asked`
    """Likewise, when it is a change."""
    change = asked(name, target, mail, **told)
    assert isinstance(change, Change), change
    return change
