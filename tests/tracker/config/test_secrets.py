"""Passwords at rest: what is stored, what is shown, and what is said when one cannot be read."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet

from trac_mailintake.tracker.config.secrets import KEY_FILE, SecretError, Secrets, where

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

PASSWORD = "geheim, ü & 日本"


def key_file(trac: TracEnv) -> Path:
    """Where the key lies."""
    return trac.path / "conf" / KEY_FILE


def test_a_typed_password_is_stored_encrypted_and_comes_back(sqlite_env: TracEnv) -> None:
    """What is stored holds nothing of the password, and another process reads it again."""
    stored = Secrets(sqlite_env.env).keep(PASSWORD)
    assert stored.startswith("fernet:")
    assert "geheim" not in stored
    assert Secrets(sqlite_env.reopen()).reveal(stored) == PASSWORD


def test_the_key_file_is_readable_by_its_owner_only(sqlite_env: TracEnv) -> None:
    """Mode 0600 whatever the umask, and no other file is left beside it."""
    before = os.umask(0)
    try:
        Secrets(sqlite_env.env).keep(PASSWORD)
    finally:
        os.umask(before)
    assert stat.S_IMODE(key_file(sqlite_env).stat().st_mode) == 0o600
    assert [path.name for path in (sqlite_env.path / "conf").glob("*mailintake*")] == [KEY_FILE]


def test_a_second_password_uses_the_key_that_is_there(sqlite_env: TracEnv) -> None:
    """The key is made once."""
    secrets = Secrets(sqlite_env.env)
    first = secrets.keep("one")
    key = key_file(sqlite_env).read_bytes()
    secrets.keep("two")
    assert key_file(sqlite_env).read_bytes() == key
    assert secrets.reveal(first) == "one"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_may_read_is_refused(sqlite_env: TracEnv, mode: int) -> None:
    """The message names the file and what to type."""
    secrets = Secrets(sqlite_env.env)
    stored = secrets.keep(PASSWORD)
    key_file(sqlite_env).chmod(mode)
    with pytest.raises(SecretError, match=f"chmod 600 {re.escape(str(key_file(sqlite_env)))}"):
        secrets.reveal(stored)
    with pytest.raises(SecretError, match="chmod 600"):
        secrets.keep("another")


def test_a_lost_key_is_said_and_not_replaced_by_reading(sqlite_env: TracEnv) -> None:
    """Reading never makes a key: that would hide that the old one is gone."""
    secrets = Secrets(sqlite_env.env)
    stored = secrets.keep(PASSWORD)
    key_file(sqlite_env).unlink()
    with pytest.raises(SecretError, match="put it back, or set the passwords"):
        secrets.reveal(stored)
    assert not key_file(sqlite_env).exists()


def test_another_key_is_said(sqlite_env: TracEnv) -> None:
    """A key of another environment does not decrypt, and the message says what to do; it shows no secret."""
    secrets = Secrets(sqlite_env.env)
    stored = secrets.keep(PASSWORD)
    key_file(sqlite_env).write_bytes(Fernet.generate_key())
    with pytest.raises(SecretError, match="another key") as caught:
        secrets.reveal(stored)
    assert stored not in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_a_new_key_on_the_first_line_leaves_old_passwords_readable(sqlite_env: TracEnv) -> None:
    """Keys are changed by writing a new one above the old one."""
    secrets = Secrets(sqlite_env.env)
    old = secrets.keep("old")
    key_file(sqlite_env).write_bytes(Fernet.generate_key() + b"\n" + key_file(sqlite_env).read_bytes())
    new = secrets.keep("new")
    assert (secrets.reveal(old), secrets.reveal(new)) == ("old", "new")


def test_a_key_file_that_holds_no_key_is_said(sqlite_env: TracEnv) -> None:
    """Rubbish in the file is not taken for a key."""
    secrets = Secrets(sqlite_env.env)
    stored = secrets.keep(PASSWORD)
    key_file(sqlite_env).write_text("not a key\n", encoding="ascii")
    with pytest.raises(SecretError, match="no key"):
        secrets.reveal(stored)


def test_a_variable_is_kept_by_name_and_read_when_needed(sqlite_env: TracEnv) -> None:
    """`env:NAME` is stored as it is typed."""
    secrets = Secrets(sqlite_env.env)
    stored = secrets.keep("env:MAILINTAKE_TEST_PASSWORD")
    assert stored == "env:MAILINTAKE_TEST_PASSWORD"
    with pytest.raises(SecretError, match="MAILINTAKE_TEST_PASSWORD, which is not set"):
        secrets.reveal(stored)
    os.environ["MAILINTAKE_TEST_PASSWORD"] = PASSWORD
    try:
        assert secrets.reveal(stored) == PASSWORD
    finally:
        del os.environ["MAILINTAKE_TEST_PASSWORD"]


def test_a_file_is_kept_by_path_and_read_when_needed(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """`file:/path` is stored as it is typed; the line end is not of the password."""
    path = tmp_path / "password"
    secrets = Secrets(sqlite_env.env)
    stored = secrets.keep(f"file:{path}")
    assert stored == f"file:{path}"
    with pytest.raises(SecretError, match="cannot be read: No such file"):
        secrets.reveal(stored)
    path.write_text(f"{PASSWORD}\n", encoding="utf-8")
    assert secrets.reveal(stored) == PASSWORD


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 70_000])
def test_a_file_that_is_no_password_is_said(sqlite_env: TracEnv, tmp_path: Path, content: bytes) -> None:
    """Neither bytes that are no text nor a large file is taken for a password."""
    path = tmp_path / "password"
    path.write_bytes(content)
    with pytest.raises(SecretError, match=re.escape(str(path))):
        Secrets(sqlite_env.env).reveal(f"file:{path}")


@pytest.mark.parametrize("typed", ["env:", "env:A-B", "env:1A", "file:relative", "file:"])
def test_a_name_that_names_nothing_is_refused(sqlite_env: TracEnv, typed: str) -> None:
    """Refused when it is saved, not when the mail server is asked; what was typed may be a password."""
    with pytest.raises(SecretError, match=r"write (env:NAME|file:/path)") as refused:
        Secrets(sqlite_env.env).keep(typed)
    assert not typed.partition(":")[2] or typed not in str(refused.value)


def test_no_password_is_stored_as_nothing(sqlite_env: TracEnv) -> None:
    """No key is made for it."""
    assert Secrets(sqlite_env.env).keep("") == ""
    assert Secrets(sqlite_env.env).reveal("") == ""
    assert not key_file(sqlite_env).exists()


def test_what_is_shown_is_only_where_it_is(sqlite_env: TracEnv) -> None:
    """Of an encrypted password not even the encrypted form."""
    assert where(Secrets(sqlite_env.env).keep(PASSWORD)) == "encrypted"
    assert where("env:NAME") == "env:NAME"
    assert where("") == ""
