"""A handler that hangs costs one mail, not the mailbox."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.rig import Rig, mail
from tests.runs.test_deliver import script

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

HANGING = """
import re
from trac.core import Component, implements
from trac_mailintake.api import IMailintakePlugin, hookimpl

class Hanging(Component):
    implements(IMailintakePlugin)

    @hookimpl
    def mailintake_screen(self, message):
        if message.subject == "hang":
            # Within one call into C, which keeps the interpreter's lock: no signal handler of Python's would run.
            re.match("(a+)+b", "a" * 60)
"""


def test_a_mail_over_which_three_runs_hang_is_held(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """The first run ends with the batch in hand, three more with the one mail; the others are filed."""
    rig = Rig(sqlite_env, tmp_path)
    (sqlite_env.path / "plugins" / "hanging.py").write_text(HANGING)
    sqlite_env.set(("mailintake", "watchdog", "0.5"), ("logging", "log_type", "file"))
    rig.drop(mail("before"), mail("hang"), mail("after"))
    ends = [rig.trac.admin("mailintake", "run", "support", "--force").status for _ in range(5)]
    assert ends == [-signal.SIGALRM] * 4 + [1]
    assert {ticket["summary"] for ticket in rig.trac.tickets()} == {"before", "after"}
    assert sorted(rig.outcomes) == [("created", "new"), ("created", "new"), ("held", "crashes")]
    assert rig.left == []
    assert "mailintake_screen" in rig.trac.log()


def test_a_pipe_that_hangs_asks_the_mail_server_to_keep_the_mail(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """However the process ends that took the mail, the answer is 75."""
    rig = Rig(sqlite_env, tmp_path)
    (sqlite_env.path / "plugins" / "hanging.py").write_text(HANGING)
    sqlite_env.set(("mailintake", "watchdog", "0.5"))
    rig.trac.admin("mailintake", "service", "add", "pipe", "kind=pipe")
    sqlite_env.close()
    status, said = script(str(sqlite_env.path), "pipe", content=mail("hang"))
    assert (status, "ended with -14" in said) == (75, True)
    assert script(str(sqlite_env.path), "pipe", content=mail("fine"))[0] == 0
