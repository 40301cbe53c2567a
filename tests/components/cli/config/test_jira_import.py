"""JIRA's handler parameters are taken over, and what cannot be is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trac_mailintake.runs import open_intake

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.intake.settings import Service

IMPORT = ("mailintake", "service", "import-jira")
SEED = "project=JRA, issuetype=1, createusers=true, bulk=forward, catchemail=support@example.org"


@pytest.fixture
def trac(sqlite_env: TracEnv) -> TracEnv:
    """An environment whose key is JRA."""
    sqlite_env.set(("mailintake", "project_key", "JRA"))
    return sqlite_env


@pytest.fixture
def place(tmp_path: Path) -> tuple[str, str]:
    """Where a service may look for mail."""
    for name in ("new", "cur", "tmp"):
        (tmp_path / "Maildir" / name).mkdir(parents=True)
    return "kind=maildir", f"path={tmp_path / 'Maildir'}"


def support(trac: TracEnv) -> Service:
    """The service called support."""
    return open_intake.settings(trac.env).services.get("support")


def test_jiras_string_becomes_a_service(trac: TracEnv, place: tuple[str, str]) -> None:
    """All of it here, and JIRA's default to give tickets to known recipients."""
    done = trac.command(*IMPORT, "support", SEED, *place, "forward=boss@example.org")
    assert (done.status, done.err) == (0, "")
    assert "Service support added: maildir, create-or-comment." in done.out
    (left,) = [line for line in done.out.splitlines() if line.startswith("Left out")]
    assert left.startswith("Left out: component: new tickets get 'component1'"), "JIRA's string names no component"
    parameters = support(trac).parameters
    assert (parameters.text("project"), parameters.text("issuetype"), parameters.text("bulk")) == (
        "JRA",
        "1",
        "forward",
    )
    assert parameters.words("catchemail") == ("support@example.org",)
    assert [parameters.flag(name) for name in ("createusers", "notifyusers", "ccassignee")] == [True, True, True]


def test_what_cannot_be_taken_over_is_said(trac: TracEnv, place: tuple[str, str]) -> None:
    """Each with its reason; the rest is taken."""
    typed = (
        "project=OTHER, issuetype=9, bulk=explode, reporterusername=nobody, ccassignee=false, "
        "usessl=true, wibble=1, stripquotes=false, nonsense,,"
    )
    done = trac.command(*IMPORT, "support", typed, *place)
    assert done.status == 0
    left = [line.removeprefix("Left out: ") for line in done.out.splitlines() if line.startswith("Left out: ")]
    assert [line.partition(":")[0] for line in left] == [
        "project=OTHER",
        "issuetype=9",
        "bulk=explode",
        "reporterusername=nobody",
        "usessl=true",
        "wibble=1",
        "nonsense",
        "component",
    ]
    assert "JRA" in left[0]
    assert "1 (defect)" in left[1]
    assert "security=tls" in left[4]
    assert support(trac).parameters.flag("stripquotes") is False
    assert support(trac).parameters.flag("ccassignee") is False


def test_what_is_still_missing_is_said(trac: TracEnv, place: tuple[str, str]) -> None:
    """A forward address, a store of passwords, somebody who acts for strangers."""
    done = trac.command(*IMPORT, "support", SEED, *place)
    assert "bulk=forward needs a forward address" in done.out
    assert "people are only remembered" in done.out
    assert "strangers' mail will be held" in done.out


def test_a_pattern_goes_to_the_handler_that_splits(trac: TracEnv, place: tuple[str, str]) -> None:
    """Other handlers have no use for it; what is typed here comes before JIRA's."""
    typed = "splitregex=/-+Original Message-+|^From:/, bulk=delete"
    done = trac.command(*IMPORT, "support", typed, *place, "handler=comment-regex", "bulk=hold")
    assert "Left out" not in done.out
    assert support(trac).handler == "comment-regex"
    assert support(trac).parameters.text("splitregex") == "/-+Original Message-+|^From:/"
    assert support(trac).parameters.text("bulk") == "hold"
    again = trac.command(*IMPORT, "other", typed, *place)
    assert "Left out: splitregex=" in again.out


def test_a_service_that_is_there_gets_the_parameters(trac: TracEnv, place: tuple[str, str]) -> None:
    """And keeps what it has."""
    trac.command("mailintake", "service", "add", "support", *place, "keywords=mail", "delay=7")
    done = trac.command(*IMPORT, "support", "issuetype=3")
    assert "Service support changed" in done.out
    assert (support(trac).delay, support(trac).parameters.text("keywords")) == (7, "mail")
    assert support(trac).parameters.text("issuetype") == "3"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("support",), "Invalid arguments"),
        (("support", SEED), "kind=: not allowed"),
        (("support", SEED, "kind=maildir", "path=/x", "handler=destroy"), "handler=destroy: not allowed"),
    ],
)
def test_wrong_use_is_said(trac: TracEnv, words: tuple[str, ...], said: str) -> None:
    """And nothing is saved."""
    done = trac.command(*IMPORT, *words)
    assert done.status == 2
    assert said in done.err + done.out
    assert open_intake.settings(trac.env).services.names() == []
