"""record: writes to the outbox: forwards, notices to refused senders, alerts for administrators.

Each row is written in the transaction of its cause, so that it is sent if and only if that was committed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Status
from trac_mailintake.intake.ports import Refused
from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.tracker.db import letters
from trac_mailintake.tracker.db.transaction import DAY, key, now
from trac_mailintake.tracker.options import SECTION, sends
from trac_mailintake.tracker.outgoing.headers import line
from trac_mailintake.tracker.outgoing.translations import phrases

if TYPE_CHECKING:
    from trac.env import Environment

    from trac_mailintake.intake.ports import Decision
    from trac_mailintake.intake.times import Microseconds
    from trac_mailintake.tracker.db.transaction import Connection

_QUOTED: Final = 80
"""Characters of the subject that a notice repeats: forgers must not be able to send their text through us."""


def enqueue(env: Environment, db: Connection, decision: Decision) -> None:
    """Write the outgoing mail of a refusal: its forward or an alert, and the notice to its sender.

    While sending is off, only forwards are queued, whose mail stays held.
    """
    if not isinstance(decision, Refused):
        return
    outcome, service = decision.outcome, decision.delivery.service
    if decision.forward is not None:
        letters.write(
            db, "forward", service, decision.delivery.id, subject=decision.forward.rule, body=decision.forward.reason
        )
    elif outcome.status is Status.HELD and reasons.rule(outcome.rule).alarming:
        alert(env, db, service, outcome.rule, outcome.reason, decision.delivery.id)
    if decision.tell and _first_today(db, outcome.rule, decision.tell) and sends(env):
        subject, text = _notice(env, decision)
        letters.write(db, "notice", service, decision.delivery.id, decision.tell, subject, text)


def alert(env: Environment, db: Connection, service: str, rule: str, reason: str, delivery: int | None = None) -> None:
    """Notify the administrator, if there is an address: `[mailintake] admin_address`, or else the forward address."""
    forward = db("SELECT forward FROM mailintake_service WHERE name=%s", (service,))
    if told(env, str(forward[0][0] or "") if forward else ""):
        letters.write(db, "alert", service, delivery, subject=rule, body=reason)


def told(env: Environment, forward: str) -> str:
    """The administrator's address for a service with this forward address; "" if there is none."""
    return (str(env.config.get(SECTION, "admin_address")).strip() or forward) if sends(env) else ""


def _first_today(db: Connection, rule: str, address: str) -> bool:
    """Whether this is the first notice today for this reason and address. Stores that it is sent."""
    moment = now()
    hashed = key(rule, mailbox_key(address), str(moment // DAY))
    if db("SELECT id FROM mailintake_notice WHERE hash=%s", (hashed,)):
        return False
    db("INSERT INTO mailintake_notice (hash, recorded) VALUES (%s, %s)", (hashed, moment))
    return True


def forget_notices(db: Connection, before: Microseconds) -> None:
    """Remove what is stored about notices from before this moment. Two days are enough."""
    db("DELETE FROM mailintake_notice WHERE recorded<%s", (before,))


def _notice(env: Environment, decision: Refused) -> tuple[str, str]:
    """Subject and text of the notice, in the language of the mail's Content-Language, or else of this Trac."""
    message = decision.message
    language = message.get("Content-Language") if message else ""
    spoken = phrases(language, env.config.get("trac", "default_language"))
    subject = line(message.subject if message else "")[:_QUOTED]
    held = decision.outcome.status is Status.HELD
    title, text = spoken.text(env.project_name, subject, decision.outcome.rule, held=held)
    return f"[{env.project_name}] {title}", text
