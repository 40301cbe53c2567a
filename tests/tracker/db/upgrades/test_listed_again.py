"""Mail that version 1 filed and left in its mailbox, and that the server lists anew after the upgrade, is known.

The environment is made by the code of the last version without upgrades, out of this repository's history.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.rig import mail
from tests.servers.dovecot import PASSWORD
from tests.servers.tracenv import TracEnv

if TYPE_CHECKING:
    from tests.servers.dovecot import Dovecot

VERSION_1: Final = "810f359"
COUNT: Final = 500
SUBJECTS: Final = (
    "A question",
    "=?utf-8?q?Sch=C3=B6ne_Gr=C3=BC=C3=9Fe?=",
    "=?utf-7?q?Hi_+AGE-?=",
    "=?utf-8?b?77eQIG5vbmNoYXJhY3Rlcg==?=",
    "raw \u00e4 and \ufdd0",
    "folded\n  twice\n\tand more",
    "",
)
KINDS: Final = (
    "",
    "Content-Type: text/plain; charset=iso-8859-1",
    "Content-Type: text/html\nContent-Transfer-Encoding: base64",
    "Authentication-Results: mx.example.org; dmarc=pass header.from=example.com\nReceived: from a by mx.example.org",
    "X-Long: " + "y" * 3000,
)


def mails() -> list[bytes]:
    """Mails of all kinds, with Message-IDs and without, some of which share one."""
    made = []
    for number in range(COUNT):
        one = mail(SUBJECTS[number % len(SUBJECTS)], *filter(None, [KINDS[number % len(KINDS)]]), body=f"{number}\n")
        if number % 5 == 1:
            one = b"\n".join(line for line in one.split(b"\n") if not line.startswith(b"Message-ID"))
        if number % 50 == 2:
            one = b"\n".join(
                b"Message-ID: <same@x>" if line.startswith(b"Message-ID") else line for line in one.split(b"\n")
            )
        made.append(one)
    return made


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it was."""
    folder = tmp_path_factory.mktemp("before")
    top = Path(__file__).parents[4]
    done = subprocess.run(["git", "archive", VERSION_1, "trac_mailintake"], cwd=top, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"the history of this repository is not here: {done.stderr.decode()}")
    with tarfile.open(fileobj=BytesIO(done.stdout)) as packed:
        packed.extractall(folder, filter="data")
    return folder


def admin(before: Path, path: Path, *words: str) -> str:
    """What `trac-admin` says with the package as it was."""
    done = subprocess.run(
        [sys.executable, "-m", "trac.admin.console", str(path), *words],
        cwd=before,  # which Python looks into first
        env={**os.environ, "PYTHONPATH": str(before)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("archived", [True, False])
def test_mail_that_was_left_is_filed_once(before: Path, tmp_path: Path, dovecot: Dovecot, *, archived: bool) -> None:
    """A new UIDVALIDITY, with the archived bytes and without; and authserv_ids that are set at the same time."""
    user = dovecot.add_user()
    sent = mails()
    dovecot.deliver_all(user, sent)
    path = tmp_path / "env"
    admin(before, path, "initenv", "Test", "sqlite:db/trac.db")
    admin(before, path, "config", "set", "components", "trac_mailintake.*", "enabled")
    admin(before, path, "upgrade", "--no-backup")
    admin(before, path, "permission", "add", "anonymous", "TICKET_CREATE", "TICKET_APPEND")
    at = ("protocol=imap", f"host={dovecot.host}", f"port={dovecot.imap}", "security=none")
    admin(before, path, "mailintake", "server", "add", "post", *at, f"username={user}", f"password={PASSWORD}")
    admin(before, path, "mailintake", "service", "add", "support", "kind=imap", "server=post", "afterwards=leave")
    assert f"{COUNT} created" in admin(before, path, "mailintake", "run", "--force")
    trac = TracEnv(path)
    assert trac.query("SELECT value FROM system WHERE name='mailintake_version'") == [("1",)]
    if not archived:
        trac.env.db_transaction("UPDATE mailintake_delivery SET archive=NULL, purged=1")
    trac.upgrade()
    trac.reopen()
    trac.command("mailintake", "service", "set", "support", "authserv_ids=mx.example.org")
    dovecot.clear(user)
    dovecot.deliver_all(user, sent)
    done = trac.command("mailintake", "run", "--force")
    assert "created" not in done.out, done
    assert trac.query("SELECT COUNT(*) FROM ticket") == [(COUNT,)]
    assert trac.query("SELECT COUNT(*) FROM ticket_change") == [(0,)]
    assert len(dovecot.messages(user)) == COUNT
    trac.close()
