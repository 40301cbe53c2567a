"""What becomes of whoever asks a mail server: `python -m tests.security.visit PROTOCOL PORT WHAT` says it as JSON.

A process of its own, so that its memory is its own, and so that it can be ended.
"""

from __future__ import annotations

import json
import resource
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from trac_mailintake.hookspecs import Opening
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import Afterwards, Disposition
from trac_mailintake.intake.settings import Server
from trac_mailintake.intake.times import Seconds
from trac_mailintake.sources.connection_check import probe
from trac_mailintake.sources.imap.mailbox import ImapSource
from trac_mailintake.sources.pop3.mailbox import Pop3Source

if TYPE_CHECKING:
    from trac_mailintake.intake.settings import Service

PASSWORD = "secret of a visit"
ENOUGH = 64 * 1024 * 1024
"""Bytes of one mail after which the visitor wants no more, as a round does that has a limit."""


def visit(protocol: str, port: int, what: str) -> str:
    """List the folders, or list a mailbox and read all that is in it. Raises SourceError."""
    server = Server(1, "evil", "", protocol, "127.0.0.1", port, "none", "ann", PASSWORD, "", Seconds(1))
    if what == "folders":
        return f"{len(probe(server, lambda: PASSWORD))} folders"
    service = cast("Service", SimpleNamespace(name="support", folder="INBOX", path=""))
    opening = Opening(service, server, Disposition(Afterwards.LEAVE), lambda: PASSWORD)
    source = ImapSource(opening) if protocol == "imap" else Pop3Source(opening)
    listed = source.list()
    total = 0
    for _, chunks in source.fetch(listed[:10]):
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > ENOUGH:
                break
        for _ in chunks:
            pass  # as a round does: the protocol may need it read
        total += size
    source.close()
    return f"{len(listed)} mails, {total} bytes"


def main() -> None:
    """Print what came, and how many kilobytes of memory it needed."""
    protocol, port, what = sys.argv[1:]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said, refused = "", ""
    try:
        said = visit(protocol, int(port), what)
    except SourceError as error:
        refused = str(error)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    sys.stdout.write(json.dumps({"said": said, "refused": refused, "memory": memory}))


if __name__ == "__main__":
    main()
