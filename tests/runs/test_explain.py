"""What would become of a mail is decided by the code that files it, and nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rig import SERVICE, Rig, mail
from trac_mailintake.intake.ports import Accepted
from trac_mailintake.mail.spool import Slice
from trac_mailintake.runs.explain import explain

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.intake.ports import Decision


def explained(rig: Rig, folder: Path, content: bytes) -> Decision:
    """The decision about a mail in a file."""
    file = folder / "mail.eml"
    file.write_bytes(content)
    with rig.worker() as assembly:
        service = assembly.settings.services.get(SERVICE)
        return explain(assembly, Slice(str(file), 0, len(content)), service)


def test_a_mail_is_explained_as_it_is_then_filed(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """Outcome and rule are the same; no row, no ticket, no file of it stays."""
    rig = Rig(sqlite_env, tmp_path, bulk="hold")
    mails = (mail("Good"), mail("Bad", "Auto-Submitted: auto-replied"))
    found = [explained(rig, tmp_path, each).outcome for each in mails]
    assert rig.journal() == []
    assert sqlite_env.tickets() == []
    rig.drop(*mails)
    rig.run()
    assert [(each.status.value, each.rule) for each in found] == rig.outcomes


def test_a_mail_that_was_filed_is_a_duplicate(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """As it would be, if it came again."""
    rig = Rig(sqlite_env, tmp_path)
    content = mail("Once")
    rig.drop(content)
    rig.run()
    assert explained(rig, tmp_path, content).outcome.status.value == "duplicate"


LONG = "A line.\n" * 40_000
"""Longer than what is read at once."""


@pytest.mark.parametrize("filed", ["\n", "\r\n"])
@pytest.mark.parametrize("asked", ["\n", "\r\n"])
@pytest.mark.parametrize("message_id", [True, False])
@pytest.mark.parametrize("body", ["How?\n", "One.\n\n\nTwo.", LONG])
def test_line_ends_make_no_other_mail(
    sqlite_env: TracEnv, tmp_path: Path, filed: str, asked: str, body: str, *, message_id: bool
) -> None:
    """What a server handed over with CR LF is a duplicate, although the file that somebody saved has LF."""
    rig = Rig(sqlite_env, tmp_path)
    content = mail("Once", body=body).decode()
    if not message_id:
        content = content.replace("Message-ID:", "X-Id:")
    rig.drop(content.replace("\n", filed).encode())
    rig.run()
    found = explained(rig, tmp_path, content.replace("\n", asked).encode())
    assert (found.outcome.status.value, found.outcome.ticket) == ("duplicate", 1)
    other = explained(rig, tmp_path, content.replace("\n", asked).replace("Once", "Twice").encode())
    assert other.outcome.status.value == "created"


@pytest.mark.parametrize("granted", [(), ("TICKET_EDIT_CC",)])
def test_what_is_shown_of_cc_and_fields_is_what_is_filed(
    sqlite_env: TracEnv, tmp_path: Path, granted: tuple[str, ...]
) -> None:
    """Not what a handler wished for: strangers may add nobody to cc; and the first component is named."""
    sqlite_env.grant("anonymous", *granted)
    rig = Rig(sqlite_env, tmp_path, ccwatcher="true", cc="boss", keywords="mail", address="support@example.org")
    content = mail("Together", "Cc: bob@example.com")
    decision = explained(rig, tmp_path, content)
    assert isinstance(decision, Accepted)
    prepared = decision.prepared
    rig.drop(content)
    rig.run()
    (ticket,) = sqlite_env.tickets()
    assert prepared.cc == tuple(ticket["cc"].split(", ")) == ("boss", *(["bob@example.com"] if granted else []))
    assert {name: ticket[name] for name in prepared.fields} == dict(prepared.fields)
    assert (prepared.fields["component"], prepared.fields["keywords"]) == ("component1", "mail")
    assert [step.sentence.partition(",")[0] for step in decision.steps if step.rule == "form-select"] == [
        "component is component1"
    ]
    assert "form-select" not in str(rig.journal())
