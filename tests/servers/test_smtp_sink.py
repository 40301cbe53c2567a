"""The SMTP sink that other tests rely on does what they rely on."""

from __future__ import annotations

import smtplib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.servers.smtp_sink import SmtpSink

MAIL = b"From: a@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\n.\r\nText\r\n"


def send(sink: SmtpSink, *recipients: str, sender: str = "a@example.org") -> None:
    """Send the mail."""
    with smtplib.SMTP(sink.host, sink.port, timeout=1) as client:
        client.sendmail(sender, recipients, MAIL)


def test_keeps_envelope_and_bytes(smtp_sink: SmtpSink) -> None:
    """What is sent can be looked at, byte by byte."""
    send(smtp_sink, "b@example.org", "c@example.org", sender="")
    [sent] = smtp_sink.wait_for(1)
    assert (sent.sender, sent.recipients, sent.content) == ("", ("b@example.org", "c@example.org"), MAIL)
    assert sent.message["Subject"] == "Grüße"


@pytest.mark.parametrize("answer", ["451 later", "554 never"])
def test_refuses_when_told_to(smtp_sink: SmtpSink, answer: str) -> None:
    """Temporary and lasting refusals can be had, and nothing is kept then."""
    smtp_sink.answer = answer
    with pytest.raises(smtplib.SMTPDataError, match=answer.split()[1]):
        send(smtp_sink, "b@example.org")
    assert smtp_sink.sent == []


def test_refuses_single_recipients(smtp_sink: SmtpSink) -> None:
    """One recipient can be refused while another is served."""
    smtp_sink.refused["b@example.org"] = "550 unknown"
    send(smtp_sink, "b@example.org", "c@example.org")
    assert smtp_sink.wait_for(1)[0].recipients == ("c@example.org",)


def test_hangs_when_told_to(smtp_sink: SmtpSink) -> None:
    """A client with a time-out runs into it."""
    smtp_sink.hang = 30
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        send(smtp_sink, "b@example.org")
