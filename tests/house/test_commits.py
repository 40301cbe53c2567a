"""What `.ci/commits` says of commit messages."""

from __future__ import annotations

import runpy
import subprocess

import pytest

from tests.house.tree import ROOT

SCRIPT = ROOT / ".ci" / "commits"
BODY = "\n\nTwo workers renewed one lease: MariaDB counts only changed rows."


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (f"claims: Renew leases where MariaDB counts only changed rows{BODY}", ""),
        (f"mail/html, tests: Escape a brace{BODY}", ""),
        (f"Say so plainly{BODY}", "area: summary"),
        (f"fixup! claims: Renew leases{BODY}", "area: summary"),
        (f"claims: {'x' * 65}{BODY}", "73 characters"),
        ("claims: Renew leases", "no body"),
        ("claims: Renew leases\n\nAs asked.", "no body"),
        ("claims: Renew leases\n\nSigned-off-by: Somebody of some length and more words than a few", "no body"),
        (f"claims: Renew leases\nat once{BODY}", "second line"),
    ],
)
def test_a_message_is_judged(message: str, fault: str) -> None:
    """By its subject, its second line and its body; trailers are no body."""
    found = runpy.run_path(str(SCRIPT))["faults"](message)
    assert [fault in each for each in found] == ([True] if fault else [])


def test_our_own_messages_keep_the_rule() -> None:
    """Those of this repository since the rule."""
    done = subprocess.run([SCRIPT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
