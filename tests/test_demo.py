"""The demonstration, as `make demo` runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parents[1] / "examples" / "demo.py"

EXPECTED = {
    "01-new-request": "created #1",
    "02-reply-by-message-id": "commented #1",
    "03-reply-by-subject": "commented #1",
    "04-html-only": "created #2",
    "05-attachments-with-difficult-names": "created #3",
    "06-vacation-reply": "held",
    "07-bounce": "held",
    "08-no-subject": "created #4",
    "09-japanese": "created #5",
    "10-german": "created #6",
    "11-duplicate": "duplicate #1",
    "12-stranger-names-a-ticket": "created #7",
    "13-known-user": "commented #1",
    "14-mailing-list": "created #8",
}


def test_the_demo_shows_what_becomes_of_each_mail(tmp_path: Path) -> None:
    """Every mail is in the table, with the outcome that a reader of it would expect; also the second time."""
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, str(PROGRAM)],
            capture_output=True,
            check=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            env={**os.environ, "SERVE": "0", "DEMO": str(tmp_path), "PYTHONIOENCODING": "utf-8"},
        )
        rows = [line.split() for line in done.stdout.splitlines() if line.split()[:1] and line.split()[0] in EXPECTED]
        became = {row[0]: " ".join(word for word in row[1:3] if word in row[1] or word.startswith("#")) for row in rows}
        assert became == EXPECTED
    assert {path.stem for path in (PROGRAM.parent / "demo").glob("*.eml")} == EXPECTED.keys()
