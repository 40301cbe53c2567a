"""What the rows of the outbox become on the wire, and whom it is sent to."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import pytest

from tests.rig import Rig, mail
from trac_mailintake.intake import reasons
from trac_mailintake.tracker.archive.store import found
from trac_mailintake.tracker.outgoing.render import Due, recipient, render

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

FORWARD = reasons.FORWARD_PENDING.slug
_DUE = dict.fromkeys(Due._fields)


def due(kind: str = "alert", **columns: Any) -> Due:  # noqa: ANN401 - the columns of a row
    """A row about a service whose address for forwards is the boss's."""
    row = {**_DUE, "id": 1, "kind": kind, "service": "support", "fence": 0, "attempts": 0, "digest": 0}
    row |= {"rule": reasons.STOPPED.slug, "reason": "It was too much.", "forward": "boss@example.org"}
    return Due(**{**row, **columns})


def rendered(trac: TracEnv, *dues: Due) -> EmailMessage:
    """The letter, as its recipient reads it."""
    return message_from_bytes(render(trac.env, dues, "root@example.org"), policy=policy.default)


def text(message: EmailMessage) -> str:
    """Its text."""
    body = message.get_body(("plain",))
    return str(body.get_content()) if body else ""


@pytest.mark.parametrize(
    ("rows", "to"),
    [
        ([due("notice", told="ann@example.net")], "ann@example.net"),
        ([due("notice")], ""),
        ([due("forward", delivery=3)], "boss@example.org"),
        ([due("forward", delivery=3, forward=None)], ""),
        ([due("forward", delivery=3), due("forward", delivery=4)], "root@example.org"),
        ([due()], "root@example.org"),
    ],
)
def test_each_kind_goes_to_whom_it_concerns(shared_env: TracEnv, rows: list[Due], to: str) -> None:
    """The sender, the forward address, or the administrator."""
    shared_env.set(("mailintake", "admin_address", " root@example.org "))
    assert recipient(shared_env.env, rows) == to


def test_without_an_administrator_the_forward_address_is_told(sqlite_env: TracEnv) -> None:
    """If there is one."""
    assert recipient(sqlite_env.env, [due()]) == "boss@example.org"
    assert recipient(sqlite_env.env, [due(forward=None)]) == ""


def test_an_alert_says_what_happened_and_where_to_look(shared_env: TracEnv) -> None:
    """At the services, or at the mail that it is about."""
    sent = rendered(shared_env, due())
    assert sent["Subject"] == f"[Project of a test] Mail intake: support: {reasons.STOPPED.slug}"
    assert "It was too much." in text(sent)
    assert "/admin/mailintake/services" in text(sent)
    about = text(rendered(shared_env, due(delivery=7, subject="Hi\nBcc: x@y", sender="ann@example.net")))
    assert "Mail:    Hi Bcc: x@y" in about.splitlines()[1]
    assert "/admin/mailintake/journal/7" in about
    assert "It is held" not in about


def test_several_failures_are_a_digest(shared_env: TracEnv) -> None:
    """Numbered, each with its mail; of a forward it is said that the mail is held."""
    rows = [due("forward", delivery=number, reason=f"Reason {number}") for number in (5, 6)]
    sent = rendered(shared_env, *rows, due(reason="Reason 7"))
    assert sent["Subject"].endswith("3 failures in support")
    said = text(sent)
    assert [f"{place}. {reasons.STOPPED.slug}: Reason {place + 4}" in said for place in (1, 2, 3)] == [True] * 3
    assert said.count("It is held") == 2


@pytest.mark.parametrize("message_id", ["<1@example.net>", "<1@example.net>\r\nBcc: victim@example.net", None])
def test_a_notice_is_an_answer_to_the_mail(shared_env: TracEnv, message_id: str | None) -> None:
    """Its row has subject and text; no id adds a field."""
    sent = rendered(shared_env, due("notice", rule="Not accepted", reason="Sorry.", message_id=message_id))
    assert (sent["Subject"], sent["Auto-Submitted"], sent["Bcc"]) == ("Not accepted", "auto-replied", None)
    assert text(sent).strip() == "Sorry."
    assert sent["In-Reply-To"] == (message_id if message_id and "\r" not in message_id else None)
    assert sent["References"] == sent["In-Reply-To"]


def test_a_forward_encloses_what_the_archive_has(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """Of a mail that was purged it says what is known."""
    rig = Rig(sqlite_env, tmp_path, bulk="hold")
    content = mail("Away", "Auto-Submitted: auto-replied")
    rig.drop(content)
    rig.run()
    names = "archive, archive_offset, archive_length, subject, sender, trail"
    [row] = sqlite_env.env.db_query(f"SELECT {names} FROM mailintake_delivery")
    assert found(sqlite_env.env, *row[:3]).read() == content
    known = dict(zip(names.split(", "), row, strict=True))
    sent = rendered(sqlite_env, due("forward", delivery=1, rule=FORWARD, **known))
    _, original = sent.iter_parts()
    assert b"\r\n".join(content.split(b"\n")) in original.as_bytes(policy=policy.SMTP)
    purged = rendered(sqlite_env, due("forward", delivery=1, rule=FORWARD))
    assert len(list(purged.iter_parts())) == 1


def test_what_is_a_failure_is_put_together_and_the_rest_is_not() -> None:
    """A stop is told at once; a notice to a sender is none of it, whatever its subject."""
    assert due("forward", delivery=3, rule=reasons.FAILED.slug).failure
    assert not due("forward", delivery=3, rule=FORWARD).failure
    assert not due("notice", rule=reasons.FAILED.slug).failure
    assert (due().name, due("forward", delivery=3).name) == ("The alert of support", "The forward of mail 3")
