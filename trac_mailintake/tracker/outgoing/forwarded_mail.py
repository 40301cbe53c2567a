"""record: builds a forward: the reason, the trail of the decision, and the original message unchanged."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from email.mime.application import MIMEApplication
from email.mime.text import MIMEText
from email.policy import SMTP
from typing import TYPE_CHECKING, Final

from trac_mailintake.tracker.lifecycle import stored_reasons
from trac_mailintake.tracker.outgoing.headers import journal, letter

if TYPE_CHECKING:
    from trac.env import Environment

    from trac_mailintake.mail.spool import Slice

LIMIT: Final = 10 * 1024 * 1024
"""Largest original, in bytes, that is forwarded whole: Trac's sender needs the message in memory."""

_HEAD: Final = 64 * 1024
_LINE: Final = 998
"""RFC 5321, 4.5.3.1.6: a line has no more than 1,000 octets, CR LF included."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A delivery to forward. `trail` is the journal's JSON; `original` is None if no bytes were kept."""

    delivery: int
    rule: str
    reason: str
    subject: str
    sender: str
    trail: str
    addresses: str
    original: Slice | None


def forward(env: Environment, mail: Forwarded, recipient: str) -> bytes:
    """The whole message to send, with CR LF. Raises OSError when the archive cannot be read."""
    boundary = f"=_mailintake_{secrets.token_hex(12)}"
    headers = letter(env, recipient, f"[{env.project_name}] Not filed ({mail.rule}): {mail.subject}", mail.addresses)
    headers["MIME-Version"] = "1.0"
    parts = [MIMEText(_explanation(env, mail), "plain", "utf-8").as_bytes(policy=SMTP)]
    if mail.original is not None:
        parts.append(_enclosed(mail.original))
    # Built by hand: the standard generator would rewrite the original, which must arrive unchanged.
    head = headers.as_bytes().rstrip(b"\r\n") + f'\r\nContent-Type: multipart/mixed; boundary="{boundary}"\r\n'.encode()
    delimiter = f"\r\n--{boundary}\r\n".encode()
    return head + b"".join(delimiter + part for part in parts) + f"\r\n--{boundary}--\r\n".encode()


def _explanation(env: Environment, mail: Forwarded) -> str:
    lines = [
        "This mail was not filed as a ticket or comment.",
        "",
        f"Why:     {mail.reason}",
        f"Rule:    {mail.rule}",
        f"From:    {mail.sender}",
        f"Subject: {mail.subject}",
        f"Journal: {journal(env, mail.delivery)}",
        "",
        "How it was decided:",
        *(f"  {step.stage}: {step.rule}: {step.sentence}" for step in stored_reasons.steps(mail.trail)),
    ]
    if mail.original is not None and mail.original.length > LIMIT:
        lines += [
            "",
            f"The original has {mail.original.length} bytes; its beginning is enclosed, the whole is in the journal.",
        ]
    return "\n".join(lines) + "\n"


def _enclosed(original: Slice) -> bytes:
    """The original as message/rfc822 (RFC 2046, 5.2.1), which allows no encoding; else as a file, in base64."""
    whole = original.length <= LIMIT
    raw = original.read(None if whole else _HEAD)
    lines = raw.replace(b"\r\n", b"\n").split(b"\n")
    if whole and b"\0" not in raw and b"\r" not in b"".join(lines) and max(map(len, lines)) <= _LINE:
        encoding = "7bit" if raw.isascii() else "8bit"
        head = (
            "Content-Type: message/rfc822\r\n"
            f"Content-Transfer-Encoding: {encoding}\r\n"
            'Content-Disposition: attachment; filename="original.eml"\r\n\r\n'
        )
        return head.encode("ascii") + b"\r\n".join(lines)
    name = "original.eml" if whole else "original-beginning.eml"
    file = MIMEApplication(raw)
    file["Content-Disposition"] = f'attachment; filename="{name}"'
    return file.as_bytes(policy=SMTP)
