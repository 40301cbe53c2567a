"""`mailintake run` finds out whether there is work before it loads what does it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.components.mails import mail

if TYPE_CHECKING:
    from tests.components.mails import Mailbox


@pytest.mark.parametrize(("words", "said"), [((), ""), (("--json",), "[]\n"), (("--trace",), "")])
def test_a_run_without_work_says_nothing(mailbox: Mailbox, words: tuple[str, ...], said: str) -> None:
    """To programs: an empty list."""
    assert mailbox.add_service("delay=60").status == 0
    mailbox.run()
    mailbox.put(mail())
    idle = mailbox.trac.command("mailintake", "run", *words)
    assert (idle.status, idle.out, idle.err) == (0, said, "")
    assert mailbox.left() == 1


def test_where_fetching_is_off_nothing_is_done(mailbox: Mailbox) -> None:
    """Not even by force. Whoever asks for a service is told why; cron is told nothing."""
    mailbox.add_service()
    mailbox.trac.set(("mailintake", "fetch", "disabled"))
    idle = mailbox.trac.command("mailintake", "run")
    assert (idle.status, idle.out, idle.err) == (0, "", "")
    assert json.loads(mailbox.trac.command("mailintake", "run", "--json").out) == []
    assert "Nothing is fetched" in mailbox.trac.command("mailintake", "run", "support").err
    done = mailbox.run()
    assert (done.status, done.out, done.err) == (0, "", "Nothing is fetched: [mailintake] fetch = disabled.\n")


def test_what_is_due_or_named_runs(mailbox: Mailbox) -> None:
    """And so does everything by force."""
    mailbox.add_service()
    mailbox.put(mail())
    found = mailbox.trac.command("mailintake", "run", "--json", "--limit", "1")
    assert json.loads(found.out) == [{"service": "support", "counts": {"created": 1}, "error": ""}]
    assert "not due before" in mailbox.trac.command("mailintake", "run", "support").out
    assert mailbox.run("support").out == "support: no new mail\n"
