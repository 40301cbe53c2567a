"""Signed reply addresses."""

from __future__ import annotations

import stat
import threading
from typing import TYPE_CHECKING

import pytest

from trac_mailintake.mail.message import Address
from trac_mailintake.tracker.people.reply_address import (
    KEY_FILE,
    Keys,
    load_keys,
    read_keys,
    reply_address,
    signed_ticket,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

KEYS = Keys((b"0123456789abcdef",))


def test_an_address_finds_its_ticket() -> None:
    """What was signed is recognised, among other recipients, and whatever relays did to its case."""
    address = reply_address(KEYS, "support@example.org", "+", 12)
    assert address.startswith("support+12.")
    assert signed_ticket(KEYS, "+", [Address("", "other@example.org"), Address("", address.upper())]) == 12


def test_a_signature_has_eighty_bits_and_is_for_one_ticket() -> None:
    """Base32 in lower case, sixteen characters; moved to another ticket, changed or shortened it is worth nothing."""
    local = reply_address(KEYS, "support@example.org", "+", 12).partition("@")[0]
    signature = local.rpartition(".")[2]
    assert len(signature) == 16
    assert signature == signature.lower()
    wrong = ("a" if signature[0] != "a" else "b") + signature[1:]
    for forged in (
        f"s+13.{signature}",
        f"s+12.{wrong}",
        f"s+12.{signature[:-1]}",
        f"s+12.{signature}a",
        "s+12",
        "s+12.",
    ):
        assert signed_ticket(KEYS, "+", [Address("", f"{forged}@example.org")]) is None


def test_a_former_key_goes_on_verifying() -> None:
    """After a new key was put first, old notifications can still be answered."""
    newer = Keys((b"fedcba9876543210", *KEYS.keys))
    old = Address("", reply_address(KEYS, "support@example.org", "+", 12))
    assert signed_ticket(newer, "+", [old]) == 12
    assert signed_ticket(Keys(newer.keys[:1]), "+", [old]) is None


def test_too_long_a_local_part_stays_plain() -> None:
    """RFC 5321, 4.5.3.1.1: 64 octets."""
    fits = "x" * (64 - len("+12.") - 16)
    assert len(reply_address(KEYS, f"{fits}@example.org", "+", 12).partition("@")[0]) == 64
    assert reply_address(KEYS, f"{fits}x@example.org", "+", 12) == f"{fits}x@example.org"


def test_without_a_delimiter_there_is_nothing_signed() -> None:
    """The mail server knows no such addresses, and none is believed."""
    assert reply_address(KEYS, "support@example.org", "", 12) == "support@example.org"
    signed = Address("", reply_address(KEYS, "support@example.org", "+", 12))
    assert signed_ticket(KEYS, "", [signed]) is None


def test_a_delimiter_within_the_local_part_does_no_harm() -> None:
    """`a-b-12.SIGNATURE`, with `-` as qmail has it."""
    address = reply_address(KEYS, "trac-support@example.org", "-", 12)
    assert signed_ticket(KEYS, "-", [Address("", address)]) == 12


def test_the_key_is_made_once_and_is_secret(sqlite_env: TracEnv) -> None:
    """Many at once agree on one key; only the owner may read it."""
    found: list[Keys] = []
    threads = [threading.Thread(target=lambda: found.append(load_keys(sqlite_env.env))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    path = sqlite_env.path / "conf" / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.glob("mailintake-reply*")] == [KEY_FILE]


@pytest.mark.parametrize("content", ["", "\n\n", "short\n"])
def test_a_key_that_is_no_secret_is_refused(tmp_path: Path, content: str) -> None:
    """An empty or guessable key would sign for everybody."""
    path = tmp_path / KEY_FILE
    path.write_text(content, encoding="ascii")
    with pytest.raises(ValueError, match="must be a key"):
        read_keys(str(path))
