"""A probe is sent as signed mail of our own, and found in the journal by its token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rig import Rig, mail
from trac_mailintake.tracker.db.transaction import now
from trac_mailintake.tracker.options import PROBE_HEADER
from trac_mailintake.tracker.outgoing.probe_mail import send, taken
from trac_mailintake.tracker.people.reply_address import load_keys

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.smtp_sink import SmtpSink
    from tests.servers.tracenv import TracEnv


def test_a_probe_is_sent_signed_and_found_once_it_was_taken(
    trac_env: TracEnv, tmp_path: Path, smtp_sink: SmtpSink
) -> None:
    """By its token and no other, and only if it was taken since; on each database."""
    trac_env.notify_through(smtp_sink)
    rig = Rig(trac_env, tmp_path)
    began = now()
    first, second = (send(trac_env.env, "support", "help@example.org") for _ in range(2))
    assert first != second
    [sent, _] = smtp_sink.wait_for(2)
    assert (sent.sender, sent.recipients) == ("", ("help@example.org",))
    assert sent.message["Subject"] == "[Project of a test] Mail intake: probe of support"
    assert sent.message[PROBE_HEADER] == f"{first}.{load_keys(trac_env.env).vouch(first)}"
    assert "the mailbox of the service support" in sent.message.get_content()
    assert taken(trac_env.env, first, began) is None
    rig.drop(mail("An ordinary mail"), sent.content)
    rig.run()
    assert rig.outcomes == [("created", "new"), ("discarded", "probe")]
    found = taken(trac_env.env, first, began)
    assert found is not None
    assert (found.delivery, found.service) == (2, "support")
    assert found.consumed > 0
    assert taken(trac_env.env, second, began) is None
    assert taken(trac_env.env, first, now()) is None
