"""What the commands of the journal print of a mail, and what they write into files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from trac.admin.api import AdminCommandError

from tests.components.mails import mail
from trac_mailintake.components.cli.arguments import Exit
from trac_mailintake.components.cli.journal import output
from trac_mailintake.tracker.journal.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.components.mails import Mailbox

AUTOMATIC = "Auto-Submitted: auto-replied\n"


@pytest.fixture
def journal(mailbox: Mailbox) -> Journal:
    """Two mails: the first became a ticket, the second is held."""
    mailbox.add_service()
    mailbox.put(mail(1))
    mailbox.put(mail(2, more=AUTOMATIC))
    mailbox.run()
    return Journal(mailbox.trac.reopen())


def test_a_mail_is_written_to_a_new_file_only(
    journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is there stays as it is, and the message names the mail and the cause."""
    path = tmp_path / "mail.eml"
    output.write(journal, "1", str(path))
    assert path.read_bytes() == mail(1)
    assert capsys.readouterr().out == f"Mail 1 written to {path} ({len(mail(1))} bytes).\n"
    with pytest.raises(AdminCommandError, match=r"mail 2 could not be written: .*File exists.*mail\.eml"):
        output.write(journal, "2", str(path))
    assert path.read_bytes() == mail(1)
    with pytest.raises(AdminCommandError, match="first"):
        output.write(journal, "first", str(path))


def test_a_mail_is_written_to_standard_output_as_it_came(
    journal: Journal, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Nothing is added, so that it can be handed on."""
    output.write(journal, "2", None)
    assert capfdbinary.readouterr().out == mail(2, more=AUTOMATIC)


def test_other_settings_are_refused() -> None:
    """The message names what is allowed."""
    output.only({"ticket": "1"}, ["ticket", "user"])
    with pytest.raises(AdminCommandError, match=r"colour=red: not allowed. Allowed: ticket, user"):
        output.only({"colour": "red"}, ["ticket", "user"])


def test_what_became_of_mails(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    """A line each, with the ticket, the rule and the reason; the status says whether any waits for somebody."""
    filed, held = journal.get(1), journal.get(2)
    assert output.say_became([filed]) == Exit.WELL
    assert output.say_became([filed, held]) == Exit.WAITING
    first, again, second = capsys.readouterr().out.splitlines()
    assert first == again == f"1: created #1 ({filed.rule}): {filed.reason}"
    assert second == f"2: held ({held.rule}): {held.reason}"


def test_a_list_for_people_and_for_programs(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    """The table has a heading and cuts long subjects; JSON has all fields, and each step with its sentence."""
    entries = (journal.get(2), journal.get(1))
    output.say_entries(entries, as_json=False, none="No mail.")
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    assert lines[0].split() == ["Id", "Time", "Service", "Outcome", "Ticket", "Rule", "Sender", "Subject"]
    assert [line.split()[0] for line in lines if line.split()[0].isdigit()] == ["2", "1"]
    assert "#1" in lines[-1]
    output.say_entries(entries, as_json=True, none="No mail.")
    held, filed = json.loads(capsys.readouterr().out)
    assert (held["outcome"], held["ticket"], filed["outcome"], filed["ticket"]) == ("held", None, "created", 1)
    assert {"stage", "rule", "sentence"} == set(filed["trail"][0])
    assert "because" not in filed
    assert filed["raw"]["length"] == len(mail(1))
    output.say_entries((), as_json=False, none="No mail.")
    assert capsys.readouterr().out == "No mail.\n"
    output.say_entries((), as_json=True, none="No mail.")
    assert json.loads(capsys.readouterr().out) == []


def test_all_that_is_known_of_a_mail(journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    """What is not known has no line; each step is there with its rule and sentence."""
    entry = journal.get(1)
    output.say_entry(entry)
    said = capsys.readouterr().out
    assert f"Subject:            {entry.subject}\n" in said
    assert "Message-ID:         <1@example.net>\n" in said
    assert "Last failure:" not in said
    assert [step.sentence for step in entry.trail if step.sentence not in said] == []


def test_what_was_cut_is_shown_line_by_line(mailbox: Mailbox, capsys: pytest.CaptureFixture[str]) -> None:
    """So that an administrator can see whether something new was cut away."""
    mailbox.add_service()
    mailbox.put(mail(1))
    mailbox.put(mail(2, more="In-Reply-To: <1@example.net>\n", text="Me too.\n\n> I wrote\n> two lines"))
    mailbox.run()
    entry = Journal(mailbox.trac.reopen()).get(2)
    output.say_entry(entry)
    said = capsys.readouterr().out
    assert entry.removed
    assert "  What was cut from the text:\n" in said
    assert [line for line in entry.removed.splitlines() if f"  | {line}\n" not in said] == []
