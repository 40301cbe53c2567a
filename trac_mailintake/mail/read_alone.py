"""Reads one message for a page, in an interpreter that does nothing else: the program of `panels.journal.read_apart`.

A message can be made to be expensive, and a library can crash over it. Here that harms nobody: the process limits
itself before it reads, and its answer is data.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from typing import Final, TypedDict

from trac_mailintake.mail.parse import parse
from trac_mailintake.mail.spool import Slice

LONGEST_TEXT: Final = 200_000
"""Characters of the text that the page shows."""
MOST_PARTS: Final = 1000
"""Attachments that the page lists."""


class Job(TypedDict):
    """What to read, and with what: seconds of the clock and of the processor, bytes of address space."""

    path: str
    offset: int
    length: int
    clock: float
    processor: int
    memory: int


def limit(job: Job) -> None:
    """Let the kernel end this process when it has used up what it may."""
    signal.setitimer(signal.ITIMER_REAL, job["clock"])
    for kind, most in (
        (resource.RLIMIT_CPU, job["processor"]),
        (resource.RLIMIT_AS, job["memory"]),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))


def read(job: Job) -> dict[str, object]:
    """What the page shows. Raises OSError."""
    message = parse(Slice(job["path"], job["offset"], job["length"]))
    return {
        "text": message.text[:LONGEST_TEXT],
        "parts": [(part.filename, part.content_type) for part in message.parts[:MOST_PARTS]],
        "headers": message.fields,
    }


def main(job: Job) -> None:
    """Print what the page shows, as JSON; nothing if the bytes are gone."""
    limit(job)
    try:
        answer = read(job)
    except OSError:
        return
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
