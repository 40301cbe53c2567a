"""Whose word counts about who sent a mail: RFC 8601, read with suspicion."""

from __future__ import annotations

import random
import re

import pytest

from trac_mailintake.mail.headers.authentication_results import Lack, proof, spam, verdict
from trac_mailintake.mail.headers.result_fields import LIMIT

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


@pytest.mark.parametrize(
    "written", ["xn--bcher-kva.example", "XN--Bcher-KVA.example.", "bücher.example", "BÜCHER.example"]
)
@pytest.mark.parametrize("author", ["a@Bücher.example", "a@xn--bcher-kva.example"])
def test_domains_are_compared_as_dns_does(written: str, author: str) -> None:
    """An internationalised domain in either form, on either side (RFC 8616, 5: U-labels in results)."""
    assert proof((results(f"dmarc=pass header.from={written}"), RECEIVED), OURS, author)
    assert proof((results(f"dkim=pass header.d={written}"), RECEIVED), OURS, author)


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


# hops that may stand above the border host ---------------------------------------------------------------------------

INNER = (*OURS, ".example.org")
BYPASS = [
    ("Received", "from insider (host [10.0.0.9]) by backup.example.net with ESMTP id 4"),
    ("Received", "from insider (host [10.0.0.9]) by imap.example.org with ESMTPSA id 4"),
    ("Received", "from insider (by imap.example.org) by backup.example.net with ESMTP id 4"),
    ("Received", "(qmail 123 invoked from network)"),
    ("Received", "from insider by notexample.org with ESMTP"),
    ("Received", "from insider by example.org.evil.example with ESMTP"),
]
"""What is above a mail that came past the border host, with the names of inner hosts in HELO."""


@pytest.mark.parametrize("hop", BYPASS)
def test_a_mail_that_came_past_the_border_host_proves_nothing(hop: tuple[str, str]) -> None:
    """Its sender wrote results, and a Received of the border host, where the hop adds no results."""
    assert proof((hop, DMARC, RECEIVED), INNER, ADMIN) == ""
    assert verdict((hop, DMARC, RECEIVED), INNER, ADMIN).lack in (Lack.UNKNOWN_HOP, Lack.SUBMITTED)


@pytest.mark.parametrize("hosts", [OURS, INNER])
def test_a_long_greeting_hides_no_border_host(hosts: tuple[str, ...]) -> None:
    """The client's name stands before `by`: where it is too long, the Received that the sender wrote does not count."""
    long = ("Received", f"from {'a' * 2000} (evil.example [203.0.113.9]) by mx.example.org with ESMTP id 3")
    assert proof((long, DMARC, RECEIVED), hosts, ADMIN) == ""
    assert proof((DMARC, long, RECEIVED), hosts, ADMIN) == ""
    assert verdict((long, DMARC, RECEIVED), hosts, ADMIN).lack is Lack.UNKNOWN_HOP


def test_inner_hops_are_named_by_their_domain() -> None:
    """The domain itself, too, in any case; several of them."""
    for host in ("imap.example.org", "IMAP.Example.ORG.", "example.org"):
        assert proof((("Received", f"from mx by {host} with LMTP id 2"), DMARC, RECEIVED), INNER, ADMIN)
    local = ("Received", "from mx by localhost (fetchmail) with IMAP")
    assert proof((local, INTERNAL, DMARC, RECEIVED), (*INNER, ".localhost"), ADMIN)
    assert proof((local, INTERNAL, DMARC, RECEIVED), INNER, ADMIN) == ""


def test_an_inner_hop_is_no_border_host() -> None:
    """Only named hosts may prove anything."""
    assert proof((DMARC, ("Received", "from evil by other.example.org")), (".example.org",), ADMIN) == ""


# results that deny ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "dmarc=fail header.from=example.com",
        "dkim=pass header.d=example.com; dmarc=fail (p=none dis=none) header.from=example.com",
        "DMARC = FAIL (a comment)",
        "spf=pass; dmarc=fail;",
        "dmarc=fail header.from=example.com; (",
        "dmarc=fail header.from=example.com; dkim=pass header.d=" + "x" * LIMIT,
        'dmarc=fail policy.x="',
    ],
)
def test_a_failure_is_told_from_a_missing_proof(text: str) -> None:
    """Even if the rest of the field cannot be read, or the sender made it too long."""
    found = verdict((results(text), RECEIVED), OURS, ADMIN)
    assert (found.proof, found.refuted) == ("", "dmarc=fail by mx.example.org")


