"""What would become of a mail is decided by the code that files it, and nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.rig import SERVICE, Rig, mail
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
