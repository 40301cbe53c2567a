"""Documents that code, comments and pages refer to are in the repository, and so are the headings they link to."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

import pytest

from tests.house.tree import ROOT, tracked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_READ = {".cfg", ".html", ".md", ".py", ".toml"}
_SAMPLES = ROOT / "tests" / "data"
# Sections of documents that only their authors have. The pattern does not match itself.
_SECTION = re.compile(
    r"\bspe[c](?:ification)?(?:'s\b|(?:'s)?,? [0-9])|(?<!\w)\(spe[c](?:ification)?[ ,)]|\bthe specificatio[n]\b(?! of)",
    re.IGNORECASE,
)
_CITATION = re.compile(
    r"""
      https?://[^\s()\[\]"'`]+                           # another site's
    | (?P<link>\]\()? (?P<page>(?:[\w.-]+/)*[\w-]+\.md)(?!\w) (?:\#(?P<anchor>[\w-]+))?
    | \]\(\#(?P<here>[\w-]+)\)
    """,
    re.VERBOSE,
)
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^\#{1,6} (.+)$", re.MULTILINE)
_DROPPED = re.compile(r"[^\w -]")


def texts() -> Iterator[tuple[Path, str]]:
    """The files in which people read and write, but for mails that are samples."""
    for path in tracked():
        if path.suffix in _READ and _SAMPLES not in path.parents:
            yield path, path.read_text("utf-8")


@functools.cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = _HEADING.findall(_FENCED.sub("", page.read_text("utf-8")))
    return frozenset(_DROPPED.sub("", heading.lower()).replace(" ", "-") for heading in headings)


def astray(path: Path, text: str) -> Iterator[str]:
    """The citations in a file's text that lead nowhere, each after its line's number.

    A page's links are relative to it. Elsewhere a path may also begin at the root, and a bare name mean one of `docs`.
    """
    for match in _CITATION.finditer(text):
        if not (match["page"] or match["here"]):
            continue
        relative = match["link"] and path.suffix == ".md"
        folders = (path.parent,) if relative else (ROOT, path.parent, ROOT / "docs")
        name, anchor = (match["page"], match["anchor"]) if match["page"] else (path.name, match["here"])
        page = next((found for folder in folders if (found := folder / name).is_file()), None)
        if page is None or (anchor and anchor not in anchors(page)):
            yield f"{text.count(chr(10), 0, match.start()) + 1} {match[0]}"


def test_each_document_and_heading_that_is_named_is_there() -> None:
    """Links within pages, and citations in code such as `docs/behaviour.md#rates`."""
    lost = [f"{path.relative_to(ROOT)}:{each}" for path, text in texts() for each in astray(path, text)]
    assert not lost, "\n".join(["", *lost])


def test_no_section_of_an_absent_document_is_cited() -> None:
    """The rules are in docs/behaviour.md, by their names."""
    lost = [
        f"{path.relative_to(ROOT)}:{number} {line.strip()[:100]}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if _SECTION.search(line)
    ]
    assert not lost, "\n".join(["", *lost])


def test_no_rule_has_two_headings() -> None:
    """An anchor means one heading; GitHub numbers those that repeat."""
    headings = _HEADING.findall((ROOT / "docs" / "behaviour.md").read_text("utf-8"))
    assert len(headings) == len(set(map(str.lower, headings))) > 20


@pytest.mark.parametrize(
    "text",
    ["libraries" + ".md knows", "docs/absent" + ".md", "docs/behaviour.md" + "#absent", "[it](docs/absent" + ".md)"],
)
def test_citations_that_lead_nowhere_are_recognised(text: str) -> None:
    """In whatever file."""
    assert list(astray(ROOT / "tests" / "sample.py", text))


@pytest.mark.parametrize("text", ["[it](docs/behaviour.md)", "[it](hooks.md#" + "absent)", "[it](#" + "absent)"])
def test_links_of_a_page_are_relative_to_it(text: str) -> None:
    """They are resolved as a browser resolves links."""
    assert list(astray(ROOT / "docs" / "hooks.md", text))


@pytest.mark.parametrize(
    "text",
    [
        "docs/behaviour.md#rates",
        "see hooks.md.",
        "(docs/behaviour.md#message-ids)",
        "https://example.org/x.md",
        "hashlib.md5",
        "[it](README.md)",
    ],
)
def test_other_citations_pass(text: str) -> None:
    """Pages of ours by path or by name, and what is no page of ours."""
    assert not list(astray(ROOT / "benchmarks" / "README.md", text))


@pytest.mark.parametrize(
    "text",
    [
        "(spec" + " 4, Rates)",
        "Spec" + " 7's table",
        "(specification" + ", 5)",
        "spec" + "'s column",
        "by the " + "specification.",
    ],
)
def test_sections_of_absent_documents_are_recognised(text: str) -> None:
    """The check finds what the rule forbids."""
    assert _SECTION.search(text)


@pytest.mark.parametrize("text", ["RFC 5322, 3.4", "scrub(spec)", "hook specifications", "addr-spec, which"])
def test_other_words_pass(text: str) -> None:
    """RFCs have sections, and addresses specs."""
    assert not _SECTION.search(text)
