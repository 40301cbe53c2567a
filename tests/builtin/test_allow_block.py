"""Senders who are let in, and who are not (docs/behaviour.md#allow-and-block-lists)."""

from __future__ import annotations

import pytest

from tests.builders import ANN, context, message
from trac_mailintake.builtin import allow_block
from trac_mailintake.intake.model import Hold, Reject
from trac_mailintake.mail.message import Address

EVE = Address("", "eve@spam.example.net")
ENTRIES = ["Ann@Example.org", "example.org", "*@example.*"]


@pytest.mark.parametrize("entry", ENTRIES)
def test_who_is_allowed_is_an_address_a_domain_or_a_pattern(entry: str) -> None:
    """Case does not matter."""
    assert allow_block.mailintake_screen(message(), context(allow=f"bob@example.com {entry}")) is None


@pytest.mark.parametrize("entry", ENTRIES)
def test_who_is_blocked_is_an_address_a_domain_or_a_pattern(entry: str) -> None:
    """The reason names the entry, so that it can be found."""
    objection = allow_block.mailintake_screen(message(), context(block=entry))
    assert isinstance(objection, Reject)
    assert entry in objection.reason


@pytest.mark.parametrize(
    "entry", ["straße.example", "xn--strae-oqa.example", "*@*.STRAßE.example", "eve@mail.straße.*"]
)
@pytest.mark.parametrize("spec", ["eve@mail.straße.example", "EVE@mail.xn--strae-oqa.example"])
def test_a_domain_may_be_written_either_way(entry: str, spec: str) -> None:
    """Administrators type what they read; mail has U-labels or A-labels (RFC 5890, 2.3.2.1)."""
    entry = entry if "@" in entry else f"mail.{entry}"
    assert isinstance(
        allow_block.mailintake_screen(message(authors=(Address("", spec),)), context(block=entry)), Reject
    )
    other = Address("", "eve@mail.strasse.example")
    assert allow_block.mailintake_screen(message(authors=(other,)), context(block=entry)) is None


def test_who_is_not_allowed_is_held() -> None:
    """Safer than to reject: the list may be incomplete."""
    assert isinstance(allow_block.mailintake_screen(message(authors=(EVE,)), context(allow="example.org")), Hold)


def test_a_domain_is_not_its_subdomains() -> None:
    """`example.net` does not allow `spam.example.net`, and `xexample.org` is not `example.org`."""
    assert allow_block.mailintake_screen(message(authors=(EVE,)), context(allow="example.net")) is not None
    other = Address("", "ann@xexample.org")
    assert allow_block.mailintake_screen(message(authors=(other,)), context(allow="example.org")) is not None


def test_every_author_counts() -> None:
    """Of several authors each must be allowed, and none be blocked."""
    both = message(authors=(ANN, EVE), author=None)
    assert isinstance(allow_block.mailintake_screen(both, context(allow="example.org")), Hold)
    assert isinstance(allow_block.mailintake_screen(both, context(block="spam.example.net")), Reject)


def test_a_mail_without_an_author_is_on_no_list() -> None:
    """It is held where there is a list, and not where there is none."""
    nobody = message(authors=(), author=None)
    assert isinstance(allow_block.mailintake_screen(nobody, context(allow="example.org")), Hold)
    assert allow_block.mailintake_screen(nobody, context()) is None


def test_several_authors_alone_are_no_objection() -> None:
    """They are unmapped, which the permissions deal with."""
    assert allow_block.mailintake_screen(message(authors=(ANN, EVE), author=None), context()) is None
