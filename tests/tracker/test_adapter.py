"""Trac behind the port of the core: what a rule of the product says of the ticket counts before anything is staged."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING

from tests.builders import enclosed, message, new_ticket, service, written_by
from tests.rig import Rig, id_of, mail
from trac_mailintake.intake.ports import Prepared
from trac_mailintake.mail.message import Address

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from tests.tracker.conftest import Desk


def test_a_sender_is_the_user_of_that_address(desk: Desk) -> None:
    """Asked for each mail; users are read once."""
    desk.trac.know("joe", "joe@example.org")
    tracker = desk.tracker
    assert tracker.sender(written_by(Address("Joe", "joe@example.org")), service()).username == "joe"
    assert tracker.sender(written_by(Address("", "bob@example.org")), service()).username == "anonymous"
    assert tracker.reader.username(Address("", "JOE@example.org")) == "joe"


def test_a_change_is_prepared_and_explained_without_a_file(desk: Desk, tmp_path: Path) -> None:
    """What would be attached is named either way; only what is to be filed is staged."""
    change = new_ticket(attachments=(enclosed(tmp_path, "log.txt", b"content"),))
    for explain in (True, False):
        prepared = desk.tracker.prepare(change, message(), service(), explain=explain)
        assert isinstance(prepared, Prepared)
        staged = [each for each in (desk.trac.path / "files").rglob("*") if each.is_file()]
        assert any(each.read_bytes() == b"content" for each in staged) is not explain


def test_a_ticket_over_its_rate_takes_no_comment(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """The rule is asked once the ticket is known, whatever led to it."""
    rig = Rig(sqlite_env, tmp_path)
    first = mail("A question")
    rig.drop(first)
    sqlite_env.command("mailintake", "run", "--force")  # the backlog of a first run is no flood
    rig.set(rate_ticket="1")
    now = f"Received: from x by mx.example.org; {formatdate()}"
    rig.drop(*(mail("Re: A question", f"In-Reply-To: {id_of(first)}", now) for _ in range(2)))
    rig.run()
    assert rig.outcomes[1:] == [("commented", "message-id"), ("held", "rate-ticket")]
