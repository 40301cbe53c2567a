"""Mails that are handed to real environments, and where they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import Finished, TracEnv


def mail(
    number: int = 1,
    *,
    subject: str = "The printer smokes",
    text: str = "Please help.",
    sender: str = "",
    more: str = "",
) -> bytes:
    """A plain mail; every `number` has a Message-ID of its own. `more` are header lines."""
    sender = sender or "Ann Other <ann@example.net>"
    head = f"From: {sender}\nTo: support@example.org\nMessage-ID: <{number}@example.net>\nSubject: {subject}\n{more}"
    return f"{head}Date: Sun, 22 Nov 2026 10:00:00 +0000\n\n{text}\n".encode()


class Mailbox:
    """A Maildir of a service called `support`, which files what strangers send."""

    def __init__(self, trac: TracEnv, folder: Path) -> None:
        self.trac = trac
        self.folder = folder
        for name in ("new", "cur", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def put(self, *mails: bytes) -> None:
        """Let mails arrive, in this order."""
        for each in mails:
            number = len(list((self.folder / "new").iterdir())) + len(list((self.folder / "cur").iterdir())) + 1
            (self.folder / "new" / f"{1_700_000_000 + number}.{number}.host").write_bytes(each)

    def left(self) -> int:
        """How many mails lie there."""
        return sum(len(list((self.folder / name).iterdir())) for name in ("new", "cur"))

    def add_service(self, *settings: str, name: str = "support") -> Finished:
        """The service, by the command."""
        words = ("kind=maildir", f"path={self.folder}", *settings)
        return self.trac.command("mailintake", "service", "add", name, *words)

    def run(self, *words: str) -> Finished:
        """A round, due or not."""
        return self.trac.command("mailintake", "run", "--force", *words)
