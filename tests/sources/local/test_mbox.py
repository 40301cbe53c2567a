"""An mbox file."""

from __future__ import annotations

import fcntl
import mailbox
import os
from typing import TYPE_CHECKING, ClassVar

import pytest

from tests.sources.contract import SourceContract, mail, read, service, take
from trac_mailintake.hookspecs import Opening
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import Answer
from trac_mailintake.intake.ports import Peeking
from trac_mailintake.sources.local import mbox

if TYPE_CHECKING:
    from pathlib import Path

    from trac_mailintake.hookspecs import SourceKind
    from trac_mailintake.intake.ports import Source

FROM = b"From sender@example.org Sat Nov 21 09:05:34 2026\n"


class MboxPlace:
    """A file to which mail is appended as delivery agents do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def deliver(self, *mails: bytes) -> None:
        """Append them."""
        with self.path.open("ab") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            for content in mails:
                file.write(FROM + content + b"\n")

    def source(self, afterwards: str) -> Source:
        """A new one."""
        made = service(path=str(self.path), afterwards=afterwards)
        return mbox.KIND.open(Opening(made, None, made.afterwards, lambda: ""))

    def there(self) -> list[bytes]:
        """What lies there."""
        # Another reader than ours.
        return [bytes(each) for each in mailbox.mbox(self.path)] if self.path.exists() else []

    def moved(self) -> list[bytes]:
        """What was moved."""
        return []

    def seen(self) -> list[bytes]:
        """What is marked."""
        return []


@pytest.fixture
def place(tmp_path: Path) -> MboxPlace:
    """No file yet: it is made by the first delivery."""
    return MboxPlace(tmp_path / "mbox")


class TestMbox(SourceContract):
    """The contract."""

    kind: ClassVar[SourceKind] = mbox.KIND
    waits_for_all: ClassVar[bool] = True


@pytest.mark.parametrize(
    "line",
    [
        b"From here it goes on",
        b"From: not a separator",
        b"From the meeting of Sat Nov 21",
        b"From x Sat Nov 21 09:05:34 2026 and so on",
    ],
)
def test_a_line_of_text_that_begins_with_from_separates_nothing(place: MboxPlace, line: bytes) -> None:
    """Only an empty line before it and a date at its end make a separator."""
    content = b"Subject: one\n\nText\n\n" + line + b"\nMore\n" + FROM + b"no empty line before\n"
    place.deliver(content, mail(2))
    source = place.source("leave")
    assert read(source, list(source.list())) == [content, mail(2)]


@pytest.mark.parametrize(
    "separator",
    [
        b"From MAILER-DAEMON Fri Jul  8 12:08:34 2011",
        b"From a b@example.org  Sat Jan  3 01:05:34 1996",
        b"From x@example.org Sat Nov 21 09:05:34 2026 +0100",
        b"From x@example.org Sat Nov 21 09:05 CET 2026",
        b"From x Sat Nov 21 09:05:34 2026 remote from uucp",
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_separators_of_many_programs_are_known(place: MboxPlace, separator: bytes, end: bytes) -> None:
    """With any of the usual dates and line ends."""
    mails = [mail(number).replace(b"\n", end) for number in range(3)]
    place.path.write_bytes(b"".join(separator + end + content + end for content in mails))
    source = place.source("leave")
    assert [b"".join(chunks) for _, chunks in source.fetch(list(source.list()))] == mails


def test_quoted_from_lines_stay_quoted(place: MboxPlace) -> None:
    """The bytes are those of the file."""
    content = b"Subject: one\n\n>From the start\n>>From before\n"
    place.deliver(content)
    source = place.source("leave")
    assert read(source, list(source.list())) == [content]


def test_the_last_message_keeps_its_name_when_others_come(place: MboxPlace) -> None:
    """Whether or not the file ended in an empty line."""
    place.path.write_bytes(FROM + mail(1))
    source = place.source("leave")
    before = list(source.list())
    with place.path.open("ab") as file:
        file.write(b"\n" + FROM + mail(2))
    assert list(source.list())[:1] == before


def test_copies_of_the_same_bytes_count_once(place: MboxPlace) -> None:
    """And are deleted together."""
    place.deliver(mail(1), mail(1))
    source = place.source("delete")
    done = take(source)
    assert len(done) == 1
    source.dispose(done)
    assert place.path.read_bytes() == b""


def test_stays_until_every_message_is_disposed_of(place: MboxPlace) -> None:
    """What is not yet filed is never lost; what waits is answered with transient and must be given again."""
    place.deliver(mail(1), mail(2), mail(3))
    inode = place.path.stat().st_ino
    source = place.source("delete")
    done = take(source)
    place.deliver(mail(4))
    assert [reply.answer for reply in source.dispose(done[:2])] == [Answer.TRANSIENT] * 2
    assert [reply.answer for reply in source.dispose(done[2:])] == [Answer.TRANSIENT]
    assert place.there() == [mail(1), mail(2), mail(3), mail(4)]
    assert [reply.answer for reply in source.dispose(take(source)[3:])] == [Answer.COMPLETED]
    assert place.path.stat().st_size == 0
    assert place.path.stat().st_ino == inode


def test_what_comes_while_the_last_is_disposed_of_is_not_lost(place: MboxPlace) -> None:
    """The file is looked through again under both locks before it is emptied, whatever it was before."""
    place.deliver(mail(1), mail(2))
    source = place.source("delete")
    done = take(source)
    before = place.path.stat()
    place.path.write_bytes(place.path.read_bytes().replace(b"Text 2", b"Text 3"))
    os.utime(place.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [reply.answer for reply in source.dispose(done)] == [Answer.TRANSIENT] * 2
    assert place.there() == [mail(1), mail(2).replace(b"Text 2", b"Text 3")]


@pytest.mark.parametrize("size", [1, 3_000_000])
def test_no_header_is_given_of_what_took_the_place_of_a_mail(place: MboxPlace, size: int) -> None:
    """Another program removes a mail before it, without a lock that keeps readers out, while headers are read."""
    mails = [mail(number) + b"x" * size + b"\n" for number in range(3)]
    place.deliver(*mails)
    source = place.source("leave")
    assert isinstance(source, Peeking)
    heads = source.heads(source.list())
    _, beginning = next(heads)
    assert mails[0].startswith(beginning)
    assert beginning
    place.path.write_bytes(b"")
    place.deliver(*mails[1:], mails[0])
    with pytest.raises(SourceError, match="changed while it was read"):
        next(heads)


def test_a_file_that_is_no_mbox_is_told_and_not_touched(place: MboxPlace) -> None:
    """Somebody may have typed the wrong path."""
    place.path.write_bytes(b"root:x:0:0\n")
    with pytest.raises(SourceError, match="not an mbox file"):
        place.source("delete").list()
    assert place.path.read_bytes() == b"root:x:0:0\n"


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    """No file is an empty mailbox, no folder is a wrong path."""
    with pytest.raises(SourceError, match="does not exist"):
        MboxPlace(tmp_path / "none" / "mbox").source("leave").list()


def test_a_symbolic_link_is_not_followed(place: MboxPlace, tmp_path: Path) -> None:
    """Neither for reading nor for emptying."""
    (tmp_path / "other").write_bytes(FROM + mail(1))
    place.path.symlink_to(tmp_path / "other")
    with pytest.raises(SourceError, match="symbolic link"):
        place.source("delete").list()
