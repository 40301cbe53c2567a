"""A Maildir on disk."""

from __future__ import annotations

import itertools
import os
import random
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest
from imapclient import imap_utf7

from tests.sources.contract import TARGET, MoveContract, SeenContract, SourceContract, mail, read, service, take
from trac_mailintake.hookspecs import Opening
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import Answer
from trac_mailintake.sources.local import maildir

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import SourceKind
    from trac_mailintake.intake.ports import Source


class MaildirPlace:
    """A Maildir into which mail is delivered as delivery agents do."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._numbers = itertools.count()
        for folder in ("tmp", "new", "cur"):
            (path / folder).mkdir(parents=True)

    def deliver(self, *mails: bytes) -> None:
        """Append them."""
        for content in mails:
            name = f"1700000000.M{next(self._numbers):06d}P1.host"
            (self.path / "tmp" / name).write_bytes(content)
            (self.path / "tmp" / name).rename(self.path / "new" / name)

    def source(self, afterwards: str) -> Source:
        """A new one."""
        made = service(path=str(self.path), afterwards=afterwards)
        return maildir.KIND.open(Opening(made, None, made.afterwards, lambda: ""))

    def there(self) -> list[bytes]:
        """What lies there."""
        return _contents(self.path)

    def moved(self) -> list[bytes]:
        """What was moved."""
        return _contents(self.path / f".{TARGET}")

    def seen(self) -> list[bytes]:
        """What is marked."""
        return [path.read_bytes() for path in sorted((self.path / "cur").glob("*:2,*S*"))]


def _contents(path: Path) -> list[bytes]:
    found = [*path.glob("new/*"), *path.glob("cur/*")]
    return [each.read_bytes() for each in sorted(found, key=lambda each: each.name)]


@pytest.fixture
def place(tmp_path: Path) -> MaildirPlace:
    """An empty Maildir."""
    return MaildirPlace(tmp_path / "Maildir")


class TestMaildir(SourceContract, MoveContract, SeenContract):
    """The contract."""

    kind: ClassVar[SourceKind] = maildir.KIND


def test_what_others_have_read_is_the_same_message(place: MaildirPlace) -> None:
    """Going from new to cur with flags changes neither locator nor fingerprint, even between listing and fetching."""
    place.deliver(mail(1), mail(2))
    source = place.source("delete")
    before = list(source.list())
    for path in list((place.path / "new").iterdir()):
        path.rename(place.path / "cur" / f"{path.name}:2,FS")
    assert list(source.list()) == before
    done = take(source)
    for path in list((place.path / "cur").iterdir()):
        path.rename(path.with_name(path.name.replace("FS", "FRS")))
    assert {reply.answer for reply in source.dispose(done)} == {Answer.COMPLETED}
    assert place.there() == []


def test_seen_keeps_the_other_flags(place: MaildirPlace) -> None:
    """In the order of the alphabet, as the format demands."""
    place.deliver(mail(1))
    [new] = (place.path / "new").iterdir()
    new.rename(place.path / "cur" / f"{new.name}:2,FT")
    source = place.source("seen")
    source.dispose(take(source))
    assert [path.name.partition(":")[2] for path in (place.path / "cur").iterdir()] == ["2,FST"]


def test_half_delivered_and_special_files_do_not_count(place: MaildirPlace, tmp_path: Path) -> None:
    """What lies in tmp is not looked at; folders, FIFOs and symbolic links that lead elsewhere are no mail."""
    (tmp_path / "secret").write_bytes(b"Subject: not yours\n\n")
    (place.path / "tmp" / "1.half").write_bytes(b"Subject: ha")
    (place.path / "new" / "1.link").symlink_to(tmp_path / "secret")
    (place.path / "new" / "2.folder").mkdir()
    os.mkfifo(place.path / "new" / "3.fifo")
    assert list(place.source("leave").list()) == []


@pytest.mark.parametrize("name", [b"1.with blank", b"2.\xff\xfe", b"3.line\nfeed", b"4.%41", "5.größe".encode()])
def test_hostile_names_are_read_and_deleted(place: MaildirPlace, name: bytes) -> None:
    """Whatever bytes a name has; the locator is text that a database takes."""
    path = os.path.join(os.fsencode(place.path), b"new", name)
    Path(os.fsdecode(path)).write_bytes(mail(1))
    source = place.source("delete")
    done = take(source)
    assert [listed.locator.encode("utf-8").isascii() or "größe" in listed.locator for listed, _ in done] == [True]
    assert done[0][0].locator.isprintable()
    source.dispose(done)
    assert place.there() == []


@pytest.mark.parametrize("folder", ["Done/2026", "Done.2026", "Erledigt 済"])
def test_moves_to_folders_of_any_name(place: MaildirPlace, folder: str) -> None:
    """Levels by `/` or `.`; names that are not ASCII as Maildir++ servers write them."""
    place.deliver(mail(1))
    source = place.source(f"move:{folder}")
    source.dispose(take(source))
    [made] = place.path.glob(".*")
    assert made.name in (".Done.2026", ".Erledigt &bgg-")
    assert (made / "maildirfolder").exists()
    assert _contents(made) == [mail(1)]


@pytest.mark.parametrize("seed", range(20))
def test_names_of_folders_are_written_as_imap_servers_do(place: MaildirPlace, seed: int) -> None:
    """RFC 3501, 5.1.3: what IMAPClient would ask a server for is the folder that the server has on its disk."""
    choose = random.Random(seed).choice  # noqa: S311 - no secret
    alphabet = "&&&-+,~ ab" + "äßé済みФ\N{GRINNING FACE}\N{MUSICAL SYMBOL G CLEF}"
    folder = "x" + "".join(choose(alphabet) for _ in range(12)) + "x"
    source = place.source(f"move:{folder}")
    place.deliver(mail(1))
    source.dispose(take(source))
    assert [made.name for made in place.path.glob(".*")] == [f".{imap_utf7.encode(folder).decode('ascii')}"]


@pytest.mark.parametrize("folder", ["../elsewhere", "a..b", "/", "line\nfeed"])
def test_folders_that_are_no_names_are_refused(place: MaildirPlace, folder: str) -> None:
    """Nothing is moved out of the Maildir."""
    with pytest.raises(SourceError, match="folder's name"):
        place.source(f"move:{folder}")


def test_a_missing_maildir_is_told(tmp_path: Path) -> None:
    """The path, the cause and what to do."""
    made = service(path=str(tmp_path / "none"))
    source = maildir.KIND.open(Opening(made, None, made.afterwards, lambda: ""))
    with pytest.raises(SourceError, match=r"none/new does not exist; correct the service's path"):
        source.list()


def test_a_message_that_vanished_is_left_out(place: MaildirPlace) -> None:
    """Between listing and fetching."""
    place.deliver(mail(1), mail(2))
    source = place.source("leave")
    listed = list(source.list())
    min((place.path / "new").iterdir()).unlink()
    assert read(source, listed) == [mail(2)]


def test_a_listing_is_compact(tmp_path: Path) -> None:
    """It is kept for as long as the round takes: some two thirds of a kilobyte a mail, however long the path is."""
    place = MaildirPlace(tmp_path / ("long" * 50))
    place.deliver(*([b"x" * 3000] * 1000))
    source = place.source("delete")
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        listing = source.list()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(listing) == 1000
    assert (after - before) / len(listing) < 700
