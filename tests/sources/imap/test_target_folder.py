"""The folder that mail is moved to, by its full name."""

from __future__ import annotations

import imaplib
from typing import TYPE_CHECKING

import pytest

from tests.sources.bent import Bend, BentServer
from tests.sources.contract import server
from trac_mailintake.sources.imap import session, target_folder
from trac_mailintake.sources.imap.target_folder import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COURIER = b'(("INBOX." ".")) NIL (("#shared." ".")("shared." "."))'
CYRUS = b'(("INBOX." ".")) (("user." ".")) (("" "."))'
UNIX = b'(("" "/")("~/mail/" "/")) NIL NIL'


class Spaced(BentServer):
    """A server with namespaces. It makes no folder outside of those that it `allows`, as Courier and Cyrus."""

    def __init__(self, namespace: bytes, allows: bytes = b"", *folders: bytes) -> None:
        self._namespace_line = b"* NAMESPACE " + namespace + b"\r\n"
        self._allows = allows
        super().__init__([], Bend(), offers=b"NAMESPACE UIDPLUS MOVE")
        self.folders |= {name: {} for name in folders}

    def _namespace(self, _: bytes) -> Iterator[bytes]:
        yield self._namespace_line

    def _create(self, arguments: bytes) -> Iterator[bytes]:
        if arguments.strip(b'"').startswith(self._allows):
            yield from super()._create(arguments)


def ensured(bent: BentServer, folder: str, source: str = "INBOX") -> Target:
    """What is said of a folder by a session with the server."""
    opened = session.connect(server("imap", bent.port, "ann"), lambda: "secret", None)
    try:
        return target_folder.ensured(opened, folder, source, "support")
    finally:
        opened.leave()


def test_a_missing_folder_is_made_and_subscribed() -> None:
    """So that people see it; one that is there is left alone."""
    with BentServer([], Bend()) as bent:
        assert ensured(bent, "Filed") == Target("Filed", made=True)
        assert b"Filed" in bent.folders
        assert [line.split(b" ", 1)[1] for line in bent.heard if b"Filed" in line][-1] == b'SUBSCRIBE "Filed"'
        before = len(bent.heard)
        assert ensured(bent, "Filed") == Target("Filed")
        assert not [line for line in bent.heard[before:] if b"CREATE" in line or b"SUBSCRIBE" in line]


@pytest.mark.parametrize(
    ("namespace", "folder", "full"),
    [
        (COURIER, "Filed", "INBOX.Filed"),
        (COURIER, "INBOX.Filed", "INBOX.Filed"),
        (COURIER, "inbox.Filed", "inbox.Filed"),
        (COURIER, "#shared.all.Filed", "#shared.all.Filed"),
        (COURIER, "INBOXES", "INBOX.INBOXES"),
        (COURIER, "Größe", "INBOX.Größe"),
        (CYRUS, "user.bob.Filed", "user.bob.Filed"),
        (CYRUS, "Filed", "INBOX.Filed"),
        (CYRUS, "INBOX.Filed", "INBOX.Filed"),
        (b'(("INBOX/" "/")) NIL NIL', "INBOX.Filed", "INBOX/INBOX.Filed"),
        (b'(("&AOQ-/" "/")) NIL NIL', "Filed", "ä/Filed"),
        (UNIX, "Filed", "Filed"),
        (b"NIL NIL NIL", "Filed", "Filed"),
        (b"(((( nonsense", "Filed", "Filed"),
    ],
)
def test_a_new_folder_is_made_where_the_user_may_have_folders(namespace: bytes, folder: str, full: str) -> None:
    """In the user's own namespace, unless its name begins with a prefix of any namespace."""
    with Spaced(namespace) as spaced:
        assert ensured(spaced, folder) == Target(full, made=True)
        assert len(spaced.folders) == 2
        assert ensured(spaced, folder) == Target(full)
        assert len(spaced.folders) == 2


@pytest.mark.parametrize("namespace", [COURIER, CYRUS])
@pytest.mark.parametrize("typed", ["Processed", "INBOX.Processed"])
def test_both_spellings_name_one_folder(typed: str, namespace: bytes) -> None:
    """On servers that make folders below INBOX only."""
    with Spaced(namespace, b"INBOX.") as spaced:
        assert ensured(spaced, typed) == Target("INBOX.Processed", made=True)
        assert set(spaced.folders) == {b"INBOX", b"INBOX.Processed"}


@pytest.mark.parametrize("namespace", [COURIER, CYRUS])
def test_a_folder_of_exactly_this_name_stays_the_target(namespace: bytes) -> None:
    """Nobody's mail goes elsewhere after an upgrade, even if both spellings have a folder."""
    with Spaced(namespace, b"", b"Filed", b"INBOX.Filed") as spaced:
        assert ensured(spaced, "Filed") == Target("Filed")


def test_a_wildcard_in_a_name_finds_no_other_folder() -> None:
    """LIST takes `%` for all names; the target is the one that has it."""

    class Wild(Spaced):
        """It lists all folders, whatever it is asked for."""

        def _list(self, arguments: bytes) -> Iterator[bytes]:
            yield from super()._list(arguments.rsplit(b" ", 1)[0] + b' "*"')

    with Wild(UNIX, b"", b"100-done") as wild:
        assert ensured(wild, "100%") == Target("100%", made=True)
        assert b"100%" in wild.folders


@pytest.mark.parametrize(("folder", "source"), [("Filed", "INBOX.Filed"), ("inbox", "INBOX")])
def test_mail_is_not_moved_to_its_own_folder(folder: str, source: str) -> None:
    """Without MOVE it would be copied and deleted, in each run; the service's two names may hide that."""
    with Spaced(COURIER, b"", b"INBOX.Filed") as spaced:
        said = ensured(spaced, folder, source)
    assert "would be moved to itself" in said.fault


@pytest.mark.parametrize(
    ("refuses", "sentence"),
    [
        ({b"CREATE": b"NO over quota"}, "support: the folder INBOX.Filed cannot be made"),
        ({b"SUBSCRIBE": b"NO not here"}, ""),
    ],
)
def test_a_refusal_is_told_if_it_matters(refuses: Mapping[bytes, bytes | None], sentence: str) -> None:
    """Without the folder nothing can be moved; without the subscription it can."""
    with Spaced(COURIER) as spaced:
        spaced.bend.refuses |= refuses
        said = ensured(spaced, "Filed").fault
    assert said.startswith(sentence)
    assert ("over quota" in said and "choose one of: INBOX" in said) is bool(sentence)


def test_a_server_that_does_not_tell_its_namespaces_has_none() -> None:
    """The name is taken as it was typed."""
    with Spaced(COURIER) as spaced:
        spaced.bend.refuses[b"NAMESPACE"] = b"NO not now"
        assert ensured(spaced, "Filed") == Target("Filed", made=True)


@pytest.mark.parametrize("command", [b"NAMESPACE", b"CREATE", b"SUBSCRIBE"])
def test_a_line_that_breaks_is_no_refusal(command: bytes) -> None:
    """The next run tries again."""
    with Spaced(COURIER) as spaced:
        spaced.bend.refuses[command] = None
        with pytest.raises((imaplib.IMAP4.abort, OSError)):
            ensured(spaced, "Filed")
