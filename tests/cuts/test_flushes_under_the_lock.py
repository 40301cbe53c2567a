"""Nobody waits for our folders: what is flushed between BEGIN and COMMIT on SQLite, as the kernel sees it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import pytest

from tests.crash import mails, rounds
from tests.crash.places import Maildir
from tests.cuts.calls import FLUSHES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.cuts.calls import Call
    from tests.cuts.conftest import Stage

pytestmark = pytest.mark.sqlite

_RESERVED: Final = "l_type=F_WRLCK, l_whence=SEEK_SET, l_start=1073741825,"
"""SQLite's write lock (os.h, RESERVED_BYTE): who has it keeps all other writers out."""
_FREED: Final = "l_type=F_UNLCK,"


def under_the_lock(calls: Sequence[Call]) -> Iterator[list[Call]]:
    """For each time that a process had the write lock, what it asked of the system meanwhile."""
    held: dict[int, list[Call]] = {}
    for call in calls:
        if call.name == "fcntl" and call.path.endswith("trac.db") and not call.failed:
            if _RESERVED in call.words:
                held[call.process] = []
            elif _FREED in call.words and call.process in held:
                yield held.pop(call.process)
        elif call.process in held:
            held[call.process].append(call)
    assert not held


@pytest.mark.parametrize(("number", "attached"), [(1, 1), (2, 5), (9, 1), (9, 3)])
def test_no_folder_is_flushed_under_the_lock(stage: Stage, tmp_path: Path, number: int, attached: int) -> None:
    """At most the one file that says what is about to be linked, and what SQLite needs, whatever the mails bring.

    Afterwards each folder of the attachments is flushed once for the group.
    """
    trac, traced = stage(Maildir(tmp_path / "maildir"))
    files = {f"file{each}.bin": b"file %d\n" % each for each in range(attached)}
    for each in range(number):
        (tmp_path / "maildir" / "new" / f"{1_800_000_000 + each}.M{each}P1.test").write_bytes(
            mails.request(each, files)
        )
    done = trac.admin("mailintake", "run", rounds.SERVICE, "--force")
    assert done.status == 0, done.err
    linked = 0
    for calls in under_the_lock(traced.calls()):
        flushed = [call for call in calls if call.name in FLUSHES]
        ours = [call.path for call in flushed if not call.path.startswith(str(trac.path / "db"))]
        assert [path for path in ours if not path.endswith(".intent")] == []
        assert len(ours) <= 1
        linked += sum(call.name in ("link", "linkat") for call in calls)
    assert linked == number * attached + len(mails.FILES)
    folders = Counter(call.path for call in traced.calls() if call.name == "fsync")
    groups = sum(path.endswith(".intent") for path in folders)
    assert max(times for path, times in folders.items() if "/files/attachments" in path) <= groups
