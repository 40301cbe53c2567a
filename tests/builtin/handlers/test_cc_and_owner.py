"""What becomes of a mail's other recipients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders import MEMBER, SUPPORT
from tests.builtin.handlers.handling import ANSWER, NEW, handled
from tests.fakes import FakeReader
from trac_mailintake.mail.message import Address

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Target

BOB = Address("Bob", "Bob@example.org")
CARL = Address("", "carl@example.org")
DORA = Address("", "dora@example.net")


def tracker(*users: str) -> FakeReader:
    """One that knows these users of example.org, who may change tickets; its own addresses are support and bugs."""
    reader = FakeReader(own={"bugs@example.org"})
    for user in users:
        reader.users[f"{user}@example.org"] = user
        reader.rights.add((user, "TICKET_MODIFY", None))
    return reader


@pytest.mark.parametrize(
    ("mail", "owner"),
    [
        ({"to": (SUPPORT, BOB), "cc": (CARL,)}, "bob"),
        ({"to": (SUPPORT, DORA), "cc": (CARL,), "bcc": (BOB,)}, "carl"),
        ({"to": (SUPPORT,), "bcc": (BOB,)}, "bob"),
        ({"to": (SUPPORT, DORA)}, None),
    ],
)
def test_a_known_recipient_gets_the_ticket(mail: dict[str, object], owner: str | None) -> None:
    """The first one in To, then in Cc, then in Bcc (ccassignee)."""
    change = handled("create-or-comment", NEW, mail, reader=tracker("bob", "carl"), ccassignee="true")
    assert change.fields.get("owner") == owner


def test_nobody_gets_the_ticket_unless_it_is_wanted() -> None:
    """The default is false; then, and when nobody is found, the preset counts."""
    mail = {"to": (SUPPORT, BOB)}
    assert handled("create", NEW, mail, reader=tracker("bob"), owner="eve").fields == {"owner": "eve"}
    told = {"owner": "eve", "ccassignee": "true"}
    assert handled("create", NEW, mail, reader=tracker("bob"), **told).fields == {"owner": "bob"}
    assert handled("create", NEW, mail, reader=tracker(), **told).fields == {"owner": "eve"}


def test_who_may_not_change_tickets_gets_none() -> None:
    """Trac's own form would not offer such a user."""
    reader = tracker("bob", "carl")
    reader.rights.discard(("bob", "TICKET_MODIFY", None))
    change = handled("create", NEW, {"to": (BOB, CARL)}, reader=reader, ccassignee="true")
    assert change.fields == {"owner": "carl"}


def test_the_intake_itself_gets_no_ticket() -> None:
    """Even if a user of that address exists."""
    reader = tracker("support", "bugs")
    change = handled(
        "create", NEW, {"to": (SUPPORT, Address("", "bugs@example.org"))}, reader=reader, ccassignee="true"
    )
    assert change.fields == {}


@pytest.mark.parametrize("target", [NEW, ANSWER])
def test_recipients_are_put_into_cc(target: Target) -> None:
    """Known ones by name, others by address; not the sender, nobody twice, nobody from Bcc (ccwatcher)."""
    mail = {
        "to": (SUPPORT, BOB, DORA),
        "cc": (CARL, Address("Bob again", "bob@example.org"), Address("", MEMBER.address)),
        "bcc": (Address("", "secret@example.org"),),
    }
    reader = tracker("bob")
    change = handled("create-or-comment", target, mail, reader=reader, ccwatcher="true")
    assert change.cc == ("bob", "dora@example.net", "carl@example.org")
    assert handled("create-or-comment", target, mail, reader=reader).cc == ()


@pytest.mark.parametrize(
    "own",
    [
        "support@example.org",
        "Support@Example.org",
        "support+12.abcdef@example.org",
        "support-12.abcdef@example.org",
        "bugs@example.org",
        "other@example.org",
        "other+x@example.org",
    ],
)
def test_the_intake_itself_watches_nothing(own: str) -> None:
    """Nor does any address that is made from its own: a tracker in cc writes to itself."""
    mail = {"to": (Address("", own), DORA)}
    change = handled("comment", ANSWER, mail, reader=tracker(), ccwatcher="true", catchemail="other@example.org")
    assert change.cc == ("dora@example.net",)


def test_what_the_mail_was_delivered_to_watches_nothing() -> None:
    """It is an address of the intake, even if nobody told it so."""
    mail = {"to": (Address("", "unsaid@example.org"), DORA), "delivered_to": (Address("", "Unsaid@example.org"),)}
    assert handled("comment", ANSWER, mail, ccwatcher="true").cc == ("dora@example.net",)


def test_a_name_that_only_begins_alike_is_somebody_else() -> None:
    """supporters@ is not support@."""
    mail = {"to": (Address("", "supporters@example.org"),)}
    assert handled("comment", ANSWER, mail, ccwatcher="true").cc == ("supporters@example.org",)


def test_at_most_ten_watch() -> None:
    """A mail to a thousand people must not make a thousand watchers; odd addresses are left out."""
    odd = Address("", '"a, b"@example.org')
    crowd = tuple(Address("", f"p{number}@example.net") for number in range(30))
    change = handled("comment", ANSWER, {"to": (odd, *crowd)}, ccwatcher="true")
    assert change.cc == tuple(each.spec for each in crowd[:10])
