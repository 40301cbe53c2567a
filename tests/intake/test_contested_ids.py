"""Which filing a contested Message-ID leads to: one by people of the reply, and only if there is no doubt."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import ANN, SUPPORT, message
from trac_mailintake.intake.contested_ids import by_people_of, ticket_of
from trac_mailintake.intake.model import Filing
from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.mail.message import Address

if TYPE_CHECKING:
    from collections.abc import Sequence

CAROL = Address("Carol", "carol@a.example")
WHEN = datetime(2026, 11, 2, 10, tzinfo=UTC)


def filing(ticket: int, author: str = mailbox_key(CAROL.spec), **more: Any) -> Filing:  # noqa: ANN401 - fields of Filing
    """A mail that was filed by another service, unproved."""
    return replace(Filing("<a@x>", ticket, "other", author, proved=False, filed=WHEN), **more)


def answered(filings: Sequence[Filing], *recipients: Address) -> int | None:
    """The ticket that Ann answers, in a mail to these and to the service `support`."""
    mail = message(to=(*recipients, SUPPORT))
    return ticket_of(by_people_of(mail, filings, {mailbox_key(SUPPORT.spec)}), "support")


FILINGS: Final[dict[str, tuple[list[Filing], int | None]]] = {
    "two tickets of two people": ([filing(12), filing(13, mailbox_key(ANN.spec))], None),
    "proved before unproved": ([filing(12), filing(13, mailbox_key(ANN.spec), proved=True)], 13),
    "proved by the same author": ([filing(12), filing(13), filing(14, proved=True)], 14),
    "proof of others does not count": ([filing(12), filing(13, "m@evil.example", proved=True)], 12),
    "the same service": ([filing(12), filing(13, service="support"), filing(14)], 13),
    "the same service of two people": ([filing(12, mailbox_key(ANN.spec), service="support"), filing(13)], 12),
    "proof comes before the service": ([filing(12, service="support"), filing(13, proved=True)], 13),
    "a service that has none of it": ([filing(12, service="x"), filing(13, service="y")], 12),
    "two copies": ([filing(13), filing(12)], 13),
    "two copies after exactly a day": ([filing(13), filing(12, filed=WHEN + timedelta(days=1))], 13),
    "two mails after more than a day": ([filing(13), filing(12, filed=WHEN + timedelta(days=1, seconds=1))], None),
    "two copies by a clock that went back": ([filing(13), filing(12, filed=WHEN - timedelta(hours=1))], 13),
    "two mails by a clock that went back far": ([filing(13), filing(12, filed=WHEN - timedelta(days=2))], None),
    "three mails": ([filing(12), filing(13), filing(14)], None),
    "three mails in two tickets": ([filing(12), filing(12), filing(13)], None),
    "two copies, one of them proved": ([filing(13), filing(12, proved=True)], 12),
    "many mails in one ticket and others' in another": ([filing(12)] * 5 + [filing(13, "m@evil.example")], 12),
    "no author": ([filing(12, ""), filing(13, "")], None),
    "our own address": ([filing(12), filing(13, mailbox_key(SUPPORT.spec))], 12),
}


@pytest.mark.parametrize(("filings", "found"), FILINGS.values(), ids=FILINGS)
def test_which_of_the_filings_is_answered(filings: list[Filing], found: int | None) -> None:
    """By Ann, in a mail to Carol and to the service `support`."""
    assert answered(filings, CAROL) == found


STRANGERS = st.lists(
    st.builds(
        filing,
        st.integers(20, 30),
        st.sampled_from(["", mailbox_key(SUPPORT.spec), "m@evil.example", "carol@evil.example"]),
        proved=st.booleans(),
        service=st.sampled_from(["support", "other"]),
        filed=st.integers(-3, 3).map(lambda days: WHEN + timedelta(days=days)),
    ),
    max_size=5,
)


@given(STRANGERS, STRANGERS)
def test_whatever_strangers_had_filed_a_reply_finds_the_mail_that_it_answers(
    before: list[Filing], behind: list[Filing]
) -> None:
    """Before and after it, proved and in whichever service; and nothing of theirs is found if there is none."""
    assert answered([*before, filing(12), *behind], CAROL) == 12
    assert answered([*before, filing(12, mailbox_key(ANN.spec)), *behind]) == 12
    assert by_people_of(message(), [*before, *behind], {mailbox_key(SUPPORT.spec)}) == []


def test_nothing_is_by_a_mail_without_an_author() -> None:
    """It has several, or none that can be read; its recipients count all the same."""
    mail = message(author=None, cc=(CAROL,))
    assert by_people_of(mail, [filing(12), filing(13, mailbox_key(ANN.spec)), filing(14, "")], ()) == [filing(12)]
