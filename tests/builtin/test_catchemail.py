"""`catchemail`: mail for somebody else (docs/behaviour.md#mail-for-somebody-else)."""

from __future__ import annotations

import pytest

from tests.builders import context, message
from tests.fakes import FakeReader
from trac_mailintake.builtin import catchemail
from trac_mailintake.intake.model import Hold, Ignore, gravest
from trac_mailintake.mail.message import Address


@pytest.mark.parametrize("header", ["to", "cc", "bcc", "delivered_to"])
def test_any_recipient_header_will_do(header: str) -> None:
    """Case does not matter, on either side."""
    mail = message(**{"to": (), header: (Address("", "Foo-Support@Example.com"),)})
    assert catchemail.mailintake_screen(mail, context(catchemail="bar@example.com, FOO-support@example.com")) is None


def test_mail_for_somebody_else_is_left_alone() -> None:
    """It ends the matter, so that another service's mail is never touched."""
    objection = catchemail.mailintake_screen(message(), context(catchemail="other@example.org"))
    assert isinstance(objection, Ignore)
    assert gravest([Hold("bulk", ""), objection]) is objection


def test_mail_without_a_recipient_is_for_somebody_else() -> None:
    """A service that takes mail for some addresses only does not take mail without any."""
    assert catchemail.mailintake_screen(message(to=()), context(catchemail="other@example.org")) is not None


def test_without_catchemail_all_mail_is_ours() -> None:
    """The usual mailbox is for one service."""
    assert catchemail.mailintake_screen(message(to=()), context()) is None


def test_the_signed_reply_address_is_ours() -> None:
    """Made from the service's address, it is in nobody's `catchemail`."""
    reader = FakeReader(signed={"support+12.abc@example.org": 12})
    mail = message(to=(Address("", "Support+12.ABC@example.org"),))
    assert catchemail.mailintake_screen(mail, context(reader, catchemail="support@example.org")) is None


@pytest.mark.parametrize("address", ["sales+12.abc@example.org", "support+12.abc@example.com"])
def test_another_services_signed_address_is_not_ours(address: str) -> None:
    """The signature is the environment's, the address is the service's."""
    reader = FakeReader(signed={address: 12})
    mail = message(to=(Address("", address),))
    assert catchemail.mailintake_screen(mail, context(reader, catchemail="support@example.org")) is not None


def test_an_address_that_only_begins_like_ours_is_not_ours() -> None:
    """`support-team` is another team."""
    mail = message(to=(Address("", "support-team@example.org"), Address("", "supporters+vip@example.org")))
    assert catchemail.mailintake_screen(mail, context(catchemail="support@example.org")) is not None


SUPPORT = "support@example.org"


@pytest.mark.parametrize(
    ("address", "catches", "delimiter", "ours"),
    [
        ("support+web@example.org", SUPPORT, "+", True),
        ("Support+Web@Example.ORG", SUPPORT, "+", True),
        ("support+web+eu@example.org", SUPPORT, "+", True),
        ("support+web+eu@example.org", "support+web@example.org", "+", True),
        ("support+webmaster@example.org", "support+web@example.org", "+", False),
        ("support@example.org", "support+web@example.org", "+", False),
        ("support-web@example.org", SUPPORT, "-", True),
        ("support+web@example.org", SUPPORT, "-", False),
        ("support+web@example.org", SUPPORT, "", False),
        ("support+web@example.com", SUPPORT, "+", False),
    ],
)
def test_a_sub_address_is_ours(address: str, catches: str, delimiter: str, *, ours: bool) -> None:
    """By `recipient_delimiter`, as mail servers deliver it."""
    found = catchemail.mailintake_screen(
        message(to=(Address("", address),)), context(FakeReader(separator=delimiter), catchemail=catches)
    )
    assert (found is None) == ours


def test_a_sub_address_that_another_service_lists_is_left_to_that() -> None:
    """Whichever of the two runs first. Where both list it, either may take it."""
    mail = message(to=(Address("", "support+web@example.org"),))
    reader = FakeReader(catches={SUPPORT, "support+web@example.org"})
    assert catchemail.mailintake_screen(mail, context(reader, catchemail=SUPPORT)) is not None
    assert catchemail.mailintake_screen(mail, context(reader, catchemail="support+web@example.org")) is None
