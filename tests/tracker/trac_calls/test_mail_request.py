"""A request that no browser sent has all that Trac's code and plugins ask a request for, and changes nothing."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from trac.perm import PermissionCache
from trac.util.datefmt import format_datetime, utc
from trac.web.chrome import Chrome, add_notice, add_warning

from trac_mailintake.tracker.trac_calls.mail_request import Upload, mail_request

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv


@pytest.fixture(scope="module")
def trac(shared_env: TracEnv) -> TracEnv:
    """Joe may make tickets, and has told a name."""
    shared_env.know("joe", "joe@example.org", "Joe Doe")
    shared_env.grant("joe", "TICKET_CREATE")
    return shared_env


@pytest.mark.parametrize(("user", "may"), [("joe", True), ("anonymous", False)])
def test_a_request_is_its_users(trac: TracEnv, user: str, *, may: bool) -> None:
    """Whose rights count, and whose preferences are read."""
    request = mail_request(trac.env, user, "/newticket", {"author": "Joe <joe@example.org>"})
    assert (request.authname, request.is_authenticated, request.remote_user) == (user, may, user if may else None)
    assert ("TICKET_CREATE" in request.perm("ticket")) is may
    assert request.session.get("name") == ("Joe Doe" if may else None)
    assert (request.method, request.path_info, request.remote_addr) == ("POST", "/newticket", "127.0.0.1")


def test_rights_that_are_known_are_not_asked_for_again(trac: TracEnv) -> None:
    """They may be those of somebody for whom the user acts."""
    rights = PermissionCache(trac.env, "joe")
    assert mail_request(trac.env, "anonymous", "/newticket", {}, rights).perm is rights


def test_what_the_form_would_send_is_there(trac: TracEnv) -> None:
    """As single values, as lists, and in order."""
    request = mail_request(trac.env, "joe", "/ticket/12", {"comment": "Hello", "sel": ["1", "2"]})
    assert request.args["comment"] == "Hello"
    assert request.args.getfirst("sel") == "1"
    assert request.args.getlist("sel") == ["1", "2"]
    assert request.args.get("missing") is None
    assert request.arg_list == [("comment", "Hello"), ("sel", ["1", "2"])]


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("http://trac.example.org", ""),
        ("http://trac.example.org/", ""),
        ("https://example.org/trac/moon", "/trac/moon"),
        ("https://example.org/trac/moon/", "/trac/moon"),
        ("https://example.org/tr%C3%A4c", "/tr%C3%A4c"),
    ],
)
def test_links_are_those_of_this_trac(sqlite_env: TracEnv, base: str, path: str) -> None:
    """With the address that the world knows it by, also below a path."""
    sqlite_env.set(("trac", "base_url", base))
    request = mail_request(sqlite_env.env, "joe", "/ticket/12", {})
    assert request.abs_href.ticket(12) == f"{base.rstrip('/')}/ticket/12"
    assert request.href.ticket(12) == f"{path}/ticket/12"
    assert request.path_info == "/ticket/12"
    assert request.scheme == base.partition(":")[0]


def test_a_plugin_may_use_the_page_and_the_session_and_leaves_nothing(trac: TracEnv) -> None:
    """Warnings, notices, the user's preferences, dates; what it sets in the session is gone."""
    before = trac.query("SELECT sid, name, value FROM session_attribute ORDER BY sid, name")
    request = mail_request(trac.env, "joe", "/newticket", {})
    add_warning(request, "Careful.")
    add_notice(request, "Well.")
    assert ([str(each) for each in request.chrome["warnings"]], len(request.chrome["notices"])) == (["Careful."], 1)
    request.session["hint"] = "kept?"
    request.session.save()
    assert trac.query("SELECT sid, name, value FROM session_attribute ORDER BY sid, name") == before
    assert (request.tz, request.locale, len(request.form_token)) == (utc, None, 24)
    assert "T" in format_datetime(None, "iso8601", request.tz)
    assert request.form_token == mail_request(trac.env, "anonymous", "/newticket", {}).form_token
    assert Chrome(trac.env).format_author(request, "joe@example.org")
    assert (request.use_xsendfile, request.xsendfile_header, request.configurable_headers) == (False, None, [])
    request.send_response(200)
    request.send_header("Content-Length", "2")
    request.end_headers()
    request.write(b"ok")


def test_an_upload_is_read_as_one_of_the_web_form(trac: TracEnv) -> None:
    """Name, file and size."""
    request = mail_request(trac.env, "joe", "/newticket", {})
    request.args["attachment"] = Upload("log.txt", io.BytesIO(b"12345"))
    name, file, size = request.args.getfile("attachment")
    assert (name, size, file.read()) == ("log.txt", 5, b"12345")
