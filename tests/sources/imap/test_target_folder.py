"""The folder that mail is moved to."""

from __future__ import annotations

import imaplib
from typing import TYPE_CHECKING

import pytest

from tests.sources.bent import Bend, BentServer
from tests.sources.contract import server
from trac_mailintake.sources.imap import session, target_folder

if TYPE_CHECKING:
    from collections.abc import Mapping


def ensured(bent: BentServer, folder: str) -> str:
    """What is said of a folder by a session with the server."""
    opened = session.connect(server("imap", bent.port, "ann"), lambda: "secret", None)
    try:
        return target_folder.ensured(opened, folder, "support")
    finally:
        opened.leave()


def test_a_missing_folder_is_made_and_subscribed() -> None:
    """So that people see it; one that is there is left alone."""
    with BentServer([], Bend()) as bent:
        assert ensured(bent, "Filed") == ""
        assert b"Filed" in bent.folders
        assert [line.split(b" ", 1)[1] for line in bent.heard if b"Filed" in line][-1] == b'SUBSCRIBE "Filed"'
        before = len(bent.heard)
        assert ensured(bent, "Filed") == ""
        assert not [line for line in bent.heard[before:] if b"CREATE" in line or b"SUBSCRIBE" in line]


@pytest.mark.parametrize(
    ("refuses", "sentence"),
    [
        ({b"CREATE": b"NO over quota"}, "support: the folder Filed cannot be made"),
        ({b"SUBSCRIBE": b"NO not here"}, ""),
    ],
)
def test_a_refusal_is_told_if_it_matters(refuses: Mapping[bytes, bytes | None], sentence: str) -> None:
    """Without the folder nothing can be moved; without the subscription it can."""
    with BentServer([], Bend(refuses=dict(refuses))) as bent:
        said = ensured(bent, "Filed")
    assert said.startswith(sentence)
    assert ("over quota" in said and "choose one of: INBOX" in said) is bool(sentence)


@pytest.mark.parametrize("command", [b"CREATE", b"SUBSCRIBE"])
def test_a_line_that_breaks_is_no_refusal(command: bytes) -> None:
    """The next run tries again."""
    with BentServer([], Bend(refuses={command: None})) as bent, pytest.raises((imaplib.IMAP4.abort, OSError)):
        ensured(bent, "Filed")
