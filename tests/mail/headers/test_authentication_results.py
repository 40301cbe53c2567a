"""Whose word counts about who sent a mail: RFC 8601, read with suspicion."""

from __future__ import annotations

import pytest

from trac_mailintake.mail.headers.authentication_results import LIMIT, proof, spam

OURS = ("mx.example.org",)
ADMIN = "admin@example.com"
RECEIVED = ("Received", "from evil.example (evil.example [203.0.113.9]) by mx.example.org (Postfix) with ESMTP id 1")
INTERNAL = ("Received", "from mx.example.org by imap.example.org with LMTP id 2")


def results(text: str, host: str = "mx.example.org") -> tuple[str, str]:
    """An Authentication-Results field."""
    return "Authentication-Results", f"{host}; {text}"


DMARC = results("dmarc=pass (p=reject) header.from=example.com")
DKIM = results("dkim=pass header.d=example.com header.i=@example.com header.s=a")


@pytest.mark.parametrize(
    "fields",
    [
        (DMARC, RECEIVED),
        (DKIM, RECEIVED),
        (INTERNAL, DMARC, RECEIVED),
        (results("spf=fail smtp.mailfrom=b.c"), DMARC, RECEIVED),
        (("authentication-RESULTS", "MX.Example.ORG; DMARC=Pass header.From=Example.COM"), RECEIVED),
        (results("dkim=pass header.i=admin@example.com"), RECEIVED),
    ],
)
def test_what_our_border_host_wrote_is_proof(fields: tuple[tuple[str, str], ...]) -> None:
    """DMARC, or DKIM of the address's own domain, above the Received of the host that says so."""
    assert proof(fields, OURS, ADMIN).endswith("=pass by mx.example.org")


@pytest.mark.parametrize(
    "fields",
    [
        (),
        (DMARC,),
        (RECEIVED, DMARC),
        (RECEIVED, DMARC, RECEIVED),
        (INTERNAL, RECEIVED, DMARC, ("Received", "from x by mx.example.org")),
        (results("dmarc=pass header.from=example.com", "mx.evil.example"), RECEIVED),
        (("Authentication-Results", "dmarc=pass header.from=example.com"), RECEIVED),
        (results("dmarc=pass header.from=evil.example"), RECEIVED),
        (results("dmarc=pass"), RECEIVED),
        (results("dmarc=fail header.from=example.com; dkim=pass header.d=example.com"), RECEIVED),
        (results("dkim=pass header.d=evil.example"), RECEIVED),
        (results("dkim=pass header.d=com"), RECEIVED),
        (results("dkim=pass header.d=notexample.com"), RECEIVED),
        (results("dkim=pass header.d=example.com header.i=bob@example.com"), RECEIVED),
        (results("dkim=fail header.d=example.com"), RECEIVED),
        (results("spf=pass smtp.mailfrom=example.com"), RECEIVED),
        (results("dmarc=pass smtp.from=example.com"), RECEIVED),
        (results("none"), RECEIVED),
        (("Authentication-Results", "mx.example.org 2; dmarc=pass header.from=example.com"), RECEIVED),
    ],
)
def test_all_else_proves_nothing(fields: tuple[tuple[str, str], ...]) -> None:
    """Below our Received, of another host, for another domain, for another person, or failed."""
    assert proof(fields, OURS, ADMIN) == ""


def test_a_forged_trace_gains_nothing_where_ours_has_another_name() -> None:
    """Our border host wrote its results and a Received of another name; the attacker wrote both of the right name."""
    own = (results("dmarc=fail header.from=example.com"), ("Received", "from evil by gw17.internal with SMTP"))
    forged = (DMARC, RECEIVED)
    assert proof((*own, *forged), OURS, ADMIN) == ""
    assert proof((results("spf=none"), own[1], *forged), OURS, ADMIN) == ""


def test_a_host_that_says_another_name_in_received_is_named_with_it() -> None:
    """`ID:HOST`, and a domain stands for all hosts within it."""
    fields = (
        results("dmarc=pass header.from=example.com", "example.org"),
        ("Received", "from a by mx3.mail.example.org."),
    )
    assert proof(fields, ("example.org:mx3.mail.example.org",), ADMIN)
    assert proof(fields, ("example.org:mail.example.org",), ADMIN)
    assert proof(fields, ("example.org:other.example.org",), ADMIN) == ""


