"""Mail servers: what may be saved, and what is said when it may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trac_mailintake.intake.settings import SettingError
from trac_mailintake.intake.times import Seconds
from trac_mailintake.runs import open_intake
from trac_mailintake.tracker.config.servers import Servers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

HOST = {"host": "mail.example.org"}


@pytest.mark.parametrize(
    ("protocol", "security", "port"),
    [
        ("imap", "tls", 993),
        ("imap", "starttls", 143),
        ("imap", "none", 143),
        ("pop3", "tls", 995),
        ("pop3", "starttls", 110),
        ("pop3", "none", 110),
    ],
)
def test_the_port_is_the_usual_one_unless_given(sqlite_env: TracEnv, protocol: str, security: str, port: int) -> None:
    """By protocol and security."""
    servers = Servers(sqlite_env.env)
    assert servers.add("usual", {**HOST, "protocol": protocol, "security": security}).port == port
    assert servers.add("own", {**HOST, "protocol": protocol, "security": security, "port": "1234"}).port == 1234


def test_the_usual_port_follows_the_security_and_an_own_one_stays(sqlite_env: TracEnv) -> None:
    """Changing tls to starttls must not leave 993 behind, nor take away a port that was typed."""
    servers = Servers(sqlite_env.env)
    servers.add("usual", HOST)
    servers.add("own", {**HOST, "port": "1234"})
    assert servers.set("usual", {"security": "starttls"}).port == 143
    assert servers.set("own", {"security": "starttls"}).port == 1234
    assert servers.set("own", {"port": ""}).port == 1234


def test_everything_typed_comes_back(trac_env: TracEnv, tmp_path: Path) -> None:
    """On each database."""
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text("", encoding="ascii")
    typed = {
        "protocol": "pop3",
        "host": "pop.example.org",
        "security": "starttls",
        "username": "jürgen",
        "password": "geheim",
        "ca_file": str(ca_file),
        "timeout": "5",
        "description": "of the customers",
    }
    server = Servers(trac_env.env).add("Customers", typed)
    assert Servers(trac_env.reopen()).all() == [server]
    assert (server.protocol, server.host, server.port, server.security) == ("pop3", "pop.example.org", 110, "starttls")
    assert (server.username, server.ca_file, server.timeout) == ("jürgen", str(ca_file), Seconds(5))
    assert Servers(trac_env.env).password(server) == "geheim"


def test_what_is_not_typed_stays(sqlite_env: TracEnv) -> None:
    """The password too, which is never shown in a form to be sent back."""
    servers = Servers(sqlite_env.env)
    before = servers.add("a", {**HOST, "username": "joe", "password": "geheim", "timeout": "7"})
    after = servers.set("a", {"description": "new"})
    assert after.secret == before.secret
    assert (after.username, after.timeout, after.description) == ("joe", Seconds(7), "new")
    assert servers.set("a", {"password": ""}).secret == ""


@pytest.mark.parametrize(
    ("typed", "name", "allowed"),
    [
        ({"protocol": "exchange"}, "protocol=exchange", "imap, pop3"),
        ({"security": "ssl"}, "security=ssl", "tls, starttls, none"),
        ({"port": "0"}, "port=0", "whole number, 1 to 65535"),
        ({"port": "imaps"}, "port=imaps", "whole number, 1 to 65535"),
        ({"host": ""}, "host=", "the name or the address of a host"),
        ({"host": "imap://mail.example.org"}, "host=imap://", "without a scheme"),
        ({"timeout": "0"}, "timeout=0", "1 to 3600"),
        ({"ca_file": "/no/such/file.pem"}, "ca_file=/no/such/file.pem", "a file that is there"),
        ({"ca_file": "ca.pem"}, "ca_file=ca.pem", "absolute path"),
        ({"password": "file:relative"}, "password=(not shown)", "write file:/path"),
        ({"tls": "yes"}, "tls=(not shown)", "protocol"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name_its_value_and_what_is_allowed(
    sqlite_env: TracEnv, typed: dict[str, str], name: str, allowed: str
) -> None:
    """And nothing is saved."""
    with pytest.raises(SettingError) as caught:
        Servers(sqlite_env.env).add("a", {**HOST, **typed})
    assert name in str(caught.value)
    assert allowed in str(caught.value)
    assert Servers(sqlite_env.env).all() == []


@pytest.mark.parametrize("name", ["", " ", "-x", "a/b", "a=b", "x" * 61, "a\n", "trailing "])
def test_a_name_that_could_not_be_typed_is_refused(sqlite_env: TracEnv, name: str) -> None:
    """Names are words of commands."""
    with pytest.raises(SettingError, match="name="):
        Servers(sqlite_env.env).add(name, HOST)


def test_two_servers_cannot_have_the_same_name(trac_env: TracEnv) -> None:
    """Not in other letters either."""
    Servers(trac_env.env).add("Main", HOST)
    with pytest.raises(SettingError, match="not taken"):
        Servers(trac_env.env).add("main", HOST)


def test_a_server_that_a_service_uses_is_not_removed(sqlite_env: TracEnv) -> None:
    """The refusal names the service; without it the server goes."""
    settings = open_intake.settings(sqlite_env.env)
    settings.servers.add("main", {**HOST, "protocol": "imap"})
    settings.services.add("support", {"kind": "imap", "server": "main"})
    with pytest.raises(SettingError, match="used by support"):
        settings.servers.remove("main")
    with pytest.raises(SettingError, match="the service support uses this server"):
        settings.servers.set("main", {"protocol": "pop3"})
    settings.services.remove("support")
    settings.servers.remove("main")
    assert settings.servers.all() == []


def test_an_unknown_server_is_said_with_those_that_there_are(sqlite_env: TracEnv) -> None:
    """So that a slip of the finger is seen."""
    servers = Servers(sqlite_env.env)
    servers.add("main", HOST)
    for asked in (servers.get, servers.remove):
        with pytest.raises(SettingError, match=r"server=mian: not allowed\. Allowed: main"):
            asked("mian")


def test_no_password_lies_in_the_database_or_in_the_log(sqlite_env: TracEnv) -> None:
    """Nor in the text of the value."""
    sqlite_env.set(("trac", "debug_sql", "enabled"))
    server = Servers(sqlite_env.env).add("a", {**HOST, "password": "sehr geheim"})
    assert "sehr geheim" not in repr(server)
    assert "sehr geheim" not in repr(sqlite_env.query("SELECT * FROM mailintake_server"))
    assert "sehr geheim" not in sqlite_env.log()
    assert "mailintake_server" in sqlite_env.log()
