"""Encryption of passwords with Fernet: AES-128-CBC and HMAC-SHA-256 (https://github.com/fernet/spec)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

if TYPE_CHECKING:
    from collections.abc import Iterable


def new_key() -> bytes:
    """A new random key, in the form of a line of the key file."""
    return Fernet.generate_key()


class KeyRing:
    """One or more keys: the first one encrypts, all of them decrypt."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        """Raises ValueError if there are no keys, or if one of them is not a valid key."""
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def encrypt(self, text: str) -> str:
        """Encrypt a password. Returns the token to store."""
        return self._fernet.encrypt(text.encode("utf-8")).decode("ascii")

    def decrypt(self, token: str) -> str:
        """The password in a token. Raises LookupError if none of the keys made the token."""
        try:
            return self._fernet.decrypt(token.encode("ascii")).decode("utf-8")
        except InvalidToken:
            raise LookupError("none of the keys made this token") from None
