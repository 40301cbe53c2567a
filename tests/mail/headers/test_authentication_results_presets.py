"""The presets of `authserv_ids`: header fields as Google and Microsoft 365 write them, and forged ones among them."""

from __future__ import annotations

import pytest

from tests.mail.headers.test_authentication_results import ADMIN, OURS, results
from trac_mailintake.mail.headers.authentication_results import PRESETS, Lack, proof, verdict

# Google --------------------------------------------------------------------------------------------------------------

GMAIL = ("google",)
DELIVERED = (
    ("Delivered-To", "support@example.org"),
    ("Received", "by 2002:a05:7412:b21:b0:e2:8e6c:fc8 with SMTP id nq33csp104; Tue, 1 Dec 2026 01:02:03 -0800 (PST)"),
    ("X-Received", "by 2002:a17:906:1c0f:b0:a46:1 with SMTP id k15; Tue, 1 Dec 2026 01:02:03 -0800 (PST)"),
    (
        "ARC-Authentication-Results",
        "i=1; mx.google.com; dkim=pass header.i=@example.com; dmarc=pass header.from=example.com",
    ),
    ("Return-Path", "<admin@example.com>"),
    (
        "Received",
        (
            "from mail.example.com (mail.example.com. [192.0.2.1]) by mx.google.com with ESMTPS id 5b1 "
            "for <support@example.org> (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256); Tue, 1 Dec 2026"
        ),
    ),
    ("Received-SPF", "pass (google.com: domain of admin@example.com designates 192.0.2.1 as permitted sender)"),
)
"""What Google writes above its results."""


def of_google(text: str) -> tuple[str, str]:
    """Google's results."""
    return results(text, "mx.google.com")


GOOD = of_google(
    "dkim=pass header.i=@example.com header.s=sel header.b=aB3/x+q; spf=pass (google.com: domain of admin@example.com "
    "designates 192.0.2.1 as permitted sender) smtp.mailfrom=admin@example.com; dmarc=pass (p=REJECT sp=REJECT "
    "dis=NONE) header.from=example.com"
)
BAD = of_google(
    "spf=softfail smtp.mailfrom=x@evil.example; dmarc=fail (p=NONE sp=NONE dis=NONE) header.from=example.com"
)


def test_google_writes_its_results_below_its_received() -> None:
    """And only the preset looks there."""
    assert proof((*DELIVERED, GOOD), GMAIL, ADMIN).endswith("=pass by mx.google.com")
    assert proof((*DELIVERED, GOOD), ("mx.google.com",), ADMIN) == ""
    assert proof((*DELIVERED, GOOD), OURS, ADMIN) == ""


@pytest.mark.parametrize("forged", [GOOD, (GOOD[0], GOOD[1].replace("mx.google.com", "MX.google.com"))])
def test_what_the_sender_wrote_below_googles_results_does_not_count(forged: tuple[str, str]) -> None:
    """The sender's own fields follow directly, with nothing between."""
    for own in (
        BAD,
        of_google("spf=none"),
        of_google("dkim=pass header.i=@evil.example; dmarc=pass header.from=evil.example"),
    ):
        assert proof((*DELIVERED, own, forged), GMAIL, ADMIN) == ""
    assert proof((*DELIVERED, ("Received", "from a by b"), forged), GMAIL, ADMIN) == ""
    assert proof((*DELIVERED, results("spf=none", "mx.evil.example"), forged), GMAIL, ADMIN) == ""
    assert verdict((*DELIVERED, BAD, forged), GMAIL, ADMIN).refuted == "dmarc=fail by mx.google.com"


def test_results_that_only_an_archive_chain_has_are_no_proof() -> None:
    """ARC-Authentication-Results may be of any host that the mail passed."""
    assert proof(DELIVERED, GMAIL, ADMIN) == ""
    assert verdict(DELIVERED, GMAIL, ADMIN).lack is Lack.NO_RESULTS


def test_a_mail_that_did_not_come_by_googles_border_proves_nothing() -> None:
    """One that some other host put into the mailbox, with a copy of what Google writes."""
    hop = ("Received", "from evil by mx.example.net with ESMTP")
    assert proof((hop, *DELIVERED, GOOD), GMAIL, ADMIN) == ""
    assert verdict((hop, *DELIVERED, GOOD), GMAIL, ADMIN).lack is Lack.UNKNOWN_HOP


# Microsoft 365 -------------------------------------------------------------------------------------------------------

