"""What trac-admin says of mail servers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.servers.dovecot import PASSWORD, Dovecot
from tests.sources import scripted
from trac_mailintake.tracker.config.servers import Servers

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


def test_a_server_is_added_listed_changed_and_removed(sqlite_env: TracEnv) -> None:
    """And its password is seen nowhere."""
    words = ("mailintake", "server")
    added = sqlite_env.command(*words, "add", "main", "host=mail.example.org", "username=joe", "password=geheim")
    assert (added.status, added.out) == (0, "Mail server main added: imap at mail.example.org:993, tls.\n")
    listed = sqlite_env.command(*words, "list")
    assert "mail.example.org" in listed.out
    assert "encrypted" in listed.out
    assert sqlite_env.command(*words, "set", "main", "security=starttls").out.endswith(
        "mail.example.org:143, starttls.\n"
    )
    (server,) = json.loads(sqlite_env.command(*words, "list", "--json").out)
    assert (server["name"], server["port"], server["password"]) == ("main", 143, "encrypted")
    assert sqlite_env.command(*words, "remove", "main").status == 0
    assert json.loads(sqlite_env.command(*words, "list", "--json").out) == []
    assert sqlite_env.command(*words, "list").out == "There is no mail server yet.\n"


def test_a_password_can_be_read_from_standard_input(sqlite_env: TracEnv) -> None:
    """So that it stands in no list of processes."""
    sqlite_env.command("mailintake", "server", "add", "main", "host=h", "password=-", stdin=b"aus der Leitung\n")
    servers = Servers(sqlite_env.env)
    assert servers.password(servers.get("main")) == "aus der Leitung"


def test_a_server_is_tested_by_logging_in(sqlite_env: TracEnv, dovecot: Dovecot) -> None:
    """It lists the folders; the dialogue shows no password; a wrong one ends with 3 and a line."""
    user = dovecot.add_user()
    words = (f"host={dovecot.host}", f"port={dovecot.imaps}", f"ca_file={dovecot.authority}", f"username={user}")
    sqlite_env.command("mailintake", "server", "add", "main", *words, f"password={PASSWORD}")
    tested = sqlite_env.command("mailintake", "server", "test", "main", "--trace")
    assert (tested.status, "INBOX" in tested.out) == (0, True), tested.err
    assert "LOGIN" in tested.err.upper()
    assert PASSWORD not in tested.err
    sqlite_env.command("mailintake", "server", "set", "main", "password=wrong")
    refused = sqlite_env.command("mailintake", "server", "test", "main")
    assert refused.status == 3
    assert "main" in refused.err


def test_a_test_says_where_mail_is_moved_to(sqlite_env: TracEnv) -> None:
    """By its full name on that server, made if it is missing; where it cannot be, the test ends with 3."""
    with Dovecot(prefix="INBOX.") as dovecot:
        user = dovecot.add_user()
        words = (f"host={dovecot.host}", f"port={dovecot.imap}", "security=none", f"username={user}")
        sqlite_env.command("mailintake", "server", "add", "main", *words, f"password={PASSWORD}")
        service = ("kind=imap", "server=main", "folder=INBOX")
        added = sqlite_env.command("mailintake", "service", "add", "desk", *service, "afterwards=move:Processed")
        assert "Mail is moved to the folder INBOX.Processed, which was made now." in added.out
        tested = sqlite_env.command("mailintake", "server", "test", "main")
        assert (tested.status, tested.err) == (0, "")
        assert "desk: Mail is moved to the folder INBOX.Processed, which is there.\n" in tested.out
        json.loads(sqlite_env.command("mailintake", "server", "test", "main", "--json").out)
        sqlite_env.command("mailintake", "service", "set", "desk", "afterwards=move:INBOX.")
        refused = sqlite_env.command("mailintake", "server", "test", "main")
        assert refused.status == 3
        assert "desk: " in refused.err
        assert "cannot be made" in refused.err


def test_a_server_without_top_is_named_to_whom_it_concerns(sqlite_env: TracEnv) -> None:
    """When a service with `catchemail` is added, and in each test: what it means, and that nothing is kept."""
    text = b"From: a@example.org\r\nTo: b@example.org\r\n\r\nText\r\n"
    refusals: dict[str, bytes | None] = {"one": b"-ERR no such command\r\n"}
    for without, tops in (((), None), ((b"CAPA",), refusals)):
        with scripted.pop3({"one": text}, without=without, tops=tops) as odd:
            words = ("protocol=pop3", "host=127.0.0.1", f"port={odd.port}", "security=none", "username=ann")
            sqlite_env.command("mailintake", "server", "add", "old", *words, "password=secret of a test")
            service = ("kind=pop3", "server=old", "afterwards=leave")
            added = sqlite_env.command("mailintake", "service", "add", "all", *service)
            assert "TOP" not in added.out
            added = sqlite_env.command("mailintake", "service", "add", "desk", *service, "catchemail=c@example.org")
            assert "Note: pop3://ann@127.0.0.1" in added.out
            assert "(TOP), so mail for others is fetched whole to see whom it is for" in added.out
            tested = sqlite_env.command("mailintake", "server", "test", "old")
            assert (tested.status, tested.err, tested.out.count("(TOP)")) == (0, "", 1)
            json.loads(sqlite_env.command("mailintake", "server", "test", "old", "--json").out)
        for name in ("all", "desk"):
            sqlite_env.command("mailintake", "service", "remove", name)
        sqlite_env.command("mailintake", "server", "remove", "old")


def test_a_server_with_top_needs_no_note(sqlite_env: TracEnv, dovecot: Dovecot) -> None:
    """Whether there is mail or none."""
    user = dovecot.add_user()
    words = ("protocol=pop3", f"host={dovecot.host}", f"port={dovecot.pop3}", "security=none", f"username={user}")
    sqlite_env.command("mailintake", "server", "add", "main", *words, f"password={PASSWORD}")
    service = ("kind=pop3", "server=main", "afterwards=leave", "catchemail=c@example.org")
    assert "TOP" not in sqlite_env.command("mailintake", "service", "add", "desk", *service).out
    dovecot.deliver(user, b"From: a@example.org\n\nText\n")
    tested = sqlite_env.command("mailintake", "server", "test", "main")
    assert (tested.status, "TOP" in tested.out, tested.err) == (0, False, "")
    sqlite_env.command("mailintake", "server", "set", "main", "password=wrong")
    assert sqlite_env.command("mailintake", "server", "test", "main").status == 3
