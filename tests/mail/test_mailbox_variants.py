"""All spellings of one mailbox have one count, and other people's mailboxes another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trac_mailintake.mail.mailbox_variants import one_mailbox, organisation

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)
TAGS = st.text(st.characters(codec="utf-8", exclude_characters="@"), max_size=12)


@given(name=NAMES, tag=TAGS, separator=st.sampled_from("+-="), data=st.data())
def test_however_a_mailbox_is_written_it_is_one(name: str, tag: str, separator: str, data: st.DataObject) -> None:
    """Subaddresses, dots, case, quotation marks, the other domain of the provider, a trailing dot."""
    dotted = "".join(each + data.draw(st.sampled_from(("", ".", "_"))) for each in name)
    cased = "".join(data.draw(st.sampled_from((each, each.upper()))) for each in dotted)
    written = f"{cased}{separator}{tag}"
    local = data.draw(st.sampled_from((written, cased, f'"{written}"')))
    domain = data.draw(st.sampled_from(("gmail.com", "GoogleMail.com", "gmail.com.", "ｇmail.com")))
    assert one_mailbox(f"{local}@{domain}") == f"{name}@gmail.com"


@given(one=NAMES, other=NAMES)
def test_other_names_are_other_mailboxes(one: str, other: str) -> None:
    """Also at another host."""
    assert (one_mailbox(f"{one}@example.net") == one_mailbox(f"{other}@example.net")) is (one == other)
    assert one_mailbox(f"{one}@example.net") != one_mailbox(f"{one}@example.com")


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_has_a_count(address: str) -> None:
    """Whatever a From field holds; a name that begins with a separator is no empty one."""
    assert one_mailbox(address).count("@") >= 1
    assert organisation(address) == organisation(address.swapcase()) or not address.isascii()
    assert one_mailbox("+tag@example.net") != one_mailbox("@example.net")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("a@example.net", "example.net"),
        ("a@x.y.example.net", "example.net"),
        ("a@mail.example.co.uk", "example.co.uk"),
        ("a@localhost", "localhost"),
        ("a@straße.example", "xn--strae-oqa.example"),
        ("nobody", "nobody"),
    ],
)
def test_subdomains_count_with_their_domain(address: str, found: str) -> None:
    """Whoever has a domain has as many subdomains as they like."""
    assert organisation(address) == found
