"""Keys of mailboxes and messages, and a row as a Delivery."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.builders import message, service
from trac_mailintake.intake.model import Account, Listed
from trac_mailintake.intake.times import Microseconds
from trac_mailintake.mail.spool import Slice
from trac_mailintake.tracker.db.transaction import transaction
from trac_mailintake.tracker.deliveries import rows
from trac_mailintake.tracker.lifecycle import transitions
from trac_mailintake.tracker.lifecycle.states import State

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv

ACCOUNTS = [Account("imap", "a"), Account("imap", "b"), Account("pop3", "a")]
ARRIVED = datetime(2026, 1, 10, 12, tzinfo=UTC)


def keys(account: Account) -> list[str]:
    """All kinds of live keys of a few messages."""
    listing = [Listed(locator, "v1") for locator in ("1", "2", "passed", "displaced")]
    return [
        *(rows.live_key(account, each) for each in listing),
        *(rows.passed_key(account, each, name) for each in listing for name in ("support", "sales")),
        *(rows.displaced_key(account, number) for number in (1, 2)),
    ]


def test_no_two_messages_have_one_key() -> None:
    """Whatever the kind of key; and 64 characters fit into the column."""
    found = list(itertools.chain.from_iterable(map(keys, ACCOUNTS)))
    assert len(found) == len(set(found))
    assert {len(each) for each in found} == {64}


@pytest.mark.parametrize("account", ACCOUNTS)
def test_the_keys_of_a_mailbox_are_adjacent(account: Account) -> None:
    """Its bounds include all of its keys, and none of another mailbox."""
    low, high = rows.live_keys(account)
    assert all(low <= each < high for each in keys(account))
    assert not any(low <= each < high for other in ACCOUNTS if other != account for each in keys(other))


def test_a_sender_is_known_by_their_addresses() -> None:
    """Nobody has no key."""
    assert rows.sender_key(None) == ""
    assert rows.sender_key(message()) == rows.sender_key(message(subject="Another"))
    assert rows.sender_key(message(authors=())) == ""


def test_a_row_becomes_a_delivery(sqlite_env: TracEnv) -> None:
    """With its bytes if the row names them."""
    listed = Listed("1", "v1", 100, ARRIVED)
    account = ACCOUNTS[0]
    with transaction(sqlite_env.env) as db:
        assert rows.rows_of(db, []) == []
        transitions.claim(db, [rows.fresh(service(), account, listed, "one", Microseconds(5))])
        (row,) = rows.rows_of(db, [rows.live_key(account, listed)])
        stored = db("SELECT arrived, size, label, account FROM mailintake_delivery")
    assert stored == [(int(ARRIVED.timestamp()) * 1_000_000, 100, "a", rows.account_key(account))]
    assert (row.state, row.owner, row.fence, row.fingerprint) == (State.CLAIMED, "one", 1, "v1")
    assert rows.delivery(sqlite_env.env, service(), account, listed, row).raw is None
    sealed = row._replace(archive="archive/x", archive_offset=3, archive_length=4, sha256="abc")
    found = rows.delivery(sqlite_env.env, service(), account, listed, sealed)
    assert (found.sha256, found.listed) == ("abc", listed)
    assert isinstance(found.raw, Slice)
    assert rows.place(sqlite_env.env, found, found.raw) == transitions.Place("archive/x", 3, 4, "abc")


def test_a_message_without_a_date_or_size_has_none(sqlite_env: TracEnv) -> None:
    """POP3 does not say when a message arrived."""
    with transaction(sqlite_env.env) as db:
        listed = Listed("1", "v1")
        transitions.claim(db, [rows.fresh(service(), ACCOUNTS[0], listed, "one", Microseconds(5))])
        assert db("SELECT arrived, size FROM mailintake_delivery") == [(0, 0)]
