"""Stored passwords: encrypted with a key that is kept apart from the database, or only a reference to their place.

Three stored forms: `env:NAME` and `file:/path` as they were typed, and `fernet:...` for everything else. The key file
(`conf/mailintake.key`) has one key a line: the first one encrypts, all of them decrypt, so that a key can be changed.
Nothing here logs, and no message holds a secret.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.errors import SourceError
from trac_mailintake.tracker.file_owner import forbid_root
from trac_mailintake.tracker.key_files import adapt, too_open

if TYPE_CHECKING:
    from trac.env import Environment

    from trac_mailintake.tracker.config.key_ring import KeyRing

KEY_FILE: Final = "mailintake.key"
_FERNET: Final = "fernet:"
_VARIABLE: Final = "env:"
_FILE: Final = "file:"
_NAME_OF_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LARGEST_SECRET: Final = 64 * 1024
"""In bytes. OAuth2 tokens are the longest secrets in such files."""


class SecretError(SourceError):
    """A password cannot be stored or read. It ends the service's round like a server that cannot be reached."""


class Secrets:
    """Encrypts and decrypts the passwords of one environment."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._key_file = Path(env.conf_dir) / KEY_FILE

    def keep(self, typed: str) -> str:
        """The form to store for the input; "" for none. Raises SecretError."""
        if not typed:
            return ""
        if typed.startswith(_VARIABLE):
            if not _NAME_OF_VARIABLE.match(typed.removeprefix(_VARIABLE)):
                raise SecretError("no environment variable is named: write env:NAME, with letters, digits and _")
            return typed
        if typed.startswith(_FILE):
            if not Path(typed.removeprefix(_FILE)).is_absolute():
                raise SecretError("no absolute path is named: write file:/path")
            return typed
        return _FERNET + self._key_ring(create=True).encrypt(typed)

    def reveal(self, stored: str) -> str:
        """The password itself. Raises SecretError, which names the cause and the next step."""
        if stored.startswith(_VARIABLE):
            return _from_variable(stored.removeprefix(_VARIABLE))
        if stored.startswith(_FILE):
            return _from_file(Path(stored.removeprefix(_FILE)))
        if stored.startswith(_FERNET):
            return self._decrypt(stored.removeprefix(_FERNET))
        return ""

    def _decrypt(self, token: str) -> str:
        ring = self._key_ring(create=False)
        try:
            return ring.decrypt(token)
        except LookupError:
            raise SecretError(
                f"the password was encrypted with another key than those in {self._key_file}:"
                " put that key back, or set the password again"
            ) from None

    def _key_ring(self, *, create: bool) -> KeyRing:
        from trac_mailintake.tracker.config.key_ring import (  # noqa: PLC0415 - 30 ms for passwords alone
            KeyRing,
            new_key,
        )

        if create and not self._key_file.exists():
            _write_new(self._env, self._key_file, new_key())
        try:
            return KeyRing(self._keys())
        except ValueError:
            raise SecretError(f"{self._key_file} holds something that is no key: one Fernet key a line") from None

    def _keys(self) -> list[bytes]:
        try:
            with self._key_file.open("rb") as file:
                found = os.fstat(file.fileno())
                content = file.read(_LARGEST_SECRET)
        except OSError as error:
            raise SecretError(
                f"the key file {self._key_file} cannot be read ({error.strerror}):"
                " put it back, or set the passwords of all mail servers again"
            ) from None
        if too_open(self._env, found):
            raise SecretError(f"others than its owner may read {self._key_file}: chmod 600 {self._key_file}")
        return content.split()


def where(stored: str) -> str:
    """The displayable form of a stored secret: `env:NAME`, `file:/path`, `encrypted`, or "" if there is none."""
    return "encrypted" if stored.startswith(_FERNET) else stored


def _from_variable(name: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise SecretError(f"the password is in the environment variable {name}, which is not set") from None


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_SECRET + 1)
        text = content.decode("utf-8")
    except OSError as error:
        raise SecretError(f"the password is in {path}, which cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SecretError(f"the password is in {path}, which is not text in UTF-8") from None
    if len(content) > _LARGEST_SECRET:
        raise SecretError(f"the password is in {path}, which is too large to be one")
    return text.rstrip("\r\n")


def _write_new(env: Environment, path: Path, key: bytes) -> None:
    """Create the key file atomically; a faster process wins. Raises SecretError.

    mkstemp creates it with mode 0600 whatever the umask. A link, unlike a rename, does not replace an existing file.
    """
    try:
        forbid_root(env.path, str(path))
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(key + b"\n")
                file.flush()
                os.fsync(file.fileno())
            adapt(env, name)
            os.link(name, path)
        except FileExistsError:
            pass  # then that one is the key
        finally:
            Path(name).unlink()
        _flush_folder(path.parent)
    except OSError as error:
        raise SecretError(f"the key file {path} cannot be written: {error.strerror}") from None


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
