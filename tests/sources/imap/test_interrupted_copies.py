"""Messages that a crash left copied, on servers without MOVE."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.sources.bent import WHOLES, Bend, BentServer
from tests.sources.contract import mail, server
from trac_mailintake.sources.errors import Excess
from trac_mailintake.sources.imap import interrupted_copies, session

if TYPE_CHECKING:
    from collections.abc import Mapping

MAILS = (mail(1), mail(2), mail(3))


def digest(content: bytes) -> str:
    """As the archive knows it."""
    return hashlib.sha256(content).hexdigest()


def copied(bent: BentServer, messages: Mapping[int, str]) -> set[int]:
    """What a session finds in the target."""
    opened = session.connect(server("imap", bent.port, "ann"), lambda: "secret", None)
    try:
        opened.select_folder("INBOX")
        return interrupted_copies.copied(opened, messages, "Filed")
    finally:
        opened.leave()


def test_only_what_lies_there_byte_for_byte_was_copied() -> None:
    """Not one of the same size, nor one whose archive says another hash."""
    with BentServer(MAILS, Bend()) as bent:
        bent.folders[b"Filed"] = {9: MAILS[0], 10: MAILS[1].replace(b"Text 2", b"Text 4")}
        assert copied(bent, {uid: digest(content) for uid, content in enumerate(MAILS, 1)}) == {1}
        assert copied(bent, {1: digest(MAILS[1]), 99: digest(MAILS[0])}) == set()


@pytest.mark.parametrize("head", [b"", "Message-ID: <grüße@x>\r\n".encode(), b"Message-ID: <a\x01b@x>\r\n"])
def test_an_id_that_no_search_can_have_is_left_out(head: bytes) -> None:
    """Then the size alone chooses, and the bytes decide."""
    content = head + b"Subject: x\r\n\r\nText\r\n"
    with BentServer([content], Bend()) as bent:
        bent.folders[b"Filed"] = {9: content}
        assert copied(bent, {1: digest(content)}) == {1}
        assert not [line for line in bent.heard if b"SEARCH" in line and b"Message-ID" in line]


@pytest.mark.parametrize("whole", ["nil", "left out", "empty", "a part", "refused"])
def test_a_copy_that_does_not_arrive_is_none(whole: str) -> None:
    """The message is copied once more: two copies are better than none."""
    with BentServer(MAILS, Bend(), {9: Bend(whole=WHOLES[whole])}) as bent:
        bent.folders[b"Filed"] = {9: MAILS[0]}
        assert copied(bent, {1: digest(MAILS[0])}) == set()


def test_a_copy_without_end_is_given_up() -> None:
    """A server that says 1,000 bytes and gives gigabytes is broken."""
    with BentServer(MAILS, Bend(), {9: Bend(longer=10**9)}) as bent:
        bent.folders[b"Filed"] = {9: MAILS[0]}
        with pytest.raises(Excess, match="message 9 is longer"):
            copied(bent, {1: digest(MAILS[0])})
