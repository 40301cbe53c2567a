"""No text of a mail can add a header field, a recipient or a second mail to what we send."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from tests.rig import Rig

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import TracEnv

KEEPER = "keeper@example.org"
ENDS = ("\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x00\r\n", "\r\n ", "\n\t")
INJECTION = "Bcc: victim@example.net{0}X-Injected: yes{0}{0}Body of ours{0}.{0}MAIL FROM:<x@example.net>{0}"


def encoded(text: str, how: str) -> str:
    """As an encoded word, or as several, each of which is harmless."""
    if how == "q":
        return "=?utf-8?q?" + "".join(f"={byte:02X}" for byte in text.encode()) + "?="
    if how == "b":
        return "=?utf-8?b?" + base64.b64encode(text.encode()).decode() + "?="
    return " ".join("=?utf-8?q?" + f"={byte:02X}" + "?=" for byte in text.encode() if byte < 128)


def hostile(number: int, end: str, how: str) -> bytes:
    """A mail with an injection wherever something of a mail goes into a letter of ours."""
    payload = encoded("x" + end + INJECTION.format(end), how)
    return (
        f"From: {payload} <ann{number}@example.com>\r\n"
        f"To: {payload} <support@example.org>\r\n"
        f"Subject: {payload}\r\n"
        f"Message-ID: <{number}{encoded(end + 'X-Injected:yes', 'q')}@example.com>\r\n"
        f"References: <a{payload}@example.com>\r\n"
        f"Content-Language: en{payload}\r\n"
        "Date: Mon, 02 Nov 2026 10:00:00 +0000\r\n"
        f'Content-Type: text/plain; charset="utf-8{payload}"\r\n\r\nHow?\r\n'
    ).encode()


ALLOWED = {
    "subject from to date message-id auto-submitted precedence x-trac-mailintake-loop mime-version content-type",
    "content-transfer-encoding in-reply-to references content-disposition",
}


@pytest.mark.parametrize("how", ["q", "b", "each"])
def test_no_letter_of_ours_has_a_header_of_a_strangers(
    sqlite_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink, how: str
) -> None:
    """Forwards, and notices to senders: one recipient each, the known headers, and the injection as text at most."""
    sqlite_env.notify_through(smtp_sink)
    rig = Rig(sqlite_env, tmp_path, block="*@example.com", forward=KEEPER, notify_sender="rejected")
    rig.drop(*(hostile(number, end, how) for number, end in enumerate(ENDS)))
    rig.run()
    rig.set(block="", handler="comment", forward=KEEPER)
    rig.drop(*(hostile(100 + number, end, how) for number, end in enumerate(ENDS)))
    rig.run()
    sent = list(smtp_sink.sent)
    assert {each.recipients[0] for each in sent} >= {KEEPER, "ann0@example.com"}
    known = set(" ".join(ALLOWED).split())
    for each in sent:
        assert len(each.recipients) == 1
        message = each.message
        found = {name.lower() for name in message}
        assert {name for name in found if not name.startswith("x-")} <= known
        assert "x-injected" not in found
        assert "bcc" not in found
        for name in ("Subject", "To", "From", "Message-ID"):
            assert len(message.get_all(name, [])) == 1
            assert str(message[name]).isprintable()
    assert len(rig.journal()) == 2 * len(ENDS)


def test_a_ticket_of_hostile_names_is_told_of_in_whole_notifications(
    sqlite_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink
) -> None:
    """Trac's own notification of what became a ticket has no header of the sender's either."""
    sqlite_env.notify_through(smtp_sink)
    sqlite_env.set(("notification", "smtp_always_cc", KEEPER), ("mailintake", "address", "support@example.org"))
    rig = Rig(sqlite_env, tmp_path)
    rig.drop(
        *(hostile(number, end, how) for number, (end, how) in enumerate((end, how) for end in ENDS for how in "qb"))
    )
    rig.run()
    assert len(sqlite_env.tickets()) == 2 * len(ENDS)
    assert smtp_sink.sent
    for each in smtp_sink.sent:
        assert set(each.recipients) <= {KEEPER, *(f"ann{number}@example.com" for number in range(len(ENDS) * 2))}
        assert "victim@example.net" not in each.recipients
        assert "x-injected" not in {name.lower() for name in each.message}
        assert "bcc" not in {name.lower() for name in each.message}
