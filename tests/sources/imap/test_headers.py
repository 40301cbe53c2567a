"""The headers of messages, from servers that bend their answers."""

from __future__ import annotations

import pytest

from tests.sources.bent import HEADERS, Bend, BentServer
from tests.sources.contract import mail, plain
from tests.sources.imap.test_absent import read, source
from trac_mailintake.intake.errors import LineBroke
from trac_mailintake.intake.ports.source import Peeking

MAILS = [mail(number) for number in range(1, 6)]
HELD_BACK = {"nil", "left out", "empty"}


@pytest.mark.parametrize("answer", sorted(HEADERS.keys() - {"hangs up", "refused", "misunderstood"}))
def test_each_header_comes_or_is_left_out(answer: str) -> None:
    """By one command for all, and whatever is wrong with that of one message, the others come."""
    with BentServer(MAILS, Bend(), {3: Bend(head=HEADERS[answer])}) as bent:
        made = source(bent)
        assert isinstance(made, Peeking)
        listed = list(made.list())
        came = dict(made.heads(listed))
        assert len(bent.asked) == 1
        assert [plain(head) for each, head in came.items() if each != listed[2]] == [
            content[: content.find(b"\n\n") + 2] for content in (*MAILS[:2], *MAILS[3:])
        ]
        assert (listed[2] in came) == (answer not in HELD_BACK)
        made.close()


@pytest.mark.parametrize("answer", ["refused", "misunderstood"])
def test_a_refusal_says_nothing_about_the_bodies(answer: str) -> None:
    """The session goes on, and all mails can be read in it."""
    with BentServer(MAILS, Bend(), {3: Bend(head=HEADERS[answer])}) as bent:
        made = source(bent)
        listed = list(made.list())
        assert len(list(made.heads(listed))) < len(MAILS)
        assert [b"".join(chunks) for _, chunks in made.fetch(listed)] == MAILS
        assert [line for line in bent.heard if b"LOGIN" in line.upper()][1:] == []
        made.close()


def test_the_end_of_a_session_is_told() -> None:
    """The next call begins another one."""
    with BentServer(MAILS, Bend(), {3: Bend(head=HEADERS["hangs up"])}) as bent:
        made = source(bent)
        listed = list(made.list())
        with pytest.raises(LineBroke):
            list(made.heads(listed))
        made.close()
        assert [*read(bent, range(6)).values()] == MAILS


def test_a_header_that_is_too_large_to_be_held_is_left_out() -> None:
    """Of this message nothing is known, and the others come."""
    huge = b"To: x@example.org\n" + b"X: %s\n" % (b"x" * 70) * 40_000 + b"\nText\n"
    with BentServer((MAILS[0], huge, MAILS[1]), Bend()) as bent:
        made = source(bent)
        listed = list(made.list())
        assert [each for each, _ in made.heads(listed)] == [listed[0], listed[2]]
        made.close()


def test_no_header_of_another_folder_is_asked_for() -> None:
    """The folder was made anew: its UIDs mean other messages."""
    with BentServer(MAILS, Bend()) as bent:
        made = source(bent)
        listed = list(made.list())
        bent.asked.clear()
        made._uidvalidity += 1
        assert list(made.heads(listed)) == []
        assert list(made.heads([])) == []
        assert bent.asked == []
        made.close()
