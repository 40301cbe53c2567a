"""An SMTP server that keeps what it is sent, and refuses or hangs when told to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Self

from aiosmtpd.controller import Controller

from tests.servers.machine import LOOPBACK, ServerFailed, free_port
from tests.waiting import PATIENCE, WaitedInVainError, until

if TYPE_CHECKING:
    from email.message import EmailMessage

    from aiosmtpd.smtp import SMTP, Envelope, Session

ACCEPTED = "250 kept"


@dataclass(frozen=True, slots=True)
class Sent:
    """One mail as it came over the wire. `sender` is "" for the null path `<>`."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        return message_from_bytes(self.content, policy=policy.default)


class SmtpSink:
    """A running server on `host` and `port`; `sent` is what it took, in order.

    `answer` is what it says after the data (`451 later`, `554 never`), `refused` what it says to some recipients;
    `hang` is how many seconds it waits before it answers the data.
    """

    host = LOOPBACK

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.reset()

    def __enter__(self) -> Self:
        """Start."""
        self.port = free_port()
        self._controller = Controller(self, hostname=self.host, port=self.port, ready_timeout=15)
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._controller.stop()

    def reset(self) -> None:
        """Forget what was sent, and accept everything again."""
        self.sent.clear()
        self.begun = 0
        self.answer = ACCEPTED
        self.refused: dict[str, str] = {}
        self.hang = 0.0

    def wait_for(self, count: int, *, seconds: float = PATIENCE) -> list[Sent]:
        """Return what was sent as soon as it is `count` mails; raises ServerFailed after `seconds`."""
        try:
            until(lambda: len(self.sent) >= count, seconds=seconds, what=f"fewer than {count} mails were sent")
        except WaitedInVainError as failure:
            raise ServerFailed(str(failure)) from None
        return list(self.sent)

    # The names that aiosmtpd calls.

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse a recipient."""
        refusal = self.refused.get(address)
        if refusal is None:
            envelope.rcpt_tos.append(address)
        return refusal or "250 fine"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - likewise
        """Take, keep or refuse the mail."""
        self.begun += 1
        await asyncio.sleep(self.hang)
        if self.answer.startswith("2"):
            content = envelope.content if isinstance(envelope.content, bytes) else b""
            sender = "" if envelope.mail_from in (None, "<>") else str(envelope.mail_from)
            self.sent.append(Sent(sender, tuple(envelope.rcpt_tos), content))
        return self.answer
