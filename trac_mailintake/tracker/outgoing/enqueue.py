"""record: writes to the outbox: forwards, notices to refused senders, acknowledgements, alerts for administrators.

Each row is written in the transaction of its cause, so that it is sent if and only if that was committed.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Status
from trac_mailintake.intake.ports import Refused
from trac_mailintake.mail.mailbox_variants import one_mailbox, organisation
from trac_mailintake.tracker.db import letters
from trac_mailintake.tracker.db.transaction import DAY, HOUR, chunks, key, marks, now
from trac_mailintake.tracker.options import SECTION, sends
from trac_mailintake.tracker.outgoing.headers import line
from trac_mailintake.tracker.outgoing.translations import phrases

if TYPE_CHECKING:
    from trac.env import Environment

    from trac_mailintake.intake.ports import Accepted, Decision, ToSender
    from trac_mailintake.intake.times import Microseconds
    from trac_mailintake.mail.message import Message
    from trac_mailintake.tracker.db.transaction import Connection
    from trac_mailintake.tracker.outgoing.translations import Phrases

_QUOTED: Final = 80
"""Characters of a proved sender's subject that a notice repeats."""
_A_MAILBOX: Final = {False: 1, True: 5}
"""Letters within an hour to all variants of one mailbox, by whether the sender is proved."""
_A_DOMAIN: Final = 3
"""The part of a service's letters that may go to one domain: a third."""


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
    tell = decision.tell
    if tell and sends(env) and _may_be_sent(db, service, tell, key(outcome.rule, _today(tell))):
        subject, text = _notice(env, decision, tell)
        letters.write(db, "notice", service, decision.delivery.id, tell.address, subject, text)


def acknowledge(env: Environment, db: Connection, decision: Accepted, ticket: int) -> bool:
    """Have the sender of a new ticket told of it. Returns whether Trac's notification of it may go to them, too.

    It repeats their text, so an unproved sender is sent a letter of ours instead.
    """
    tell = decision.acknowledge
    service = decision.delivery.service
    if tell is None or not sends(env) or not _may_be_sent(db, service, tell):
        return False
    if tell.proved:
        return True
    title, text = _phrases(env, decision.message).acknowledgement(
        env.project_name, ticket, str(env.abs_href.ticket(ticket))
    )
    subject = f"[{env.project_name}] #{ticket}: {title}"
    letters.write(db, "notice", service, decision.delivery.id, tell.address, subject, text)
    return False


def alert(env: Environment, db: Connection, service: str, rule: str, reason: str, delivery: int | None = None) -> None:
    """Notify the administrator, if there is an address: `[mailintake] admin_address`, or else the forward address."""
    forward = db("SELECT forward FROM mailintake_service WHERE name=%s", (service,))
    if told(env, str(forward[0][0] or "") if forward else ""):
        letters.write(db, "alert", service, delivery, subject=rule, body=reason)


def told(env: Environment, forward: str) -> str:
    """The administrator's address for a service with this forward address; "" if there is none."""
    return (str(env.config.get(SECTION, "admin_address")).strip() or forward) if sends(env) else ""


def _today(tell: ToSender) -> str:
    """One text for all variants of a mailbox, for one day."""
    return f"{one_mailbox(tell.address)} {now() // DAY}"


def _may_be_sent(db: Connection, service: str, tell: ToSender, once: str = "") -> bool:
    """Whether a letter to a sender may be sent, by all limits; if so, it counts.

    Each limit has as many slots as letters may be sent within an hour. `once`: the hash of what is sent only once.
    """
    if once and db("SELECT id FROM mailintake_notice WHERE hash=%s", (once,)):
        return False
    limits = [(_A_MAILBOX[tell.proved], "mailbox", one_mailbox(tell.address))]
    if tell.most:
        limits.append((max(tell.most // _A_DOMAIN, 1), "domain", organisation(tell.address)))
        limits.append((tell.most, "service", service))
    taken = [_free_slot(db, most, *words) for most, *words in limits]
    if not all(taken):
        return False
    for hashed in (*taken, *([once] if once else ())):
        db("DELETE FROM mailintake_notice WHERE hash=%s", (hashed,))
        db("INSERT INTO mailintake_notice (hash, recorded) VALUES (%s, %s)", (hashed, now()))
    return True


def _free_slot(db: Connection, most: int, *words: str) -> str:
    """The hash of a slot that was not taken within an hour; "" if there is none.

    One of many at random, so that two workers hardly ever take the same.
    """
    slots = {key("letter", *words, str(number)) for number in range(most)}
    for some in chunks(sorted(slots)):
        sql = f"SELECT hash FROM mailintake_notice WHERE recorded>%s AND hash IN ({marks(some)})"
        slots.difference_update(hashed for (hashed,) in db(sql, (now() - HOUR, *some)))
    return secrets.choice(sorted(slots)) if slots else ""


def forget_notices(db: Connection, before: Microseconds) -> None:
    """Remove what is stored about letters to senders from before this moment. Two days are enough."""
    db("DELETE FROM mailintake_notice WHERE recorded<%s", (before,))


def _notice(env: Environment, decision: Refused, tell: ToSender) -> tuple[str, str]:
    """Subject and text of the notice. It names the mail of a proved sender only: others must not write through us."""
    message = decision.message
    subject = line(message.subject)[:_QUOTED] if message and tell.proved else ""
    held = decision.outcome.status is Status.HELD
    title, text = _phrases(env, message).text(env.project_name, subject, decision.outcome.rule, held=held)
    return f"[{env.project_name}] {title}", text


def _phrases(env: Environment, message: Message | None) -> Phrases:
    """In the language of the mail's Content-Language, or else of this Trac."""
    language = message.get("Content-Language") if message else ""
    return phrases(language, env.config.get("trac", "default_language"))
