"""Encryption of passwords with Fernet: AES-128-CBC and HMAC-SHA-256 (https://github.com/fernet/spec)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

if TYPE_CHECKING:
    from collections.abc import Iterable


def new_key() -> bytes:
    """A key that nobody has, as a line of the key file has it."""
    return Fernet.generate_key()


class KeyRing:
    """Keys, of which the first encrypts and all decrypt."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        """Raises ValueError when there is none, or something that is no key."""
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def encrypt(self, text: str) -> str:
        """The token to store."""
        return self._fernet.encrypt(text.encode("utf-8")).decode("ascii")

    def decrypt(self, token: str) -> str:
        """What was encrypted. Raises LookupError when none of the keys made the token."""
        try:
            return self._fernet.decrypt(token.encode("ascii")).decode("utf-8")
        except InvalidToken:
            raise LookupError("none of the keys made this token") from None
