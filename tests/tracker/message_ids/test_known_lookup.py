"""Looking up a message's ids, a few queries for many of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.builders import message
from tests.tracker.test_lookups import remember
from trac_mailintake.tracker.db.transaction import CHUNK, key
from trac_mailintake.tracker.message_ids.known import CROWD, FIRST, FRESH, Recall

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


def test_ids_are_asked_for_anew_with_each_message(trac_env: TracEnv) -> None:
    """What was filed between two messages is known to the second one, and ids of neither are looked for."""
    recall = Recall(trac_env.env)
    remember(trac_env, "<b@x>", 1)
    first = message(message_id="<a@x>", in_reply_to=("<b@x>",))
    assert [row.ticket for row in recall.begin(first, "copy")] == [1]
    remember(trac_env, "<a@x>", 2)
    assert [row.ticket for row in recall.known([key("<c@x>"), key("<a@x>")])] == [2]
    assert [row.ticket for row in recall.begin(first, "copy")] == [1, 2]
    assert [row.ticket for row in recall.known([key("<a@x>")])] == [2]


def test_a_message_without_an_id_is_known_by_its_copy(trac_env: TracEnv) -> None:
    """Its hash is its copy's."""
    with trac_env.env.db_transaction as db:
        db("INSERT INTO mailintake_message_id (hash, copy, outgoing, ticket) VALUES ('twin', 'twin', 0, 5)")
    recall = Recall(trac_env.env)
    assert [row.ticket for row in recall.begin(message(message_id=None), "twin")] == [5]
    assert recall.begin(message(message_id=None), "other") == []


def test_of_an_id_that_many_mails_have_the_first_and_the_newest_are_read_and_the_mail_itself(trac_env: TracEnv) -> None:
    """No more of it, however many they are; what else the mail refers to is known all the same."""
    for ticket in range(1, 2 * CROWD):
        remember(trac_env, "<same@x>", ticket)
    remember(trac_env, "<other@x>", 1)
    remember(trac_env, "<third@x>", 2)
    remember(trac_env, "<third@x>", 3)
    recall = Recall(trac_env.env)
    copied = key("copy", "<same@x>", "70")
    again = message(message_id="<same@x>", in_reply_to=("<other@x>",), references=("<third@x>", "<nobody@x>"))
    few = [*range(1, FIRST + 1), 2 * CROWD - 1]
    assert [row.ticket for row in recall.begin(again, copied)] == [*few[:-1], 70, few[-1], 1, 2, 3]
    assert [row.copy for row in recall.begin(again, copied)].count(copied) == 1
    assert [row.ticket for row in recall.known([key("<same@x>")])] == [*few[:-1], 70, few[-1]]
    assert [row.ticket for row in recall.begin(again, "new")] == [*few, 1, 2, 3]
    assert [row.ticket for row in Recall(trac_env.env).known([key("<same@x>"), key("<other@x>")])] == [*few, 1]
    assert [recall.crowded(key(each)) for each in ("<same@x>", "<other@x>", "<third@x>")] == [True, False, False]


@pytest.mark.parametrize("copy", [0, 1, FIRST, FIRST + 1, 2 * CROWD - 1])
def test_a_crowd_is_noticed_whichever_of_it_the_mail_is(trac_env: TracEnv, copy: int) -> None:
    """Also when it is one of the first, or the newest."""
    for ticket in range(1, 2 * CROWD):
        remember(trac_env, "<same@x>", ticket)
    recall = Recall(trac_env.env)
    recall.begin(message(message_id="<same@x>"), key("copy", "<same@x>", str(copy)))
    assert recall.crowded(key("<same@x>"))


def test_very_many_ids_in_a_crowd_are_asked_about(trac_env: TracEnv) -> None:
    """As many as a mail refers to."""
    values = ",".join(f"('{key('<same@x>')}', 'copy {number}', 0, {number})" for number in range(1, CHUNK + CROWD + 1))
    with trac_env.env.db_transaction as db:
        db(f"INSERT INTO mailintake_message_id (hash, copy, outgoing, ticket) VALUES {values}")
    many = [key(f"<{number}@x>") for number in range(2 * CHUNK)]
    assert len(Recall(trac_env.env).known([*many, key("<same@x>")])) == FIRST + 1


def test_what_is_foreseen_is_asked_for_in_one_query(trac_env: TracEnv) -> None:
    """Of each mail what is known of its own ids; what was filed meanwhile, once that is said."""
    recall = Recall(trac_env.env)
    remember(trac_env, "<p@x>", 1)
    mails = [message(message_id=f"<{name}@x>", in_reply_to=("<p@x>",) if name == "b" else ()) for name in "abcd"]
    recall.foresee(mails)
    assert recall.begin(mails[0], "copy") == []
    remember(trac_env, "<c@x>", 2)
    remember(trac_env, "<a@x>", 3)
    assert [row.ticket for row in recall.begin(mails[1], "copy")] == [1]
    assert recall.begin(mails[2], "copy") == []
    recall.changed()
    assert [row.ticket for row in recall.begin(mails[2], "copy")] == [2]
    assert [row.ticket for row in recall.begin(mails[0], "copy")] == [3]
    assert recall.begin(mails[3], "copy") == []


def test_what_is_foreseen_grows_stale(trac_env: TracEnv) -> None:
    """After a second it is asked anew: others file, too."""
    recall = Recall(trac_env.env)
    mails = [message(message_id=f"<{name}@x>") for name in "ab"]
    recall.foresee(mails)
    assert recall.begin(mails[0], "copy") == []
    remember(trac_env, "<b@x>", 2)
    time.sleep(FRESH + 0.1)
    assert [row.ticket for row in recall.begin(mails[1], "copy")] == [2]


def test_ids_of_a_crowd_are_not_foreseen(trac_env: TracEnv) -> None:
    """Mails with ids that many others have, or with hundreds of references, are asked about by themselves."""
    recall = Recall(trac_env.env)
    for number in range(CROWD + 5):
        remember(trac_env, "<same@x>", number + 1)
    many = tuple(f"<{number}@x>" for number in range(300))
    mails = [message(message_id="<same@x>"), message(message_id="<other@x>", references=(*many, "<same@x>"))]
    recall.foresee(mails)
    few = [*range(1, FIRST + 1), CROWD + 5]
    assert [row.ticket for row in recall.begin(mails[0], "copy")] == few
    recall.foresee(mails[1:])
    assert [row.ticket for row in recall.begin(mails[1], "copy")][-1] == CROWD + 5