def test_the_name_that_a_client_gave_itself_only_makes_it_stricter() -> None:
    """A client that greets as `x by mx.example.org` does not move the border down."""
    greeted = ("Received", "from x by gw.internal (by mx.example.org) by gw.internal with SMTP")
    assert proof((greeted, DMARC, RECEIVED), OURS, ADMIN) == ""


def test_microsoft_365_counts_where_it_is_configured() -> None:
    """Its results have no authserv-id (libraries: the field begins with the first result)."""
    fields = (
        ("Received", "from AM9.eurprd01.prod.outlook.com (::1) by AS8.eurprd01.prod.outlook.com with HTTPS"),
        (
            "Authentication-Results",
            (
                "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=example.com; dkim=pass (signature was verified)"
                " header.d=example.com;dmarc=pass action=none header.from=example.com;compauth=pass reason=100"
            ),
        ),
        ("Received", "from mail.example.com (192.0.2.1) by DB5.mail.protection.outlook.com (10.0.0.1) with SMTP"),
    )
    assert proof(fields, ("protection.outlook.com",), ADMIN)
    assert proof(fields, OURS, ADMIN) == ""


def test_domains_are_compared_as_dns_does() -> None:
    """An internationalised domain in either form."""
    fields = (results("dmarc=pass header.from=xn--bcher-kva.example"), RECEIVED)
    assert proof(fields, OURS, "a@Bücher.example")


def test_a_domain_is_not_the_one_that_idna_2003_made_of_it() -> None:
    """IDNA 2003 turned `ß` into `ss`: the owner of one domain could speak for the other."""
    fields = (results("dmarc=pass header.from=strasse.example"), RECEIVED)
    assert proof(fields, OURS, "a@strasse.example")
    assert proof(fields, OURS, "a@straße.example") == ""
    fields = (results("dmarc=pass header.from=xn--strae-oqa.example"), RECEIVED)
    assert proof(fields, OURS, "a@straße.example")


def test_the_person_that_a_signature_names_is_compared_letter_by_letter() -> None:
    """RFC 6376, 3.5: `i=` may name one person of the domain."""
    fields = (results('dkim=pass header.d=example.com header.i="sam@example.com"'), RECEIVED)
    assert proof(fields, OURS, "SAM@example.com")
    assert proof(fields, OURS, "ſam@example.com") == ""


@pytest.mark.parametrize(
    "text",
    [
        "(" * 4000,
        "dmarc=pass header.from=example.com; " + "x" * LIMIT,
        "dmarc=pass header.from=" + '"' * 100,
        "; " * 2000 + "dmarc=pass header.from=example.com",
        "\x00=\x00",
        "dmarc",
    ],
)
def test_a_hostile_field_is_read_as_nothing(text: str) -> None:
    """Neither deep nor long nor broken ones fail or cost time."""
    assert proof((results(text), RECEIVED), OURS, ADMIN) == ""


def test_an_address_without_a_domain_is_never_proved() -> None:
    """Nothing to compare."""
    assert proof((results("dmarc=pass header.from="), RECEIVED), OURS, "admin") == ""


@pytest.mark.parametrize(
    ("fields", "marked"),
    [
        ((("X-Spam-Flag", "YES"), RECEIVED), "X-Spam-Flag: YES"),
        ((("X-Spam-Status", "Yes, score=9.1 required=5.0"), RECEIVED), "X-Spam-Status: Yes"),
        ((("X-Spam-Flag", "NO"), RECEIVED), ""),
        ((("X-Spam-Status", "No, score=-1"), RECEIVED), ""),
        ((RECEIVED, ("X-Spam-Flag", "YES")), ""),
        ((("X-Spam-Flag", "YES"),), ""),
    ],
)
def test_spam_is_what_our_own_host_says(fields: tuple[tuple[str, str], ...], marked: str) -> None:
    """What senders claim about their own mail, spam or not, does not count."""
    assert spam(fields, OURS) == marked
