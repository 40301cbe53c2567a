"""One field of results: what RFC 8601 allows, what hosts write, and what a sender may smuggle into it."""

from __future__ import annotations

import pytest

from tests.growth import LINEAR, growth
from trac_mailintake.mail.headers.result_fields import LIMIT, Result, results_of

PASSED = Result("dmarc", "pass", {"from": "a.example"})


@pytest.mark.parametrize(
    "value",
    [
        "mx.example; dmarc=pass header.from=a.example",
        "mx.example 1; dmarc=pass header.from=a.example",
        '"mx.example"; dmarc=pass header.from="a.example"',
        "mx.example (a=b; c) ; DMARC / 1 = Pass (p=NONE) header . from = (by) a.example (x)",
        "(first (nested \\) one)) mx.example;\r\n\tdmarc=pass\r\n\theader.from=a.example;",
        "mx.example; dmarc=pass action=none header.from=a.example header.from=b.example",
        'mx.example; dmarc=pass reason="a; \\"b\\"" header.from=a.example',
    ],
)
def test_a_result_is_read(value: str) -> None:
    """Comments, folding, quoting, versions; the first property of a name counts."""
    assert (results_of(value, "").who, list(results_of(value, "").results)) == ("mx.example", [PASSED])


@pytest.mark.parametrize(
    "value",
    [
        "mx.example 2; dmarc=pass header.from=a.example",
        "mx.example; dmarc=pass header.from=a.example; (",
        'mx.example; dmarc=pass header.from=a.example; spf=pass smtp.x="',
        "mx.example; dmarc=pass header.from=a.example; spf",
        "mx.example; ; dmarc=pass header.from=a.example",
        "mx.example; dmarc=pass header.from=a.example)",
        "mx.example; dmarc=pass header.from=a.example\\",
        "mx.example; dmarc=pass header.from=a.example; x=" + "y" * LIMIT,
        "a mx.example; dmarc=pass header.from=a.example",
        "dmarc=pass header.from=a.example",
        "",
    ],
)
def test_what_cannot_be_read_proves_nothing(value: str) -> None:
    """Of a field that is wrong somewhere, nothing counts that passed."""
    found = results_of(value, "")
    assert found.who != "mx.example" or list(found.results) == []


@pytest.mark.parametrize(
    "local",
    [
        '"x) smtp.mailfrom=y; dmarc=pass header.from=a.example ("',
        '"x;dmarc=pass header.from=a.example"',
        r'"x\");dmarc=pass header.from=a.example("',
    ],
)
@pytest.mark.parametrize(
    "written",
    [
        "spf=pass (mx: domain of {0}@evil.example designates 192.0.2.1) smtp.mailfrom=evil.example",
        "spf=pass smtp.mailfrom={0}@evil.example",
    ],
)
def test_a_quoted_local_part_smuggles_nothing_in(local: str, written: str) -> None:
    """MAIL FROM may have any characters within quotes, and hosts copy it into comments and values."""
    found = results_of(f"mx.example; {written.format(local)}", "")
    assert [each.method for each in found.results] in ([], ["spf"])


def test_results_without_a_host_are_the_nameless_hosts() -> None:
    """With the recipient's domain between them, as older ones have."""
    found = results_of("spf=pass smtp.mailfrom=a.example; b.example; dmarc=pass header.from=a.example;b.example", "ms")
    assert (found.who, [each.method for each in found.results]) == ("ms", ["spf", "dmarc"])


def test_no_results_are_none() -> None:
    """RFC 8601, 2.2: no-result."""
    assert list(results_of("mx.example; none", "").results) == []


@pytest.mark.parametrize(
    "unit", ["(", ")", '"', "\\", ";", "(a)", '"a"', "a=b;", " header.a=", "(\\(", '("', " ", "a.", '\\"']
)
def test_time_grows_with_the_length(unit: str) -> None:
    """Whatever is repeated."""
    text = unit * LIMIT
    assert growth(lambda size: [results_of(f"mx.example; {text[:size]}", "") for _ in range(20)], LIMIT // 4) < LINEAR
