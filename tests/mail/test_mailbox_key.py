"""Two spellings of one mailbox have one key; two mailboxes have two."""

from __future__ import annotations

import string

import idna
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trac_mailintake.mail.mailbox_key import domain_key, mailbox_key

LOCAL = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"], exclude_characters="@"), min_size=1)
ASCII = st.text(string.ascii_letters + string.digits + ".+-_'", min_size=1)
SAME_WHEN_FOLDED = [("ſam", "sam"), ("ﬁona", "fiona"), ("\u212aarl", "karl"), ("straße", "strasse"), ("ÄRGER", "ärger")]


@given(ASCII, st.sampled_from(["example.org", "xn--strae-oqa.example", "[192.0.2.1]", "[IPv6:2001:db8::1]"]))
def test_the_case_of_ascii_letters_does_not_matter(local: str, domain: str) -> None:
    """Hosts ignore it, although RFC 5321, 2.4 does not ask them to."""
    assert mailbox_key(f"{local}@{domain}".upper()) == mailbox_key(f"{local}@{domain}".lower())


@given(LOCAL, LOCAL)
def test_local_parts_that_differ_elsewhere_are_two_people(one: str, other: str) -> None:
    """Nobody here knows what another host folds."""
    lower = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
    assume(one.translate(lower) != other.translate(lower))
    assert mailbox_key(f"{one}@example.org") != mailbox_key(f"{other}@example.org")


@pytest.mark.parametrize(("one", "other"), SAME_WHEN_FOLDED)
def test_unicode_folding_makes_no_two_people_one(one: str, other: str) -> None:
    """What `str.casefold` did."""
    assert one.casefold() == other.casefold()
    assert mailbox_key(f"{one}@example.org") != mailbox_key(f"{other}@example.org")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("straße.example", "xn--strae-oqa.example"),
        ("STRAßE.EXAMPLE", "XN--STRAE-OQA.example"),
        ("büro。example", "xn--bro-hoa.example"),
        ("bu\u0308ro.example", "b\u00fcro.example"),
        ("Ａrzt.example", "arzt.example"),
        ("faß.de", "xn--fa-hia.de"),
    ],
)
def test_one_domain_has_one_key(one: str, other: str) -> None:
    """U-labels and A-labels, any case, other dots, composed or not: DNS has one name for all (UTS 46)."""
    assert domain_key(one) == domain_key(other)
    assert mailbox_key(f"bob@{one}") == mailbox_key(f"BOB@{other}")


@pytest.mark.parametrize(
    ("one", "other"), [("straße.example", "strasse.example"), ("faß.de", "fass.de"), ("βόλος.com", "βόλοσ.com")]
)
def test_idna_2003_made_these_domains_one(one: str, other: str) -> None:
    """RFC 5894, 7.2: the letters that IDNA 2003 mapped away. The two domains may have two owners."""
    assert domain_key(one) != domain_key(other)


@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_a_domain_that_idna_refuses_is_itself(domain: str) -> None:
    """No text raises, and whatever is refused equals only itself, but for the case of its ASCII letters."""
    key = domain_key(domain)
    try:
        valid = idna.encode(domain, uts46=True, transitional=False)
    except (idna.IDNAError, UnicodeError):
        assert key == domain.translate(str.maketrans(string.ascii_uppercase, string.ascii_lowercase))
    else:
        assert domain.isascii() or key == valid.decode("ascii")
    assert domain_key(key) == key


def test_a_username_keeps_its_letters() -> None:
    """A name without `@` is no address."""
    assert mailbox_key("BOB") == mailbox_key("bob")
    assert mailbox_key("ſam") != mailbox_key("sam")