@pytest.mark.parametrize("result", ["none", "temperror", "permerror", "bestguesspass", "softfail"])
def test_another_result_denies_nothing_and_proves_nothing(result: str) -> None:
    """It outweighs DKIM, and is no failure."""
    found = verdict((results(f"dkim=pass header.d=example.com; dmarc={result}"), RECEIVED), OURS, ADMIN)
    assert (found.proof, found.refuted, found.lack) == ("", "", Lack.NOT_PASSED)


def test_nobody_elses_failure_counts() -> None:
    """A sender can neither void a mail by results below ours, nor by another host's name."""
    below = results("dmarc=fail header.from=example.com")
    assert verdict((DMARC, RECEIVED, below), OURS, ADMIN).proof
    other = results("dmarc=fail header.from=example.com", "mx.evil.example")
    assert verdict((other, DMARC, RECEIVED), OURS, ADMIN).proof


@pytest.mark.parametrize(
    ("fields", "lack", "detail"),
    [
        ((DMARC,), Lack.NO_BORDER, ""),
        ((DMARC, INTERNAL), Lack.NO_BORDER, "imap.example.org"),
        ((RECEIVED,), Lack.NO_RESULTS, ""),
        ((results("dmarc=pass", "mx.other.example"), RECEIVED), Lack.OTHERS, "mx.other.example"),
        ((results("spf=pass; dkim=none"), RECEIVED), Lack.NOT_PASSED, "spf=pass, dkim=none by mx.example.org"),
    ],
)
def test_a_missing_proof_has_a_reason(fields: tuple[tuple[str, str], ...], lack: Lack, detail: str) -> None:
    """For whoever tries a mail."""
    found = verdict(fields, OURS, ADMIN)
    assert (found.lack, found.detail) == (lack, detail)


# any order, any spelling ---------------------------------------------------------------------------------------------


def spelled(chance: random.Random, text: str) -> str:
    """The results in another spelling: folded, commented, quoted, in other letters."""
    text = "".join(each.upper() if chance.random() < 0.3 else each for each in text)
    blanks = (
        " ",
        "  ",
        "\t",
        " (a comment; dmarc=pass header.from=other.example) ",
        " (nested (one)) ",
        " (say \\) it) ",
    )
    text = re.sub(r" ", lambda _: chance.choice(blanks), text)
    return re.sub(
        r"header\.(from|d)=([\w.-]+)",
        lambda m: chance.choice((m[0], f'header.{m[1]}="{m[2]}"', f"header . {m[1]} = {m[2]}")),
        text,
        flags=re.IGNORECASE,
    )


def test_no_order_and_no_spelling_makes_a_forgery_proof() -> None:
    """What our border wrote decides, whatever the sender wrote below it in whatever order; 2,000 mails."""
    chance = random.Random(14)  # noqa: S311 - the same mails each time, not secrets
    said = [
        "dmarc=pass header.from=example.com",
        "dkim=pass header.d=example.com",
        "dmarc=fail header.from=example.com",
        "spf=pass smtp.mailfrom=example.com",
        "dmarc=pass header.from=evil.example",
        "dmarc=none header.from=example.com",
    ]
    for _ in range(2000):
        ours = chance.sample(said, chance.randint(1, 3))
        hops = [
            ("Received", f"from mx by {host} with LMTP")
            for host in chance.choices(("imap.example.org", "store.example.org"), k=chance.randint(0, 2))
        ]
        others = [
            results(spelled(chance, chance.choice(said)), "mx.other.example") for _ in range(chance.randint(0, 2))
        ]
        border = [
            *(
                results(
                    spelled(chance, each),
                    chance.choice(("mx.example.org", "MX.example.org", '"mx.example.org"', "mx.example.org 1")),
                )
                for each in ours
            ),
            *others,
        ]
        chance.shuffle(border)
        forged = [DMARC, DKIM, RECEIVED, INTERNAL, ("From", ADMIN), ("Subject", "x"), *hops]
        chance.shuffle(forged)
        fields = [*hops, *border, RECEIVED, *forged]
        for hosts in (OURS, INNER):
            found = verdict(fields, hosts, ADMIN)
            failed = any("dmarc=fail" in each for each in ours)
            denied = any("dmarc" in each and "pass" not in each for each in ours)
            passed = any(each in said[:2] for each in ours) and not denied
            assert (bool(found.proof), bool(found.refuted)) == (passed, failed), fields
