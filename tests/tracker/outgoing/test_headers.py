"""The header fields of all our own mail, and that no text of a stranger's adds one."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trac_mailintake.mail.scrub import one_way
from trac_mailintake.tracker.options import LOOP_HEADER
from trac_mailintake.tracker.outgoing.headers import journal, letter, line, path

if TYPE_CHECKING:
    from tests.servers.tracenv import TracEnv

OURS = ["Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "Precedence", LOOP_HEADER]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(subject=st.text(st.characters(codec="utf-8")))
def test_a_letter_has_its_fields_and_no_others(shared_env: TracEnv, subject: str) -> None:
    """Whatever its subject is made of; it is one line, and says what the sender wrote."""
    sent = letter(shared_env.env, "ann@example.net", subject, "").as_bytes()
    read = message_from_bytes(sent, policy=policy.default)
    assert read.keys() == OURS
    assert (read["To"], read["From"]) == ("ann@example.net", f"{shared_env.env.project_name} <trac@example.org>")
    assert (read["Auto-Submitted"], read["Precedence"]) == ("auto-generated", "bulk")
    assert read["Message-ID"].endswith("@example.org>")
    assert read[LOOP_HEADER]
    assert "\n" not in line(subject)


@settings(max_examples=300)
@given(st.text(st.characters(codec="utf-8")))
def test_a_line_has_no_control_characters_and_an_end(text: str) -> None:
    """Letters stay in their order."""
    found = line(text)
    assert len(found) <= 300
    assert not any(ord(letter) < 32 or ord(letter) == 127 for letter in found)
    kept = "".join(each for each in one_way(text) if each > " " and each != "\x7f" and not each.isspace())
    assert "".join(found.split()) == kept[: len("".join(found.split()))]


@pytest.mark.parametrize(
    ("smtp_from", "addresses", "found"),
    [
        ("trac@example.org", "help@example.org", "trac@example.org"),
        ("", "help@example.org,more@example.org", "help@example.org"),
        ("", "", "trac@trac.example.org"),
        ("Help <help@büro.example>", "", "help@büro.example"),
        ("no address", "", "trac@trac.example.org"),
    ],
)
def test_we_write_from_an_address_of_ours(sqlite_env: TracEnv, smtp_from: str, addresses: str, found: str) -> None:
    """Trac's address, the service's, or one at our host, never the recipient's; the id is in the same domain."""
    sqlite_env.set(("notification", "smtp_from", smtp_from))
    sent = message_from_bytes(
        letter(sqlite_env.env, "ann@example.net", "Hello", addresses).as_bytes(), policy=policy.default
    )
    assert sent["From"].addresses[0].addr_spec == found
    assert sent["Message-ID"].endswith(f"@{found.rpartition('@')[2].encode('idna').decode()}>")
    assert str(sent["Message-ID"]).isascii()


@pytest.mark.parametrize(
    ("project", "configured", "shown"),
    [
        ("Support Desk", "", "Support Desk"),
        ("Support Desk", "Robot", "Robot"),
        ('Who? "Us", <they@example.com>; (you)', "", 'Who? "Us", <they@example.com>; (you)'),
        ("Bürgeramt Köln", "", "Bürgeramt Köln"),
        ("", "", ""),
    ],
)
def test_letters_name_the_project(sqlite_env: TracEnv, project: str, configured: str, shown: str) -> None:
    """As Trac's notifications do; whatever it is called, the address stays the only one."""
    sqlite_env.set(("project", "name", project), ("notification", "smtp_from_name", configured))
    sent = letter(sqlite_env.env, "ann@example.net", "Hello", "").as_bytes()
    (author,) = message_from_bytes(sent, policy=policy.default)["From"].addresses
    assert (author.display_name, author.addr_spec) == (shown, "trac@example.org")


def test_who_gets_an_answer_by_a_machine_is_told_so(shared_env: TracEnv) -> None:
    """RFC 3834, 5.2."""
    sent = letter(shared_env.env, "ann@example.net", "Hello", "", submitted="auto-replied")
    assert sent["Auto-Submitted"] == "auto-replied"


def test_nobody_answers_the_envelope_unless_that_is_wanted(sqlite_env: TracEnv) -> None:
    """A null path, or the address that is configured."""
    assert path(sqlite_env.env) == ""
    sqlite_env.set(("mailintake", "notice_sender", " bounces@example.org "))
    assert path(sqlite_env.env) == "bounces@example.org"


def test_the_link_leads_to_the_mails_page(shared_env: TracEnv) -> None:
    """With the address that the world knows this Trac by."""
    assert journal(shared_env.env, 12) == "http://trac.example.org/admin/mailintake/journal/12"
