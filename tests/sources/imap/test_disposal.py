"""What is done with copies, and where they are moved to."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

import pytest
from imapclient.exceptions import IMAPClientError

from tests.sources.bent import Bend, BentServer
from tests.sources.contract import mail, server
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import Afterwards, Disposition
from trac_mailintake.sources.imap import session
from trac_mailintake.sources.imap.disposal import Disposal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac_mailintake.sources.imap.session import Session

MAILS = [mail(number) for number in range(1, 4)]
ALL = {uid: hashlib.sha256(content).hexdigest() for uid, content in enumerate(MAILS, 1)}


class Inbox:
    """A session in which INBOX is selected; implements `disposal.Selected`."""

    def __init__(self, opened: Session) -> None:
        self._opened = opened
        self.reselect()

    def connected(self) -> Session:
        """The session."""
        return self._opened

    def quiet(self) -> None:
        """Nothing is outstanding but what was told."""
        assert self._opened.hear() == ""

    def reselect(self) -> None:
        """Select it."""
        self._opened.select_folder("INBOX")


@contextlib.contextmanager
def inbox(bent: BentServer) -> Iterator[Inbox]:
    """A session with the server."""
    opened = session.connect(server("imap", bent.port, "ann"), lambda: "secret", None)
    try:
        yield Inbox(opened)
        opened.hear()
    finally:
        opened.leave()


def disposal(afterwards: str) -> Disposal:
    """That of INBOX."""
    word, _, folder = afterwards.partition(":")
    return Disposal(Disposition(Afterwards(word), folder), "INBOX", "support")


@pytest.mark.parametrize(
    ("afterwards", "offers", "commands"),
    [
        ("seen", b"UIDPLUS MOVE", [b"STORE"]),
        ("delete", b"UIDPLUS MOVE", [b"STORE", b"EXPUNGE"]),
        ("delete", b"", [b"STORE"]),
        ("move:Filed", b"UIDPLUS MOVE", [b"MOVE"]),
        ("move:Filed", b"UIDPLUS", [b"COPY", b"STORE", b"EXPUNGE"]),
    ],
)
def test_only_what_is_named_is_touched(afterwards: str, offers: bytes, commands: list[bytes]) -> None:
    """By UID, and never by a plain EXPUNGE, which would remove what others marked."""
    with BentServer(MAILS, Bend(), offers=offers) as bent:
        with inbox(bent) as selected:
            disposal(afterwards).consume(selected, {uid: ALL[uid] for uid in (1, 3)})
        changing = [line.split(b" ")[1:] for line in bent.heard if b"UID " in line and b"FETCH" not in line]
        assert [words[1].upper() for words in changing if words[1].upper() != b"SEARCH"] == commands
        assert all(words[2] == b"1,3" for words in changing if words[1].upper() != b"SEARCH")
        assert not [line for line in bent.heard if line.split(b" ")[1:2] == [b"EXPUNGE"]]
        assert list(bent.folders[b"INBOX"]) == ([1, 2, 3] if commands == [b"STORE"] else [2])


def test_a_copy_that_a_crash_left_is_not_made_again() -> None:
    """What lies in the target is only deleted."""
    with BentServer(MAILS, Bend(), offers=b"UIDPLUS") as bent:
        bent.folders[b"Filed"] = {9: MAILS[0]}
        with inbox(bent) as selected:
            disposal("move:Filed").consume(selected, ALL)
        assert sorted(bent.folders[b"Filed"].values()) == sorted(MAILS)
        assert bent.folders[b"INBOX"] == {}


def test_a_target_is_looked_for_once_and_a_fault_again() -> None:
    """Somebody may have mended it before the next run."""
    with BentServer(MAILS, Bend(refuses={b"CREATE": b"NO over quota"})) as bent, inbox(bent) as selected:
        moving = disposal("move:Filed")
        assert "over quota" in moving.fault(selected)
        with pytest.raises(SourceError, match="over quota"):
            moving.target(selected)
        bent.bend.refuses.clear()
        assert "over quota" in moving.fault(selected)
        moving.forget_fault()
        assert moving.fault(selected) == ""
        moving.forget_fault()
        listed = [line for line in bent.heard if b" LIST " in line]
        assert moving.target(selected) == "Mail is moved to the folder Filed, which was made now."
        assert [line for line in bent.heard if b" LIST " in line] == listed


@pytest.mark.parametrize("afterwards", ["leave", "delete", "seen"])
def test_without_a_target_there_is_nothing_to_say_of_it(afterwards: str) -> None:
    """And no folder is looked for."""
    with BentServer(MAILS, Bend()) as bent, inbox(bent) as selected:
        assert (disposal(afterwards).target(selected), disposal(afterwards).fault(selected)) == ("", "")
        assert not [line for line in bent.heard if b" LIST " in line]


def test_a_refused_copy_deletes_nothing() -> None:
    """Whoever asked learns of it."""
    with BentServer(MAILS, Bend(refuses={b"COPY": b"NO over quota"}), offers=b"UIDPLUS") as bent:
        with inbox(bent) as selected, pytest.raises(IMAPClientError, match="over quota"):
            disposal("move:Filed").consume(selected, ALL)
        assert len(bent.folders[b"INBOX"]) == 3
