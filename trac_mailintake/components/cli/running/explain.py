"""`mailintake explain FILE`: prints what would become of a mail, and records nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trac.admin.api import AdminCommandError

from trac_mailintake.components.cli.output import say, say_json
from trac_mailintake.intake.model import NewTicket
from trac_mailintake.intake.ports import Accepted
from trac_mailintake.mail.spool import Slice
from trac_mailintake.runs.explain import explain

if TYPE_CHECKING:
    from trac_mailintake.bootstrap import Assembly
    from trac_mailintake.intake.ports import Decision, Prepared
    from trac_mailintake.intake.settings import Service


def print_explanation(assembly: Assembly, path: str, service: Service, *, as_json: bool) -> None:
    """Decide about the mail in a file and print what would become of it. Raises AdminCommandError, Misconfiguration."""
    decision = explain(assembly, _slice(path), service)
    if as_json:
        say_json(_shown(decision))
    else:
        _say(decision)


def _slice(path: str) -> Slice:
    try:
        return Slice(str(Path(path).absolute()), 0, Path(path).stat().st_size)
    except OSError as error:
        raise AdminCommandError(f"{path} cannot be read: {error.strerror}") from None


def _shown(decision: Decision) -> dict[str, object]:
    outcome = decision.outcome
    return {
        "outcome": outcome.status.value,
        "rule": outcome.rule,
        "reason": outcome.reason,
        "ticket": outcome.ticket,
        "steps": [{"stage": each.stage, "rule": each.rule, "sentence": each.sentence} for each in decision.steps],
        "change": _change(decision.prepared) if isinstance(decision, Accepted) else None,
    }


def _change(prepared: Prepared) -> dict[str, object]:
    change = prepared.change
    return {
        "author": change.sender.author,
        "username": change.sender.username,
        "summary": change.summary,
        "text": change.text,
        "fields": dict(prepared.fields),
        "attachments": [attachment.name for attachment in change.attachments],
        "cc": list(prepared.cc),
        "removed": change.removed,
    }


def _say(decision: Decision) -> None:
    outcome = decision.outcome
    ticket = f" #{outcome.ticket}" if outcome.ticket else ""
    say(f"{outcome.status.value}{ticket} ({outcome.rule}): {outcome.reason}")
    for step in decision.steps:
        say(f"  {step.stage:<8}{step.rule:<24}{step.sentence}")
    if isinstance(decision, Accepted):
        _say_change(decision.prepared)


def _say_change(prepared: Prepared) -> None:
    change = prepared.change
    say(f"  Author:      {change.sender.author} (rights of {change.sender.username})")
    if isinstance(change.target, NewTicket):
        say(f"  Summary:     {change.summary}")
        for name, value in prepared.fields.items():
            say(f"  {name.capitalize() + ':':<13}{value}")
    if prepared.cc:
        say(f"  Cc:          {', '.join(prepared.cc)}")
    for attachment in change.attachments:
        say(f"  Attachment:  {attachment.name}")
    _say_block("Text", change.text)
    _say_block("Cut from the text", change.removed)


def _say_block(title: str, text: str) -> None:
    if text:
        say(f"  {title}:")
        for line in text.splitlines():
            say(f"  | {line}")
