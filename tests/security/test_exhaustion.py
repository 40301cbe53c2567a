"""The cost of a mail grows with its size only, and a regular expression ends at its time limit."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.rig import Rig, mail
from trac_mailintake.intake import timed_regex
from trac_mailintake.intake.settings import Kind, Parameter, SettingError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

SECONDS: Final = 30
"""Of the processor, for a mail of everything at once: with the processes that help."""


def test_a_mail_of_too_much_of_everything_is_filed(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """300 attachments, 5,000 recipients, 10,000 ids, 5,000 fields: a ticket, in time, with no more than is useful."""
    rig = Rig(sqlite_env, tmp_path, ccwatcher="true")
    part = '--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename="{0}.txt"\n\nfile {0}\n'
    people = ",\n ".join(f"p{number}@example.net" for number in range(5000))
    ids = "\n ".join(f"<{number}@example.net>" for number in range(10_000))
    more = "\n".join(f"X-{number}: {number}" for number in range(5000))
    body = "--b\n\nHello\n" + "".join(map(part.format, range(300))) + "--b--\n"
    fields = (f"Cc: {people}", f"References: {ids}", 'Content-Type: multipart/mixed; boundary="b"', more)
    began = sum(os.times()[:4])
    rig.drop(mail("Much", *fields, body=body), mail("Little"))
    rig.run()
    assert sum(os.times()[:4]) - began < SECONDS
    assert [outcome for outcome, _ in rig.outcomes] == ["created", "created"]
    much, _ = sqlite_env.tickets()
    assert len(str(much["cc"]).split(",")) <= 11
    assert sqlite_env.query("SELECT COUNT(*) FROM attachment WHERE id='1'") == [(300,)]


HOSTILE = ("(a+)+$", "(?=.*(?=.*(?=.*z)))")
CALLS = ("(?R)?a", "(?:(?R))", "(a)(?1)", "(?P<x>a(?&x)?)", "(?P<x>a)(?P>x)", "(a(?-1)?b)", "\\\\(?R)")
ENDLESS = ("(" * 900 + ")" * 900, "a" * 3000, "|" * 200_000, "(?:" * 600, "[" * 2000, "a{1,99999999999999999999}")


@pytest.mark.parametrize("pattern", HOSTILE)
def test_an_expression_ends_in_time(pattern: str) -> None:
    """Found, not found, or given up after its seconds."""
    expression = timed_regex.read(pattern)
    began = time.process_time()
    with contextlib.suppress(TimeoutError):
        expression.begin("a" * 50_000 + "b")
    assert time.process_time() - began < 2 * timed_regex.SECONDS + 2


@pytest.mark.parametrize("pattern", [*CALLS, *ENDLESS])
def test_an_expression_that_no_clock_stops_is_refused_when_it_is_saved(pattern: str) -> None:
    """Groups that call each other take memory without looking at the clock; too long or too deep ones have no use."""
    parameter = Parameter("splitregex", Kind.EXPRESSION, "", "")
    with pytest.raises(SettingError):
        parameter.read(pattern)


def test_a_mail_whose_expression_takes_too_long_is_filed_whole(
    sqlite_env: TracEnv, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With a line in the log, and no traceback."""
    rig = Rig(sqlite_env, tmp_path)
    rig.drop(mail("First"))
    rig.run()
    rig.set(handler="comment-regex", splitregex="(a+)+$")
    rig.drop(mail("Re: #1", body="a" * 5000 + "b\n"))
    rig.run()
    assert rig.outcomes[-1] == ("commented", "subject")
    ((comment,),) = sqlite_env.query("SELECT newvalue FROM ticket_change WHERE field='comment'")
    assert str(comment).count("a") >= 5000
    assert "splitregex took too long" in caplog.text
    assert "Traceback" not in caplog.text
