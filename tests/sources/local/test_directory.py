"""A folder of `.eml` files."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from tests.sources.contract import TARGET, MoveContract, SourceContract, mail, read, service, take
from trac_mailintake.hookspecs import Opening
from trac_mailintake.intake.errors import SourceError
from trac_mailintake.intake.model import Answer
from trac_mailintake.sources.local import directory

if TYPE_CHECKING:
    from trac_mailintake.hookspecs import SourceKind
    from trac_mailintake.intake.ports import Source


class DirectoryPlace:
    """A folder; each mail a second older than the next."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._numbers = itertools.count(1)
        path.mkdir()

    def deliver(self, *mails: bytes) -> None:
        """Append them."""
        for content in mails:
            number = next(self._numbers)
            # Names that sort the other way round than the times.
            path = self.path / f"{1000 - number}.{'EML' if number % 2 else 'eml'}"
            path.write_bytes(content)
            os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))

    def source(self, afterwards: str) -> Source:
        """A new one."""
        made = service(path=str(self.path), afterwards=afterwards)
        return directory.KIND.open(Opening(made, None, made.afterwards, lambda: ""))

    def there(self) -> list[bytes]:
        """What lies there."""
        return _contents(self.path)

    def moved(self) -> list[bytes]:
        """What was moved."""
        return _contents(self.path / TARGET)

    def seen(self) -> list[bytes]:
        """What is marked."""
        return []


def _contents(path: Path) -> list[bytes]:
    found = [each for each in path.iterdir() if each.is_file()]
    return [each.read_bytes() for each in sorted(found, key=lambda each: each.stat().st_mtime)]


@pytest.fixture
def place(tmp_path: Path) -> DirectoryPlace:
    """An empty folder."""
    return DirectoryPlace(tmp_path / "spool")


class TestDirectory(SourceContract, MoveContract):
    """The contract."""

    kind: ClassVar[SourceKind] = directory.KIND


def test_only_whole_regular_eml_files_count(place: DirectoryPlace, tmp_path: Path) -> None:
    """Neither what is still being written, nor links, nor folders, nor other files."""
    (tmp_path / "secret").write_bytes(b"Subject: not yours\n\n")
    for name in (".hidden.eml", "half.eml.tmp", "notes.txt"):
        (place.path / name).write_bytes(mail(1))
    (place.path / "link.eml").symlink_to(tmp_path / "secret")
    (place.path / "folder.eml").mkdir()
    os.mkfifo(place.path / "fifo.eml")
    assert list(place.source("leave").list()) == []


def test_a_file_that_was_written_anew_is_another_message(place: DirectoryPlace) -> None:
    """It is neither read as the old one nor deleted for it."""
    place.deliver(mail(1))
    source = place.source("delete")
    done = take(source)
    [path] = place.path.iterdir()
    path.write_bytes(mail(2))
    assert read(source, [listed for listed, _ in done]) == []
    assert [reply.answer for reply in source.dispose(done)] == [Answer.COMPLETED]
    assert place.there() == [mail(2)]
    assert take(source)[0][0].fingerprint != done[0][0].fingerprint


def test_move_never_overwrites(place: DirectoryPlace) -> None:
    """What lies in the target under the same name stays; ours gets a number."""
    target = place.path / TARGET
    target.mkdir()
    (target / "999.EML").write_bytes(b"older")
    (target / "999.1.EML").write_bytes(b"old")
    place.deliver(mail(1))
    source = place.source(f"move:{TARGET}")
    source.dispose(take(source))
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {
        "999.EML": b"older",
        "999.1.EML": b"old",
        "999.2.EML": mail(1),
    }


def test_a_move_that_was_interrupted_is_recognised(place: DirectoryPlace) -> None:
    """The same bytes under the same name are the copy that was made before the crash."""
    target = place.path / TARGET
    target.mkdir()
    (target / "999.EML").write_bytes(mail(1))
    place.deliver(mail(1))
    source = place.source(f"move:{TARGET}")
    source.dispose(take(source))
    assert place.moved() == [mail(1)]
    assert place.there() == []


def test_moves_to_another_file_system(place: DirectoryPlace) -> None:
    """By a copy that is whole before it has its name."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK) or shared.stat().st_dev == place.path.stat().st_dev:
        pytest.skip("there is no other file system")
    target = shared / f"mailintake-test-{os.getpid()}"
    place.deliver(mail(1), mail(2))
    try:
        source = place.source(f"move:{target}")
        source.dispose(take(source))
        assert sorted(path.read_bytes() for path in target.iterdir()) == [mail(1), mail(2)]
        assert sorted(path.name for path in target.iterdir()) == ["998.eml", "999.EML"]
        assert place.there() == []
    finally:
        for path in target.iterdir():
            path.unlink()
        target.rmdir()


def test_a_locator_never_leads_out_of_the_folder(place: DirectoryPlace, tmp_path: Path) -> None:
    """Whatever a journal may hold."""
    place.deliver(mail(1))
    outside = tmp_path / "outside.eml"
    outside.write_bytes(mail(1))
    assert directory.to_plain_name("../outside.eml") == ""
    assert directory.to_plain_name("%2e%2e%2Foutside.eml") == ""


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    """The path, the cause and what to do."""
    made = service(path=str(tmp_path / "none"))
    source = directory.KIND.open(Opening(made, None, made.afterwards, lambda: ""))
    with pytest.raises(SourceError, match=r"none does not exist; correct the service's path"):
        source.list()
