"""Questions that a message answers about itself."""

from __future__ import annotations

import pytest

from tests.builders import ANN, SUPPORT, message
from trac_mailintake.mail import defects
from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.mail.message import Address, Defect


def test_names_of_fields_have_no_case() -> None:
    """RFC 5322, 1.2.2; the order of the message stays."""
    mail = message(fields=(("X-Loop", "one"), ("Subject", "s"), ("x-LOOP", "two")))
    assert mail.get_all("x-loop") == ("one", "two")
    assert (mail.get("X-LOOP"), mail.get("X-None"), mail.get("X-None", "none")) == ("one", "", "none")


@pytest.mark.parametrize("one", ["Ann@Example.ORG", "ANN@EXAMPLE.ORG"])
def test_addresses_are_compared_without_case(one: str) -> None:
    """RFC 5321, 2.4 allows local parts to differ by case; nobody's do."""
    assert mailbox_key(Address("x", one).spec) == mailbox_key(ANN.spec)
    assert mailbox_key(Address("", "ann@example.com").spec) != mailbox_key(ANN.spec)


@pytest.mark.parametrize(
    ("reason", "disowned"),
    [
        (defects.NO_AUTHOR(), True),
        (defects.AUTHOR_CUT(), True),
        (defects.AUTHOR_HIDDEN(), True),
        (defects.JUNK_IN_HEAD(), False),
    ],
)
def test_a_message_is_disowned_by_doubts_about_its_author_alone(reason: object, disowned: bool) -> None:  # noqa: FBT001 - a row of the table
    """Whatever the doubt is."""
    assert message(defects=(Defect.of(reason),)).disowned is disowned  # type: ignore[arg-type]  # a reason each
    assert not message().disowned


def test_recipients_are_those_of_all_fields() -> None:
    """What the border host recorded of the envelope counts as well."""
    others = tuple(Address("", f"{letter}@example.org") for letter in "abc")
    mail = message(cc=others[:1], bcc=others[1:2], delivered_to=others[2:])
    assert mail.recipients == (SUPPORT, *others)


def test_what_was_worked_out_is_not_worked_out_again() -> None:
    """Each question once, even if the answer is nothing."""
    mail, asked = message(), []

    def work() -> None:
        asked.append(1)

    assert [mail.once("q", work), mail.once("q", work), mail.once("other", work)] == [None] * 3
    assert len(asked) == len(["q", "other"])
