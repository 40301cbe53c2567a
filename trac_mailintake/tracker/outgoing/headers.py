"""record: header fields of all our own mail (RFC 3834), and its From and MAIL FROM."""

from __future__ import annotations

import re
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from typing import TYPE_CHECKING, Final

from trac_mailintake.tracker.options import LOOP_HEADER, SECTION
from trac_mailintake.tracker.people.reply_address import load_keys

if TYPE_CHECKING:
    from trac.env import Environment

_SUBJECT: Final = 300
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def letter(env: Environment, recipient: str, subject: str, addresses: str, *, submitted: str = "") -> EmailMessage:
    """A message with header fields and no body. `addresses` are the service's own; From may need one of them.

    `submitted` is the value of Auto-Submitted, by default "auto-generated".
    """
    headers = EmailMessage(policy=SMTP)
    headers["Subject"] = line(subject)
    headers["From"] = env.config.get("notification", "smtp_from") or next(iter(addresses.split(",")), "") or recipient
    headers["To"] = recipient
    headers["Date"] = formatdate(localtime=False)
    headers["Message-ID"] = make_msgid("mailintake", domain=recipient.rpartition("@")[2])
    headers["Auto-Submitted"] = submitted or "auto-generated"
    headers["Precedence"] = "bulk"
    headers[LOOP_HEADER] = load_keys(env).loop()[0]
    return headers


def line(text: str) -> str:
    """A text for a header field: one line, without control characters, of limited length."""
    return " ".join(_CONTROL.sub(" ", text).split())[:_SUBJECT]


def path(env: Environment) -> str:
    """The address for MAIL FROM: empty, so that nothing answers (RFC 3834, 3.3), or `[mailintake] notice_sender`."""
    return str(env.config.get(SECTION, "notice_sender")).strip()


def journal(env: Environment, delivery: int) -> str:
    """The URL of a message's page in the journal."""
    return str(env.abs_href("admin", "mailintake", "journal", delivery))
