"""Which mails are copies of which."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.builders import NOWHERE, message
from trac_mailintake.mail.content_digest import content_digest
from trac_mailintake.mail.spool import Slice
from trac_mailintake.tracker.db.transaction import key
from trac_mailintake.tracker.message_ids.copies import content_of, copies
from trac_mailintake.tracker.message_ids.known import Known

if TYPE_CHECKING:
    from pathlib import Path

    from trac_mailintake.mail.message import Message

MAIL = message(digest="new", digest_before="old", sha256="bytes", raw=NOWHERE)


def filed(mail: Message, *, proved: bool, content: str = "content", service: str = "support") -> Known:
    """The row of a mail that was filed."""
    return Known(1, "hash", copies(service, mail, proved=proved).own, 7, 3, 0, None, content)


def of_version_1(mail: Message, content: str | None = None, service: str = "support") -> Known:
    """The row of a mail that version 1 filed; `content` is what the upgrade wrote."""
    name = key(service, mail.message_id, mail.digest_before) if mail.message_id else key(service, mail.sha256)
    return Known(1, "hash", name, 7, 3, 0, None, content)


@pytest.mark.parametrize(("then", "now", "same"), [(0, 0, True), (1, 1, True), (1, 0, True), (0, 1, False)])
def test_a_proved_mail_is_no_copy_of_an_unproved_one(then: int, now: int, *, same: bool) -> None:
    """Whoever sends a copy first does not keep the original out."""
    assert copies("support", MAIL, proved=bool(now)).has(filed(MAIL, proved=bool(then))) == same


def test_a_proved_mail_of_the_same_content_is_a_copy(tmp_path: Path) -> None:
    """It was unproved when it was filed, and authserv_ids were set since."""
    bytes_of_it = b"From: a@b.c\nStatus: O\n\nx\n"
    (tmp_path / "mail").write_bytes(bytes_of_it)
    mail = replace(MAIL, raw=Slice(str(tmp_path / "mail"), 0, len(bytes_of_it)))
    row = filed(mail, proved=False, content=content_digest([bytes_of_it.replace(b"Status: O", b"X-UID: 3")]))
    assert copies("support", mail, proved=True).has(row)
    assert not copies("support", mail, proved=True).has(row._replace(content=content_digest([b"another"])))
    assert not copies("support", mail, proved=True).has(row._replace(content=None))


@pytest.mark.parametrize("proved", [True, False])
@pytest.mark.parametrize("mail", [MAIL, replace(MAIL, message_id=None)])
def test_a_mail_of_version_1_counts_as_of_the_same_proof(mail: Message, *, proved: bool) -> None:
    """Its key is looked up, whatever proves the mail of today."""
    known = copies("support", mail, proved=proved)
    assert known.has(of_version_1(mail))
    assert of_version_1(mail).copy in known.others
    assert not known.has(of_version_1(mail, service="sales"))


def test_a_mail_of_version_1_is_known_by_its_bytes() -> None:
    """Where its texts are decoded in another way today. The other service's copy is no copy."""
    known = copies("support", replace(MAIL, digest_before="decoded today"), proved=False)
    assert known.has(of_version_1(MAIL, content="support bytes"))
    assert not known.has(of_version_1(MAIL, content="sales bytes"))
    assert not known.has(of_version_1(MAIL, content="support other"))


def test_each_service_files_its_own_copy() -> None:
    """Two services may share a mailbox."""
    for proved in (True, False):
        assert not copies("sales", MAIL, proved=False).has(filed(MAIL, proved=proved))
        assert not copies("sales", MAIL, proved=True).has(filed(MAIL, proved=proved))


def test_without_an_id_the_content_counts_whoever_it_is_from() -> None:
    """Nothing but all its bytes says which mail it is."""
    nameless = message(message_id=None, sha256="bytes")
    nameless.once("content", lambda: "one")
    assert copies("support", nameless, proved=True).own == copies("support", nameless, proved=False).own
    other = message(message_id=None, sha256="bytes")
    other.once("content", lambda: "two")
    assert copies("support", nameless, proved=True).own != copies("support", other, proved=True).own


def test_bytes_that_cannot_be_read_again_are_their_digest() -> None:
    """The spool is gone."""
    assert content_of(message(sha256="bytes", raw=Slice("/nowhere/at/all", 0, 5))) == "bytes"
