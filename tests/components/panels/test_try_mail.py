"""The panel *Try a mail*, without a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components.mails import Mailbox, mail
from tests.servers.wsgi import Reader
from trac_mailintake.components.panels.try_mail import LARGEST

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import Page, TracEnv

PANEL = "/admin/mailintake/try"


@pytest.fixture(scope="module")
def viewer(shared_env: TracEnv, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Who may only look; strangers may make tickets."""
    shared_env.grant("anonymous", "TICKET_CREATE")
    shared_env.grant("viewer", "MAILINTAKE_VIEW")
    folder: Path = tmp_path_factory.mktemp("try") / "maildir"
    assert Mailbox(shared_env, folder).add_service("bulk=hold").status == 0
    return Reader(shared_env, "viewer")


def upload(viewer: Reader, content: bytes, name: str = "mail.eml") -> Page:
    """Send the form with a file."""
    viewer.get(PANEL)
    fields = {"__FORM_TOKEN": viewer.cookies["trac_form_token"], "service": "support"}
    parts = [f'Content-Disposition: form-data; name="{key}"\r\n\r\n{value}' for key, value in fields.items()]
    parts.append(f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n{content.decode("ascii")}')
    body = "".join(f"--limit\r\n{part}\r\n" for part in parts) + "--limit--\r\n"
    return viewer.ask("POST", PANEL, headers={"Content-Type": "multipart/form-data; boundary=limit"}, body=body)


def test_what_a_pasted_mail_would_become_is_shown_and_nothing_written(viewer: Reader, shared_env: TracEnv) -> None:
    """With what was pasted, to change it and try again."""
    page = viewer.post(PANEL, {"service": "support", "mail": mail(subject="The <b>printer</b>").decode()})
    assert page.status == 200
    assert "mailintake-created" in page.text
    assert "The &lt;b&gt;printer&lt;/b&gt;" in page.text
    assert "Please help." in page.text
    assert shared_env.tickets() == []
    assert shared_env.query("SELECT COUNT(*) FROM mailintake_delivery") == [(0,)]


def test_a_mail_that_would_be_held_has_no_ticket_to_show(viewer: Reader) -> None:
    """But the rule, and why."""
    page = viewer.post(PANEL, {"service": "support", "mail": mail(more="Auto-Submitted: auto-replied\n").decode()})
    assert "mailintake-held" in page.text
    assert "What would be filed" not in page.text


def test_an_uploaded_mail_comes_before_a_pasted_one(viewer: Reader) -> None:
    """A form without a file has an empty one."""
    assert "Uploaded" in upload(viewer, mail(subject="Uploaded")).text
    assert "Paste a mail, or choose a file." in upload(viewer, b"", "").text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"service": "support", "mail": ""}, "Paste a mail, or choose a file."),
        ({"service": "gone", "mail": "Subject: x\n\nHi\n"}, "Choose a service."),
        ({"mail": "Subject: x\n\nHi\n"}, "Choose a service."),
    ],
)
def test_what_is_missing_is_said(viewer: Reader, fields: dict[str, str], said: str) -> None:
    """Beside its field; what was pasted stays."""
    page = viewer.post(PANEL, fields)
    assert page.status == 200
    assert said in page.text
    assert fields["mail"].partition("\n")[0] in page.text


def test_what_is_too_large_to_be_tried_is_said(viewer: Reader) -> None:
    """Only as much of it is kept as is needed to know."""
    assert "larger than the 32 MB" in upload(viewer, b"Subject: x\n\n" + b"x" * LARGEST).text


def test_a_service_that_cannot_run_is_said(viewer: Reader, shared_env: TracEnv) -> None:
    """Its handler is gone with a plugin."""
    with shared_env.env.db_transaction as db:
        db("UPDATE mailintake_service SET handler='gone'")
    page = viewer.post(PANEL, {"service": "support", "mail": mail().decode()})
    with shared_env.env.db_transaction as db:
        db("UPDATE mailintake_service SET handler='create-or-comment'")
    assert page.status == 200
    assert "gone" in page.text


PASSED = "Authentication-Results: mx.example.org; dmarc=pass header.from=example.net\n"
FAILED = "Authentication-Results: mx.example.org; dmarc=fail header.from=example.com\n"
OURS = "Received: from a by mx.example.org with ESMTP\n"
OTHER = "Received: from a by gw.example.net with ESMTP\n"


@pytest.mark.parametrize(
    ("hosts", "trace", "said"),
    [
        ("", PASSED + OURS, "No proof of the sender: from header only: authserv_ids names no mail server"),
        ("mx.example.org", PASSED + OURS, "Proof of the sender: dmarc=pass by mx.example.org"),
        ("mx.example.org", FAILED + OURS, "No proof of the sender: from header only: dmarc=fail by mx.example.org"),
        (
            "mx.example.org",
            PASSED + OTHER,
            "no Received field is by a host of authserv_ids (the topmost is by gw.example.net)",
        ),
        ("mx.example.org", OURS, "the border host wrote no Authentication-Results"),
        ("mx.other.example:mx.example.org", PASSED + OURS, "are of mx.example.org, which authserv_ids does not name"),
        (
            "mx.example.org, .example.org",
            OTHER + PASSED + OURS,
            "it came by gw.example.net, which authserv_ids does not name",
        ),
        ("google", PASSED + OURS, "it came by mx.example.org, which authserv_ids does not name"),
    ],
)
def test_it_says_whether_proof_was_seen_and_why_not(
    viewer: Reader, shared_env: TracEnv, hosts: str, trace: str, said: str
) -> None:
    """Whoever sets authserv_ids tries a mail first. `explain` says the same."""
    shared_env.command("mailintake", "service", "set", "support", f"authserv_ids={hosts}")
    tried = (trace.encode() + mail(subject="Proof")).decode()
    assert said in viewer.post(PANEL, {"service": "support", "mail": tried}).text
    shared_env.command("mailintake", "service", "set", "support", "authserv_ids=")
