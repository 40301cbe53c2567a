"""Sends a probe, our own signed mail to a service's address, and finds it in the journal."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac.notification.api import NotificationSystem

from trac_mailintake.intake.reasons import PROBE
from trac_mailintake.tracker.db.transaction import temporary
from trac_mailintake.tracker.options import PROBE_HEADER
from trac_mailintake.tracker.outgoing.headers import letter, path
from trac_mailintake.tracker.people.reply_address import load_keys

if TYPE_CHECKING:
    from trac.env import Environment

    from trac_mailintake.intake.times import Microseconds

_TEXT: Final = """\
Mail intake of {project} sent this to itself, to see whether mail that is sent to
{recipient} comes out of the mailbox of the service {service}.
Nothing is made of it. If it lies here, it was not taken.
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a probe: the service that took it, and when the mailbox's copy was disposed of (0: not yet)."""

    delivery: int
    service: str
    consumed: Microseconds


def send(env: Environment, service: str, recipient: str) -> str:
    """Send a probe through Trac's outgoing server. Returns its token. Raises whatever Trac's sender raises."""
    token = secrets.token_hex(10)
    message = letter(env, recipient, f"[{env.project_name}] Mail intake: probe of {service}", "")
    message[PROBE_HEADER] = f"{token}.{load_keys(env).vouch(token)}"
    text = _TEXT.format(project=env.project_name, recipient=recipient, service=service)
    message.set_content(text, cte="quoted-printable")
    NotificationSystem(env).send_email(path(env), [recipient], message.as_bytes())
    return token


def taken(env: Environment, token: str, since: Microseconds) -> Taken | None:
    """What became of the probe, if recorded after `since`, or None. Raises TemporaryFailure."""
    with temporary(env):
        rows = env.db_query(
            "SELECT id, service, consumed, reason FROM mailintake_delivery "
            "WHERE state='discarded' AND recorded>=%s AND rule=%s",
            (since, PROBE.slug),
        )
    return next((Taken(*row[:3]) for row in rows if token in row[3]), None)
