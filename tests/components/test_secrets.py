"""A password that is typed at `password=-` is in no list of processes, table, log or answer."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv

SECRET = "kn0wn-to-n0body"
SETTINGS = ("protocol=imap", "host=127.0.0.1", "port=9", "security=none", "username=ann", "password=-")


def test_a_password_from_standard_input_shows_nowhere(sqlite_env: TracEnv) -> None:
    """Neither while the command runs, nor afterwards: in no table, not in the log with all SQL, in no answer."""
    sqlite_env.set(("trac", "debug_sql", "true"))
    with sqlite_env.start("mailintake", "server", "add", "main", *SETTINGS) as process:
        places = [Path(f"/proc/{process.pid}/{name}") for name in ("cmdline", "environ")]
        assert process.stdin is not None
        process.stdin.write(f"{SECRET}\n".encode())
        process.stdin.flush()
        seen = ""
        while process.poll() is None:
            with contextlib.suppress(OSError):  # it may end at any moment
                seen += "".join(place.read_text(errors="replace") for place in places)
            time.sleep(0.01)
        out, err = process.communicate()
        assert process.returncode == 0, err
    assert "password=-" in seen
    said = [
        sqlite_env.admin("mailintake", *words)
        for words in (("server", "list", "--json"), ("server", "list"), ("server", "test", "main", "--trace"))
    ]
    tables = [name for (name,) in sqlite_env.query("SELECT name FROM sqlite_master WHERE type='table'")]
    rows = "".join(str(sqlite_env.query(f"SELECT * FROM {name}")) for name in tables)
    everything = "".join(
        [seen, out.decode(), err.decode(), sqlite_env.log(), rows, *(each.out + each.err for each in said)]
    )
    assert "fernet:" in rows
    assert SECRET not in everything
    found = [path for path in sqlite_env.path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert found == []


@pytest.mark.parametrize(
    "words",
    [
        ("server", "add", "main", "host=127.0.0.1", f"password=env:1 {SECRET}"),
        ("server", "add", "main", "host=127.0.0.1", f"password=file:{SECRET}"),
        ("server", "add", "main", "host=127.0.0.1", f"passwrd={SECRET}"),
        ("server", "add", "main", f"--password={SECRET}"),
        ("service", "add", "support", "kind=pipe", f"password={SECRET}"),
        ("service", "add", "support", "kind=pipe", f"Password={SECRET}"),
    ],
    ids=lambda words: " ".join(words[:2]) + words[-1].partition("=")[0],
)
def test_a_password_that_is_refused_is_not_repeated(sqlite_env: TracEnv, words: tuple[str, ...]) -> None:
    """However it was mistyped: an answer is copied into mails and tickets, and the log is read by others."""
    refused = sqlite_env.admin("mailintake", *words)
    assert refused.status == 2
    assert "llowed" in refused.err
    assert SECRET not in refused.out + refused.err + sqlite_env.log()
