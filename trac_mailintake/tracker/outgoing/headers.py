"""record: header fields of all our own mail (RFC 3834), and its From and MAIL FROM."""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid, parseaddr
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from trac_mailintake.mail.mailbox_key import domain_key
from trac_mailintake.mail.scrub import one_way
from trac_mailintake.tracker.options import LOOP_HEADER, SECTION
from trac_mailintake.tracker.people.reply_address import load_keys

if TYPE_CHECKING:
    from trac.env import Environment

_SUBJECT: Final = 300
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def letter(env: Environment, recipient: str, subject: str, addresses: str, *, submitted: str = "") -> EmailMessage:
    """A message with header fields and no body. `addresses` are the service's own; From may need one of them.

    `submitted` is the value of Auto-Submitted, by default "auto-generated". The Message-ID is in the domain of From, as
    RFC 5322, 3.6.4 recommends: many servers distrust an id in the recipient's domain.
    """
    own = _own_address(env, addresses)
    headers = EmailMessage(policy=SMTP)
    headers["Subject"] = line(subject)
    headers["From"] = _named(env, own)
    headers["To"] = recipient
    headers["Date"] = formatdate(localtime=False)
    headers["Message-ID"] = make_msgid("mailintake", domain=domain_key(own.rpartition("@")[2]))
    headers["Auto-Submitted"] = submitted or "auto-generated"
    headers["Precedence"] = "bulk"
    headers[LOOP_HEADER] = load_keys(env).loop()[0]
    return headers


def _own_address(env: Environment, addresses: str) -> str:
    """The address that we write from: Trac's, else one of the service's or of this intake, else one at our host."""
    config = env.config
    written = (config.get("notification", "smtp_from"), *addresses.split(","), config.get(SECTION, "address"))
    known = next((found for each in written if "@" in (found := parseaddr(each)[1])), "")
    return known or f"trac@{urlsplit(env.abs_href()).hostname or 'localhost'}"


def _named(env: Environment, address: str) -> str:
    """The address with the name that Trac's notifications have (`smtp_from_name`), which is the project's by default.

    It stays bare if it is none that RFC 5322 allows, as the administrator wrote it.
    """
    name = line(env.config.get("notification", "smtp_from_name") or env.project_name)
    try:
        return str(Address(name, addr_spec=address))
    except (ValueError, HeaderParseError):
        return address


def line(text: str) -> str:
    """A text for a header field: one line, without control characters, read one way, of limited length."""
    return " ".join(_CONTROL.sub(" ", one_way(text)).split())[:_SUBJECT]


def path(env: Environment) -> str:
    """The address for MAIL FROM: empty, so that nothing answers (RFC 3834, 3.3), or `[mailintake] notice_sender`."""
    return str(env.config.get(SECTION, "notice_sender")).strip()


def journal(env: Environment, delivery: int) -> str:
    """The URL of a message's page in the journal."""
    return str(env.abs_href("admin", "mailintake", "journal", delivery))
