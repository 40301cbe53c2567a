"""Mail that is marked as deleted and still there; on Dovecot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rig import Remote, mail
from tests.sources.contract import mail as numbered
from tests.sources.imap_place import ImapPlace
from trac_mailintake.intake.ports import Marking

if TYPE_CHECKING:
    from tests.servers.dovecot import Dovecot
    from tests.servers.tracenv import TracEnv


def mark(place: ImapPlace, *uids: int) -> None:
    """Another client marks messages."""
    with place.client() as other:
        other.select_folder(place.folder)
        other.add_flags(list(uids), [rb"\Deleted"])


@pytest.mark.parametrize("uidplus", [True, False])
def test_marked_messages_are_not_listed_but_known(dovecot: Dovecot, plain_dovecot: Dovecot, *, uidplus: bool) -> None:
    """Without UIDPLUS intake itself only marks, so marked mail is as it should be."""
    place = ImapPlace(dovecot if uidplus else plain_dovecot)
    place.deliver(*map(numbered, (1, 2, 3)))
    mark(place, 2)
    source = place.source("delete")
    assert isinstance(source, Marking)
    assert [each.locator.split("/")[1] for each in source.list()] == ["1", "3"]
    assert [each.locator.split("/")[1] for each in source.marked] == (["2"] if uidplus else [])
    source.close()


def test_what_the_server_did_not_expunge_is_expunged_by_the_next_run(sqlite_env: TracEnv, dovecot: Dovecot) -> None:
    """It said that it had. Dovecot does, if another client changes the flags of the message at that moment."""
    place = ImapPlace(dovecot)
    rig = Remote(sqlite_env, "imap", dovecot.imap, afterwards="leave")
    with sqlite_env.env.db_transaction as db:
        db("UPDATE mailintake_server SET username=%s", (place.user,))
    place.deliver(mail("one"), mail("two"))
    rig.run()
    assert all(row["consumed"] for row in rig.journal())
    place.deliver(mail("what somebody deletes themselves"))
    mark(place, 2, 3)
    rig.set(afterwards="delete")
    rig.run()
    # Number 1 was left on purpose, and number 3 is another client's affair.
    assert [each.flags for each in dovecot.stored(place.user)] == ["", "T"]
    assert [outcome for outcome, _ in rig.outcomes] == ["created", "created"]
