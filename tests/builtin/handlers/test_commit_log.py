"""Mail about commits becomes comments on the tickets that their logs name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.builders import DELIVERY, MEMBER, STRANGER, message, service
from tests.builtin.handlers.handling import ANSWER, NEW, asked, handled
from tests.fakes import FakeReader
from trac_mailintake.intake.model import Followup, Forward, Hold, Proof, Reopen
from trac_mailintake.intake.settings import check
from trac_mailintake.mail.message import Origin
from trac_mailintake.plugins.hooks import Rules

GIT = """The branch main has been updated.

commit 1f3a
Author: Ann Example <ann@example.org>

    Cool the printer, refs #12.

 printer.c | 2 +-

diff --git a/printer.c b/printer.c
--- a/printer.c
+++ b/printer.c
-burn(); /* #13 */
+cool();
"""
COMMIT = {"subject": "[printers] Cool the printer", "text": GIT, "origin": Origin.RESPONDER}


def tracker(*numbers: int, key: str = "") -> FakeReader:
    """One with these tickets, which those who commit may see."""
    reader = FakeReader(key=key)
    for number in numbers:
        reader.add(number)
        reader.rights.update((user, "TICKET_VIEW", number) for user in (MEMBER.username, "repository"))
    return reader


def test_a_commit_becomes_a_comment_on_the_ticket_of_its_log() -> None:
    """The log word for word, the diff only in the journal."""
    change = handled("commit-log", NEW, COMMIT, reader=tracker(12, 13))
    assert isinstance(change.target, Followup)
    assert (change.target.ticket, change.target.rule, change.target.proof) == (12, "commit-log", Proof.HANDLER)
    assert change.text.startswith("{{{\n#!default\nThe branch main has been updated.")
    assert "printer.c | 2 +-" in change.text
    assert "burn();" not in change.text
    assert change.removed.startswith("diff --git")


def test_code_in_which_the_diff_begins_is_closed() -> None:
    """In a mail of HTML, such as forges send."""
    text = "Cool, refs #12.\n\n{{{\nprinter.c\ndiff --git a/printer.c b/printer.c\n+cool();\n}}}"
    change = handled("commit-log", NEW, {"text": text, "markup": True}, reader=tracker(12), text="plain")
    assert change.text == "Cool, refs #12.\n\n{{{\nprinter.c\n}}}"


@pytest.mark.parametrize(
    ("subject", "text", "ticket"),
    [
        ("[repo] r7: fixes #12", "", 12),
        ("[repo] fixes #12", "refs #13", 12),
        ("r7", "refs #14, #13 and #12", 13),
        ("r7", "See ticket:13.", 13),
        ("r7", "Log Message:\n-----------\nMOON-13: cool", 13),
        ("r7", "EARTH-12 is another tracker's, MOON-13 is ours", 13),
        ("r7", "https://example.org/#12 and [other #12], but #13", 13),
        ("r7", "colour #12ab34, &#12; a#12 x/#12 #13", 13),
        ("r7", "Index: a.c\n#12\n", 12),
    ],
)
def test_the_first_ticket_that_is_named_counts(subject: str, text: str, ticket: int) -> None:
    """In the subject, then in the log; of those that there are."""
    mail = {"subject": subject, "text": text}
    change = handled("commit-log", NEW, mail, reader=tracker(12, 13, key="MOON"))
    assert isinstance(change.target, Followup)
    assert change.target.ticket == ticket


def test_the_log_comes_before_what_the_mail_answers() -> None:
    """Mails about commits are threaded by push, not by ticket; without a number they go where they belong."""
    change = handled("commit-log", ANSWER, COMMIT | {"text": "refs #13"}, reader=tracker(12, 13))
    assert isinstance(change.target, Followup)
    assert change.target.ticket == 13
    assert handled("commit-log", ANSWER, COMMIT | {"text": "typo"}, reader=tracker(12)).target == ANSWER


def test_a_commit_without_a_ticket_is_no_comment() -> None:
    """Held, or forwarded."""
    mail = {"subject": "typo", "text": "typo, #99"}
    objection = asked("commit-log", NEW, mail, reader=tracker(12))
    assert isinstance(objection, Hold)
    assert objection.rule == "no-ticket"
    assert isinstance(asked("commit-log", NEW, mail, forward="boss@example.org"), Forward)


def test_a_stranger_comments_on_no_ticket_that_they_name() -> None:
    """Unless somebody acts for strangers, whose rights Trac then asks for."""
    objection = asked("commit-log", NEW, COMMIT, sender=STRANGER, reader=tracker(12))
    assert isinstance(objection, Hold)
    assert (objection.rule, "actas" in objection.reason) == ("stranger", True)
    acting = replace(STRANGER, username="repository", author="repository")
    change = handled("commit-log", NEW, COMMIT, sender=acting, reader=tracker(12), reporterusername="repository")
    assert change.sender == acting
    assert "ann@example.org" in change.text


def test_a_user_without_ticket_view_comments_on_no_ticket_they_name() -> None:
    """Otherwise guessed numbers would write into hidden tickets: to append, Trac checks only TICKET_APPEND."""
    reader = tracker(12, 13)
    reader.rights.remove((MEMBER.username, "TICKET_VIEW", 12))
    objection = asked("commit-log", NEW, COMMIT, reader=reader)
    assert isinstance(objection, Hold)
    assert (objection.rule, "TICKET_VIEW" in objection.reason) == ("permission", True)


def test_mail_about_commits_is_automatic_and_accepted() -> None:
    """For this handler only; what a service says itself comes first."""
    rules = Rules(FakeReader(), group="none")
    mail = message(origin=Origin.RESPONDER, origin_reason="Auto-Submitted")
    for typed, objections in (({}, 0), ({"bulk": "hold"}, 1)):
        parameters = check(rules.parameters("commit-log"), typed)
        told = replace(service(), handler="commit-log", parameters=parameters)
        assert len(rules.screen(mail, DELIVERY, told, MEMBER)) == objections
    assert len(rules.screen(mail, DELIVERY, service(), MEMBER)) == 1


@pytest.mark.parametrize(
    ("mail", "quiet"),
    [
        ({"origin": Origin.PERSON}, False),
        ({"origin": Origin.BULK}, False),
        ({"origin": Origin.RESPONDER, "fields": (("Auto-Submitted", "auto-generated"),)}, False),
        ({"origin": Origin.RESPONDER, "fields": (("Auto-Submitted", "auto-replied"),)}, True),
        (
            {
                "origin": Origin.RESPONDER,
                "fields": (("Auto-Submitted", "auto-generated"),),
                "in_reply_to": ("<ours@example.org>",),
            },
            True,
        ),
        ({"origin": Origin.REPORT}, True),
    ],
)
def test_a_commit_is_told_of_but_a_machines_answer_is_not(mail: dict[str, object], quiet: bool) -> None:  # noqa: FBT001 - from the table above
    """Otherwise a vacation note to a notification would be answered by the next one."""
    change = handled("commit-log", NEW, {"text": "refs #12", **mail}, reader=tracker(12))
    assert (change.quiet, change.reopen) == (quiet, Reopen.NEVER)
