"""Text of a stranger is text, however it comes and wherever Trac shows it."""

from __future__ import annotations

import os
import time
from contextlib import closing
from dataclasses import replace
from random import Random, SystemRandom
from typing import TYPE_CHECKING

import pytest
from trac.test import EnvironmentStub, MockRequest
from trac.ticket.model import Ticket
from trac.web.chrome import web_context
from trac.wiki.formatter import format_to_html

from tests.security.hunt.mails import PNG, Made, encoded, leaf, message, multipart
from tests.security.hunt.scene import Scene
from tests.security.hunt.verdict import Page, faults
from tests.security.kinds import EVIL, FORM, HTML, NAMES, TEXT, html, image
from tests.servers.tracenv import TracEnv
from trac_mailintake.bootstrap import settings_of
from trac_mailintake.mail.wiki.truncate import cut

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 10
"""Of the processor, for the search that every run of the tests makes."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A Trac that takes in mail in each manner, for all tests of this module."""
    folder = tmp_path_factory.mktemp("scene")
    with closing(TracEnv.create(folder / "env")) as trac:
        yield Scene(trac, folder)


def shown(scene: Scene, content: str, made: Made | None = None, *, pages: bool = False) -> list[str]:
    """What Trac shows of a mail that it does not mean: as a ticket, as a comment, in each manner, in each view."""
    meant = made or Made()

    def make(message_id: str, *fields: str) -> Made:
        return replace(meant, raw=message(message_id, content, "Subject: x", *fields))

    return [f"{finding.what}\n{finding.wiki}" for finding in scene.judged([make] * 3, [False, True], pages=pages)]


@pytest.mark.parametrize("kind", HTML)
def test_the_text_of_html_is_text(scene: Scene, kind: str) -> None:
    """In whatever notation, from however many elements it is joined, and where Trac shows it in one line."""
    assert shown(scene, *html(HTML[kind])) == []


@pytest.mark.parametrize("kind", TEXT)
def test_plain_text_is_text(scene: Scene, kind: str) -> None:
    """By itself, and beside HTML."""
    part = leaf("text/plain; charset=utf-8", TEXT[kind].encode())
    assert shown(scene, part) == []
    beside, made = html("<p>x</p>")
    assert shown(scene, multipart(Random(1), "mixed", beside, part), made) == []  # noqa: S311 - any boundary


@pytest.mark.parametrize("kind", NAMES)
def test_the_name_of_an_image_is_a_name(scene: Scene, kind: str) -> None:
    """The image is shown, as it came, under the name that it has in the ticket."""
    content, made = html("<p>x<img src=cid:a>y</p>", image(encoded(NAMES[kind])))
    assert shown(scene, content, made) == []
    rows = scene.trac.query("SELECT id, filename FROM attachment")
    ticket, attached = max(rows, key=lambda row: int(str(row[0])))
    assert f"x[[Image({attached})]]y" in Ticket(scene.trac.env, ticket)["description"]


@pytest.mark.parametrize("name", ["x.png)]][[Tripwire(y.png", "x.png, 5000px, class=pwn", "MeatBall"])
def test_the_name_of_the_same_file_is_a_name(scene: Scene, name: str) -> None:
    """Where an image is attached already, as a file that nobody meant to be shown."""
    where = f'Content-Disposition: attachment; filename="{encoded(name)}"'
    file = multipart(Random(1), "mixed", leaf("application/octet-stream", PNG, where))  # noqa: S311 - any boundary
    content, made = html("<p>x<img src=cid:a>y</p>", image("logo.png"))

    def first(message_id: str, *fields: str) -> Made:
        return Made(raw=message(message_id, file, "Subject: x", *fields))

    def answer(message_id: str, *fields: str) -> Made:
        return replace(made, raw=message(message_id, content, "Subject: x", *fields))

    assert [finding.what for finding in scene.judged([first, answer], [True], pages=False)] == []


def test_an_image_that_is_not_attached_is_no_other_image(scene: Scene) -> None:
    """Where the ticket has another of that name."""
    scene.trac.env.config.set("attachment", "max_size", "10")
    content, made = html("<p>x<img src=cid:a>y</p>", image("logo.png"))
    try:
        assert shown(scene, content, made) == []
    finally:
        scene.trac.env.config.set("attachment", "max_size", "262144")
    assert "x`logo.png`y\r\n" in scene.trac.tickets()[-1]["description"]


def test_a_text_that_is_cut_means_nothing_else() -> None:
    """Wherever Trac's limit falls: within a word, a link, an escape, code."""
    lines = (
        "{{{ r12x FooBar1 !#1 `[[TracIni]]` ![[TracIni]] [http://x.example/ FooBarx] {{{{{{x}}}}}} (FooBar1) r1x",
        "{{{",
        "#!default",
        "[[TracIni]]",
        "}}}",
        "{{{ x",
    )
    text = "\n".join(lines)
    env = EnvironmentStub(enable=["trac.*"], default_data=True)
    context = web_context(MockRequest(env), "ticket", 1)
    made = Made(html=True, elements={"code", "pre"}, targets={"http://x.example/"})
    for limit in range(1, len(text)):
        left = cut(text, limit)
        assert len(left) <= limit
        shown = str(format_to_html(env, context, f"{left}\n\nend"))
        assert list(faults(shown, made, Page(1, frozenset()))) == [], left
        assert shown.rstrip().endswith("end\n</p>"), left
    env.shutdown()


def test_a_search_finds_nothing(scene: Scene) -> None:
    """Mails made at random of wiki syntax; `make hunt-markup` searches for longer, and for others each time."""
    seed = 1 if os.environ.get("CI") == "true" else SystemRandom().randrange(1_000_000_000)
    began = time.process_time()
    while time.process_time() - began < SECONDS:
        findings = [f"{each.what}\n{each.wiki}" for each in scene.round(Random(seed), 20)]  # noqa: S311 - can be repeated
        assert findings == [], f"python -m tests.security.hunt --rounds 1 --seed {seed}"
        seed += 1


def test_the_search_would_tell(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """A sender who may write markup (`text=wiki`) is found out, in a text and on each page."""
    scene = Scene(sqlite_env, tmp_path)
    settings_of(sqlite_env.env).services.set("plain", {"text": "wiki"})
    text = f"[[Tripwire]] [[Image({EVIL}, inline)]]\n\n{{{{{{\n#!html\n{FORM}\n}}}}}}"
    found = "\n".join(shown(scene, leaf("text/plain", text.encode()), pages=True))
    for each in ("<tripwire", "an image, of plain text", "<form", "/timeline", "/query", "/ticket/"):
        assert each in found
