"""What the parser's process works out in advance."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest

from tests.mail.spooled import spooled
from trac_mailintake.mail import prefetch
from trac_mailintake.mail.parse import parse
from trac_mailintake.mail.reply.new_text import reply

if TYPE_CHECKING:
    from pathlib import Path

    from trac_mailintake.mail.message import Message

TEXT = "It works, see #12.\n\nOn 2 Mar 2026, Bob <bob@example.org> wrote:\n> Does it?\n"


def ahead(folder: Path, fields: str, text: str = TEXT) -> tuple[Message, Message]:
    """The message as it comes from the other process, and as it is parsed here."""
    raw = spooled(folder, f"From: a@example.org\n{fields}\n\n{text}".encode())
    sent: Message = pickle.loads(pickle.dumps(prefetch.read(raw)))  # noqa: S301 - we have just written it
    return sent, parse(raw)


@pytest.mark.parametrize(
    ("fields", "answers"),
    [
        ("Subject: New", False),
        ("Subject: Re: [#12] x", True),
        ("Subject: x\nIn-Reply-To: <1@example.org>", True),
        ("Subject: x\nReferences: <1@example.org>", True),
    ],
)
def test_the_text_that_will_be_filed_is_escaped_already(tmp_path: Path, fields: str, answers: bool) -> None:  # noqa: FBT001 - a row of the table
    """The new text of an answer, the whole text of another mail; the results go with the message."""
    sent, here = ahead(tmp_path, fields)
    text = reply(here).kept if answers else here.text
    wanted = prefetch.neutral_of(here, text)
    known = dict(sent.worked_out)
    assert prefetch.neutral_of(sent, text) == wanted
    assert sent.worked_out == known
    assert ("> Does it?" in wanted) is not answers
    assert "!#12" in wanted


def test_the_message_is_the_one_that_is_parsed(tmp_path: Path) -> None:
    """HTML is wiki text by then, and is not escaped once more."""
    sent, here = ahead(tmp_path, "Subject: x\nContent-Type: text/html", "<p>It <b>works</b>.</p>")
    assert sent == here
    assert not sent.worked_out
