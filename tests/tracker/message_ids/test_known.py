"""The ids of a mail are looked up with one query, whatever strangers have made of them."""

from __future__ import annotations

import itertools
import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.builders import message
from trac_mailintake.tracker.db.transaction import CHUNK, key
from trac_mailintake.tracker.message_ids import known
from trac_mailintake.tracker.message_ids.known import CROWD, FIRST, Recall

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv
    from trac_mailintake.mail.message import Message
    from trac_mailintake.tracker.message_ids.known import Known

_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def _empty(request: pytest.FixtureRequest) -> None:
    """Tests of a shared environment begin with no ids."""
    if "shared_env" in request.fixturenames:
        with request.getfixturevalue("shared_env").env.db_transaction as db:
            db("DELETE FROM mailintake_message_id")


def file(trac: TracEnv, *ids: str, ticket: int = 1) -> None:
    """Mails with these ids were filed, each a mail of its own."""
    with trac.env.db_transaction as db:
        db.executemany(
            "INSERT INTO mailintake_message_id (hash, copy, outgoing, ticket) VALUES (%s, %s, 0, %s)",
            [(key(each), copy_of(next(_numbers)), ticket) for each in ids],
        )


def copy_of(number: int) -> str:
    """The key by which a mail is known again as the same."""
    return key("copy", str(number))


def refers(own: str, *others: str) -> Message:
    """A mail with an id that refers to others."""
    return message(message_id=own, references=others)


def ids(rows: list[Known]) -> list[int]:
    """The numbers of rows."""
    return [row.id for row in rows]


def everything(trac: TracEnv, *wanted: str) -> list[int]:
    """All rows with these ids, the oldest first."""
    hashes = {key(each) for each in wanted}
    rows = trac.env.db_query("SELECT id, hash FROM mailintake_message_id ORDER BY id")
    return [number for number, hashed in rows if hashed in hashes]


def test_a_mail_finds_its_own_id_and_those_it_refers_to(trac_env: TracEnv) -> None:
    """On each database, the oldest first, and no others."""
    file(trac_env, "<b@x>", "<other@x>", "<a@x>", "<b@x>")
    recall = Recall(trac_env.env)
    found = recall.begin(refers("<a@x>", "<b@x>", "<unknown@x>"), copy_of(0))
    assert ids(found) == everything(trac_env, "<a@x>", "<b@x>")
    assert ids(recall.known([key("<b@x>")])) == everything(trac_env, "<b@x>")
    assert ids(recall.known([key("<other@x>")])) == everything(trac_env, "<other@x>"), "it was not asked for before"


def test_a_mail_without_an_id_is_known_by_its_copy(shared_env: TracEnv) -> None:
    """The key of the mail itself then stands for the id."""
    own = copy_of(next(_numbers))
    with shared_env.env.db_transaction as db:
        db("INSERT INTO mailintake_message_id (hash, copy, outgoing, ticket) VALUES (%s, %s, 0, 5)", (own, own))
    [row] = Recall(shared_env.env).begin(message(message_id=""), own)
    assert row.ticket == 5


def test_announced_mails_are_looked_up_together(shared_env: TracEnv) -> None:
    """What was filed since is seen once the lookups are told of it; who was not announced is asked for alone."""
    recall = Recall(shared_env.env)
    file(shared_env, "<1@x>")
    mails = [refers(f"<{number}@x>") for number in (1, 2, 3)]
    recall.foresee([*mails, message(message_id="")])
    assert len(recall.begin(mails[0], copy_of(0))) == 1
    file(shared_env, "<2@x>", "<3@x>")
    assert recall.begin(mails[1], copy_of(0)) == [], "looked up with the first"
    recall.changed()
    assert len(recall.begin(mails[2], copy_of(0))) == 1
    assert len(recall.begin(refers("<2@x>"), copy_of(0))) == 1


@pytest.mark.parametrize("announced", [True, False])
def test_of_a_crowd_the_first_the_newest_and_the_mail_itself_are_read(trac_env: TracEnv, *, announced: bool) -> None:
    """However many mails forgers give one id: nobody is crowded out, and it is said that there are more."""
    file(trac_env, *["<crowd@x>"] * (CROWD + 30), "<quiet@x>")
    everyone = everything(trac_env, "<crowd@x>")
    [(own,)] = trac_env.query("SELECT copy FROM mailintake_message_id WHERE id=%s", everyone[40])
    recall = Recall(trac_env.env)
    mail = refers("<crowd@x>", "<quiet@x>")
    if announced:
        recall.foresee([mail])
    found = ids(recall.begin(mail, str(own)))
    assert found == [*everyone[:FIRST], everyone[40], everyone[-1], *everything(trac_env, "<quiet@x>")]
    assert recall.crowded(key("<crowd@x>"))
    assert not recall.crowded(key("<quiet@x>"))


def test_a_mail_that_refers_to_very_many_ids_finds_all(shared_env: TracEnv) -> None:
    """More than fit into one statement."""
    wanted = [f"<{number}@many>" for number in range(2 * CHUNK + 7)]
    file(shared_env, *wanted)
    recall = Recall(shared_env.env)
    mail = refers("<own@x>", *wanted)
    recall.foresee([mail, refers("<next@x>")])
    assert ids(recall.begin(mail, copy_of(0))) == everything(shared_env, *wanted)


def test_whatever_is_announced_and_filed_the_rows_are_those_of_the_table(shared_env: TracEnv) -> None:
    """Two hundred times: mails in any order, announced or not, some of them filed in between."""
    chance = random.Random(5)  # noqa: S311 - not a secret
    names = [f"<{number}@chance>" for number in range(12)]
    recall = Recall(shared_env.env)
    for _ in range(40):
        mails = [refers(chance.choice(names), *chance.sample(names, chance.randrange(4))) for _ in range(5)]
        if chance.random() < 0.7:
            recall.foresee(mails)
        for each in mails:
            if chance.random() < 0.5:
                file(shared_env, chance.choice(names))
                recall.changed()
            found = ids(recall.begin(each, copy_of(0)))
            wanted = everything(shared_env, each.message_id or "", *each.references)
            assert found == wanted if len(wanted) < CROWD else set(found) <= set(wanted)


def test_what_was_looked_up_long_ago_is_looked_up_again(shared_env: TracEnv) -> None:
    """After a second, since others file, too."""
    recall = Recall(shared_env.env)
    mails = [refers("<1@late>"), refers("<2@late>")]
    recall.foresee(mails)
    recall.begin(mails[0], copy_of(0))
    file(shared_env, "<2@late>")
    time.sleep(known.FRESH)
    assert len(recall.begin(mails[1], copy_of(0))) == 1
