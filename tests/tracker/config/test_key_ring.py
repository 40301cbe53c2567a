"""Passwords are encrypted by the first key, and decrypted by any."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.tracker.config.key_ring import KeyRing, new_key

PASSWORDS = st.text(st.characters(codec="utf-8"))


@given(PASSWORDS)
def test_any_password_comes_back_and_its_token_does_not_show_it(password: str) -> None:
    """Of any length and any letters; two tokens of one password differ, so that nobody sees that they are the same."""
    ring = KeyRing([new_key()])
    first, second = ring.encrypt(password), ring.encrypt(password)
    assert (ring.decrypt(first), ring.decrypt(second)) == (password, password)
    assert first != second
    assert first.isascii()
    shown = base64.urlsafe_b64decode(first)
    assert len(password) < 4 or password.encode() not in shown


def test_the_first_key_encrypts_and_every_key_decrypts() -> None:
    """So that a key is changed by a new line above the old one."""
    old, new = new_key(), new_key()
    token = KeyRing([old]).encrypt("secret")
    assert KeyRing([new, old]).decrypt(token) == "secret"
    fresh = KeyRing([new, old]).encrypt("secret")
    assert KeyRing([new]).decrypt(fresh) == "secret"
    with pytest.raises(LookupError):
        KeyRing([old]).decrypt(fresh)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_token_that_was_changed_is_of_no_key(place: int, flip: int) -> None:
    """Whichever of its octets: it is authenticated."""
    ring = KeyRing([new_key()])
    octets = bytearray(base64.urlsafe_b64decode(ring.encrypt("secret")))
    octets[place % len(octets)] ^= flip
    with pytest.raises(LookupError):
        ring.decrypt(base64.urlsafe_b64encode(bytes(octets)).decode("ascii"))


@pytest.mark.parametrize("keys", [[], [b""], [b"short"], [b"!" * 44]])
def test_what_is_no_key_is_refused(keys: list[bytes]) -> None:
    """And so is a ring without any."""
    with pytest.raises(ValueError):  # noqa: PT011 - cryptography's words
        KeyRing(keys)
