"""The answer to a FETCH of one message, read without holding it in memory."""

from __future__ import annotations

import imaplib
import io
from typing import TYPE_CHECKING

import pytest

from trac_mailintake.sources.imap.whole_message import Whole

if TYPE_CHECKING:
    from collections.abc import Iterator

MAIL = b"Subject: x\r\n\r\n" + b"line\r\n" * 1000


class Line:
    """A connection on which the answer lies."""

    def __init__(self, answer: bytes) -> None:
        self.tagged_commands: dict[bytes, object] = {b"T1": None}
        self._file = io.BytesIO(answer)

    def line(self) -> bytes:
        """See `whole_message.Line`."""
        return self._file.readline().rstrip(b"\r\n")

    def read(self, size: int) -> bytes:
        """See `whole_message.Line`."""
        return self._file.read(size)

    def chunks(self, size: int) -> Iterator[bytes]:
        """See `whole_message.Line`."""
        while size:
            chunk = self._file.read(min(size, 100))
            size -= len(chunk)
            yield chunk


def body(mail: bytes = MAIL, uid: int = 5, more: bytes = b")", length: int | None = None) -> bytes:
    """A response with a mail."""
    return b"* 1 FETCH (UID %d BODY[] {%d}\r\n%s%s\r\n" % (uid, len(mail) if length is None else length, mail, more)


def read(answer: bytes) -> tuple[int | None, bytes, str]:
    """The length that was announced, the mail, and what is wrong with it."""
    whole = Whole(Line(answer), "T1", 5)
    length = whole.begin()
    content = b"" if length is None else b"".join(whole.chunks())
    assert whole.finished or whole.fault
    return length, content, whole.fault


OK = b"T1 OK done\r\n"


@pytest.mark.parametrize(
    "before", [b"", b"* 2 EXISTS\r\n", b"* 1 FETCH (FLAGS ())\r\n", b"* 1 FETCH (X {2}\r\nab)\r\n"]
)
@pytest.mark.parametrize("more", [b")", b" FLAGS (\\Seen))", b" BODY[HEADER] {3}\r\na:b)"])
def test_a_mail_is_read_whatever_stands_around_it(before: bytes, more: bytes) -> None:
    """Other responses, and other items of its own."""
    assert read(before + body(more=more) + OK) == (len(MAIL), MAIL, "")


def test_a_short_mail_may_be_a_quoted_string() -> None:
    """It is held, as it came in a line."""
    assert read(b'* 1 FETCH (UID 5 BODY[] "Subject: x")\r\n' + OK) == (10, b"Subject: x", "")


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"* 1 FETCH (UID 5 FLAGS ())\r\n" + OK,
        b"* 1 FETCH (UID 5 BODY[] NIL)\r\n" + OK,
        b'* 1 FETCH (UID 6 BODY[] "x")\r\n' + OK,
        b'* 1 FETCH (UID 5 BODY[]<0> "x")\r\n' + OK,
    ],
)
def test_no_mail_is_none(answer: bytes) -> None:
    """It was expunged, or another one came."""
    assert read(answer) == (None, b"", "")


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"T1 NO server error\r\n", "the server says NO server error"),
        (body() + b"T1 BAD what?\r\n", "the server says BAD what?"),
        (body(uid=6) + OK, "another one"),
        (body() + body() + OK, "twice"),
        (body(length=len(MAIL) - 10) + OK, f"has not the {len(MAIL) - 10} bytes"),
        (body(more=b" BODY[] {3}\r\nabc)") + OK, f"has not the {len(MAIL)} bytes"),
    ],
)
def test_what_is_wrong_is_told(answer: bytes, fault: str) -> None:
    """What was read is no mail then."""
    assert fault in read(answer)[2]


@pytest.mark.parametrize("answer", [b"* BYE shutting down\r\n", b"nonsense\r\n", b""])
def test_a_session_that_ends_is_an_error_of_the_network(answer: bytes) -> None:
    """And nothing about the message."""
    with pytest.raises(imaplib.IMAP4.abort):
        Whole(Line(answer), "T1", 5).begin()