OFFICE = (
    (
        "Received",
        (
            "from PA4PR01MB1.eurprd01.prod.outlook.com (2603:10a6:102::1) by AS8PR01MB2.eurprd01.prod.outlook.com with "
            "HTTPS; Tue, 1 Dec 2026 09:00:02 +0000"
        ),
    ),
    (
        "Received",
        (
            "from DU2PR04CA1.eurprd04.prod.outlook.com (2603:10a6:10:3b::1) by PA4PR01MB1.eurprd01.prod.outlook.com "
            "(2603:10a6:102::1) with Microsoft SMTP Server (version=TLS1_2) "
            "id 15.20.8000.1; Tue, 1 Dec 2026 09:00:01 +0000"
        ),
    ),
    (
        "Received",
        (
            "from DB5EUR01FT1.eop-EUR01.prod.protection.outlook.com (2603:10a6:10:3b:cafe::1) by "
            "DU2PR04CA1.outlook.office365.com (2603:10a6:10:3b::1) with Microsoft SMTP Server (version=TLS1_3) id "
            "15.20.8000.1 via Frontend Transport; Tue, 1 Dec 2026 09:00:01 +0000"
        ),
    ),
)
EDGE = (
    ("Received-SPF", "Pass (protection.outlook.com: domain of example.com designates 192.0.2.1 as permitted sender)"),
    (
        "Received",
        (
            "from mail.example.com (192.0.2.1) by DB5EUR01FT1.mail.protection.outlook.com (10.152.1.1) with Microsoft "
            "SMTP Server id 15.20.8000.1 via Frontend Transport; Tue, 1 Dec 2026 09:00:00 +0000"
        ),
    ),
)
SAID = (
    "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=example.com; "
    "dkim=pass (signature was verified) header.d=example.com;"
)


def office(text: str) -> tuple[tuple[str, str], ...]:
    """A mail in Microsoft 365 with these results."""
    return (*OFFICE, ("Authentication-Results", text), *EDGE)


@pytest.mark.parametrize(
    "text",
    [
        f"{SAID}dmarc=pass action=none header.from=example.com;compauth=pass reason=100",
        f"{SAID}dmarc=pass action=none header.from=example.com;",
        (
            "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=example.com; contoso.example; "
            "dkim=pass (signature was verified) header.d=example.com;contoso.example; "
            "dmarc=pass action=none header.from=example.com;contoso.example; "
            "dkim=pass (signature was verified) header.d=example.com;"
        ),
    ],
)
@pytest.mark.parametrize("hosts", [("microsoft",), ("Microsoft",), ("protection.outlook.com",)])
def test_microsoft_has_results_without_a_host(text: str, hosts: tuple[str, ...]) -> None:
    """As they are written today, and as they were with the recipient's domain after each result."""
    assert proof(office(text), hosts, ADMIN).endswith("=pass by protection.outlook.com")
    assert proof(office(text), OURS, ADMIN) == ""


@pytest.mark.parametrize(
    ("text", "refuted"),
    [
        (f"{SAID}dmarc=fail action=oreject header.from=example.com;compauth=fail reason=000", True),
        (f"{SAID}dmarc=bestguesspass action=none header.from=example.com;compauth=pass reason=109", False),
        ("dkim=none (message not signed) header.d=none;dmarc=none action=none header.from=example.com;", False),
        (
            "spf=none smtp.mailfrom=; dkim=none header.d=none;dmarc=none header.from=example.com;compauth=pass",
            False,
        ),
        (
            f"{SAID}dmarc=pass action=none header.from=other.example;compauth=pass reason=100".replace(
                "example.com", "x.example"
            ),
            False,
        ),
    ],
)
def test_microsofts_own_guess_is_no_proof(text: str, *, refuted: bool) -> None:
    """`compauth` and `bestguesspass` are guesses about senders that publish nothing."""
    found = verdict(office(text), ("microsoft",), ADMIN)
    assert (found.proof, bool(found.refuted)) == ("", refuted)


def test_what_a_sender_forged_for_microsoft_is_below() -> None:
    """Below the border's Received; or above a forged one, in a mail that another host put into the mailbox."""
    forged = ("Authentication-Results", f"{SAID}dmarc=pass action=none header.from=example.com")
    none = (
        "Authentication-Results",
        "dkim=none (message not signed) header.d=none;dmarc=none header.from=example.com;",
    )
    assert proof((*OFFICE, none, *EDGE, forged, *EDGE), ("microsoft",), ADMIN) == ""
    assert proof((*OFFICE, *EDGE, forged), ("microsoft",), ADMIN) == ""
    assert proof((("Received", "from evil by mx.example.net"), forged, *EDGE), ("microsoft",), ADMIN) == ""


def test_the_presets_are_words_that_no_host_has() -> None:
    """So that a set-up with names of hosts means what it did."""
    assert set(PRESETS) == {"google", "microsoft"}
