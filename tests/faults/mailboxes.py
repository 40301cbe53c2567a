"""Somebody else changes the mailbox: another UIDVALIDITY, mails taken away, while a round is at work or between two."""

from __future__ import annotations

import fcntl
import imaplib
import os
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.crash.faults import Fault, Way
from tests.crash.places import Maildir, Mbox, Remote
from tests.faults.model import LISTED, Common, Struck
from tests.servers.dovecot import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.boxes import Box
    from tests.faults.scene import Scene


@dataclass(frozen=True, slots=True)
class AnotherUidvalidity(Common):
    """The folder is made anew by its server: all UIDs are void (RFC 3501, 2.3.1.1), and all mails are there again."""

    def strike(self, scene: Scene) -> Struck:
        """In the midst of a round; or after one that died, or that left everything."""
        scene.prepare()
        change = _renewal(scene.box)
        if scene.chance.random() < 0.6:
            hit, _ = scene.at_call(scene.any_call(), change)
            return Struck(hit=hit, again=True)
        scene.meet(Fault(scene.any_call(), Way.KILLED))
        change()
        return Struck(again=True)


def _renewal(box: Box) -> Callable[[], None]:
    """What gives the INBOX another UIDVALIDITY."""
    assert isinstance(box.place, Remote)
    maildir = box.place.dovecot.folder(box.place.user)

    def renew() -> None:
        uidlist = maildir / "dovecot-uidlist"
        if uidlist.exists():
            head, _, rest = uidlist.read_bytes().partition(b"\n")
            words = [b"V1234567890" if word.startswith(b"V") else word for word in head.split(b" ")]
            fresh = uidlist.with_name("dovecot-uidlist.fresh")
            fresh.write_bytes(b" ".join(words) + b"\n" + rest)
            status = uidlist.stat()
            os.chown(fresh, status.st_uid, status.st_gid)
            fresh.rename(uidlist)
        for index in maildir.glob("dovecot.index*"):
            index.unlink()

    return renew


@dataclass(frozen=True, slots=True)
class Emptied(Common):
    """Somebody else takes mails out of the mailbox while a round is at work on it."""

    def strike(self, scene: Scene) -> Struck:
        """All of them, or some."""
        scene.prepare()
        numbers = range(len(scene.sent))
        some = [number for number in numbers if scene.chance.random() < 0.5]
        wanted = list(numbers) if scene.chance.random() < 0.5 else some
        taken: set[int] = set()

        def take() -> None:
            if _take_away(scene.box, {scene.sent[number] for number in wanted}):
                taken.update(wanted)

        stopped, _ = scene.at_call(scene.any_call(), take)
        return Struck(hit=stopped and bool(taken), gone=frozenset(taken))


def _take_away(box: Box, wanted: set[bytes]) -> bool:
    """Take mails out of the mailbox, as another reader of mail does; whether it could."""
    place = box.place
    if isinstance(place, Remote):
        return _expunge(place, wanted)
    if isinstance(place, Mbox):
        return _rewrite(place, wanted)
    folder = place.folder  # type: ignore[attr-defined]  # the others have one
    files = folder.glob("*/*") if isinstance(place, Maildir) else folder.glob("*.eml")
    for path in list(files):
        if path.is_file() and path.read_bytes() in wanted:
            path.unlink()
    return True


def _expunge(place: Remote, wanted: set[bytes]) -> bool:
    with imaplib.IMAP4(place.dovecot.host, place.dovecot.imap, timeout=20) as client:
        client.login(place.user, PASSWORD)
        client.select()
        _, answer = client.uid("FETCH", "1:*", "(UID BODY.PEEK[])")
        for each in answer:
            if isinstance(each, tuple) and each[1] in wanted:
                uid = each[0].split(b"UID ")[1].split()[0].decode("ascii")
                client.uid("STORE", uid, "+FLAGS", r"(\Deleted)")
        client.expunge()
    return True


def _rewrite(place: Mbox, wanted: set[bytes]) -> bool:
    """Rewrite the file under both locks, if nobody has them."""
    path, lock = place.folder / "mbox", place.folder / "mbox.lock"
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    try:
        with closing(path.open("r+b")) as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            content = file.read()
            separator = b"From a@example.org Thu Jan  1 00:00:00 2026\n"
            kept = [each for each in content.split(separator) if each and each.removesuffix(b"\n") not in wanted]
            file.seek(0)
            file.truncate()
            file.write(b"".join(separator + each for each in kept))
    except BlockingIOError:
        return False
    finally:
        lock.unlink()
    return True


FAULTS: Final = (AnotherUidvalidity("uidvalidity-changed", ("imap",)), Emptied("mailbox-emptied", LISTED))
