"""Which message of a listing is which row."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.rig import SERVICE, Rig
from trac_mailintake.intake.model import Account, Afterwards, Disposition, Listed, Outcome, Status
from trac_mailintake.intake.ports import Refused
from trac_mailintake.intake.times import Seconds
from trac_mailintake.mail.content_digest import content_digest
from trac_mailintake.mail.spool import Slice
from trac_mailintake.tracker.db.transaction import transaction
from trac_mailintake.tracker.deliveries import ownership

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from trac_mailintake.bootstrap import Assembly
    from trac_mailintake.intake.model import Delivery

ACCOUNT = Account("imap", "imap://ann@mail.example.org/INBOX")
HEAD = b"Subject: %d\r\n"


def content(number: int, status: str = "") -> bytes:
    """A mail, as its server gives it."""
    written = b"Status: " + status.encode("ascii") + b"\r\n" if status else b""
    return HEAD % number + written + b"\r\nText\r\n"


class Box:
    """A mailbox, and one worker's rounds on it: mails by UID."""

    def __init__(self, rig: Rig, assembly: Assembly, afterwards: Afterwards = Afterwards.LEAVE) -> None:
        self.rig = rig
        self.assembly = assembly
        service = assembly.settings.services.get(SERVICE)
        self.service = replace(service, afterwards=Disposition(afterwards, ""))
        self.mails: dict[int, bytes] = {}
        self.epoch = "1"
        assembly.mailbox.admit(self.service, ACCOUNT)

    def listing(self) -> list[Listed]:
        """As the source lists it."""
        return [
            Listed(f"{self.epoch}/{uid}", f"{self.epoch}/{uid} x", len(each), epoch=self.epoch)
            for uid, each in self.mails.items()
        ]

    def look(self) -> list[Delivery]:
        """Compare the listing with the rows. Returns what is left over."""
        return list(self.assembly.mailbox.reconcile(self.service, ACCOUNT, self.listing()))

    @property
    def doubtful(self) -> list[str]:
        """The locators of what is in doubt."""
        return sorted(each.locator for each in self.assembly.mailbox.doubtful(ACCOUNT))

    def recognise(self, *without: str) -> list[Delivery]:
        """Read what is in doubt, but not these, and look again."""
        readings = [
            (each, content_digest([self.mails[int(each.locator.partition("/")[2])]]))
            for each in self.assembly.mailbox.doubtful(ACCOUNT)
            if each.locator not in without
        ]
        self.assembly.mailbox.recognise(self.service, ACCOUNT, readings)
        return self.look()

    @property
    def pending(self) -> list[str]:
        """The locators of what may be claimed."""
        return [each.locator for each in self.assembly.mailbox.pending(self.service, ACCOUNT)]

    def archived(self, *, known: bool = True) -> list[Delivery]:
        """Claim all, and archive it; `known`: with the digest of its content."""
        folder = self.rig.trac.path / "files" / "mailintake" / "archive" / "2026" / "11" / "30"
        folder.mkdir(parents=True, exist_ok=True)
        found = []
        for each in self.assembly.claims.claim(self.service, ACCOUNT, 100):
            raw = self.mails[int(each.listed.locator.partition("/")[2])]
            path = folder / f"{each.id}-1.mails"
            path.write_bytes(raw)
            digest = content_digest([raw]) if known else ""
            sha256 = hashlib.sha256(raw).hexdigest()
            found.append(replace(each, raw=Slice(str(path), 0, len(raw)), sha256=sha256, content=digest))
        return found

    def file(self, *, known: bool = True, consumed: bool = True) -> None:
        """Record an outcome of all that may be claimed, and dispose of it."""
        outcome = Outcome(Status.DISCARDED, "test", "The test says so.")
        done = self.archived(known=known)
        self.assembly.recorder.record([Refused(each, None, outcome, ()) for each in done])
        if consumed:
            self.assembly.mailbox.consumed(each.id for each in done)

    def rows(self) -> Mapping[str, Any]:
        """State and size of each row that is live, by locator."""
        sql = "SELECT locator, state, size FROM mailintake_delivery WHERE live IS NOT NULL"
        return {str(locator): (state, size) for locator, state, size in self.rig.trac.query(sql)}


@contextmanager
def box(trac: TracEnv, folder: Path, afterwards: Afterwards = Afterwards.LEAVE) -> Iterator[Box]:
    """A worker at work on a mailbox."""
    rig = Rig(trac, folder)
    with rig.worker() as assembly:
        yield Box(rig, assembly, afterwards)


@contextmanager
def next_run(before: Box, afterwards: Afterwards = Afterwards.LEAVE) -> Iterator[Box]:
    """Another worker on the same mailbox."""
    with before.rig.worker() as assembly:
        after = Box(before.rig, assembly, afterwards)
        after.mails, after.epoch = before.mails, before.epoch
        yield after


@pytest.mark.parametrize("known", [True, False])
def test_another_size_is_in_doubt_until_it_is_read(trac_env: TracEnv, tmp_path: Path, known: bool) -> None:  # noqa: FBT001 - a case
    """The same content: the row's size is mended; another one: the row gives up its locator.

    A row that is from before there was a digest is read from the archive.
    """
    with box(trac_env, tmp_path) as first:
        first.mails = {1: content(1), 2: content(2, "O"), 3: content(3)}
        first.look()
        first.file(known=known)
        first.mails |= {2: content(2, "ROD"), 3: content(33)}
        assert first.look() == []
        assert (first.doubtful, first.pending) == (["1/2", "1/3"], [])
        assert first.recognise("1/3") == []
        assert (first.doubtful, first.pending) == (["1/3"], [])
        first.recognise()
        assert (first.doubtful, first.pending) == ([], ["1/3"])
        first.file()
        first.look()
        assert first.rows() == {f"1/{uid}": ("discarded", len(each)) for uid, each in first.mails.items()}


def test_a_size_that_is_not_told_says_nothing(trac_env: TracEnv, tmp_path: Path) -> None:
    """A server that cannot read one mail may refuse to tell the sizes of many: these are known all the same."""
    with box(trac_env, tmp_path) as first:
        first.mails = {1: content(1), 2: content(2)}
        first.look()
        first.file()
        untold = [replace(each, size=None) for each in first.listing()]
        assert list(first.assembly.mailbox.reconcile(first.service, ACCOUNT, untold)) == []
        assert (first.doubtful, first.pending) == ([], [])
        first.look()
        assert (first.doubtful, first.pending) == ([], [])


def test_what_stays_in_doubt_waits(trac_env: TracEnv, tmp_path: Path) -> None:
    """Otherwise a mailbox of which nothing can be read any more would be said to be well."""
    with box(trac_env, tmp_path) as first:
        first.mails = {1: content(1), 2: content(2)}
        first.look()
        first.file()
        first.epoch = "2"
        first.look()
        assert first.assembly.mailbox.left(first.service, ACCOUNT).number == 2
        first.recognise()
        assert first.assembly.mailbox.left(first.service, ACCOUNT).number == 0


def test_mail_that_waits_in_the_archive_is_told_from_what_took_its_locator(trac_env: TracEnv, tmp_path: Path) -> None:
    """Both are decided, each from its own bytes."""
    with box(trac_env, tmp_path) as first:
        first.mails = {1: content(1, "O"), 2: content(2)}
        first.look()
        for each in first.archived():
            first.assembly.claims.defer(each, "It failed.", seconds=Seconds(0), counted=False)
        first.mails = {1: content(1, "RO"), 2: content(22)}
        first.look()
        assert (first.doubtful, first.pending) == (["1/1", "1/2"], [])
        first.recognise()
        assert sorted(first.pending) == ["1/1", "1/2", "1/2"]


@pytest.mark.parametrize("known", [True, False])
def test_mail_is_found_again_under_a_new_number(trac_env: TracEnv, tmp_path: Path, known: bool) -> None:  # noqa: FBT001 - a case
    """Whatever the server wrote into it meanwhile; equal mails one by one, and only what is new is new."""
    with box(trac_env, tmp_path) as first:
        first.mails = {1: content(1), 2: content(2, "O"), 3: content(7), 4: content(7)}
        first.look()
        first.file(known=known)
        first.epoch = "2"
        first.mails = {5: content(7), 6: content(2, "RO"), 7: content(7), 8: content(7), 9: content(9)}
        assert first.look() == []
        assert (len(first.doubtful), first.pending) == (5, [])
        first.recognise("2/9")
        assert (first.doubtful, first.pending) == (["2/9"], ["2/8"])
        first.recognise()
        assert (first.doubtful, first.pending) == ([], ["2/8", "2/9"])
        assert {"2/5", "2/6", "2/7"} <= first.rows().keys()


def test_a_doubt_survives_the_run_that_had_it(trac_env: TracEnv, tmp_path: Path) -> None:
    """Killed before or after any message was recognised: the next run goes on."""
    with box(trac_env, tmp_path) as first:
        first.mails = {uid: content(uid) for uid in range(1, 6)}
        first.look()
        first.file()
        first.epoch = "2"
    for left in range(5, 0, -1):
        with next_run(first) as later:
            later.look()
            assert len(later.doubtful) == left
            later.recognise(*later.doubtful[1:])
            assert later.pending == []
    with next_run(first) as last:
        assert (last.look(), last.doubtful, last.pending) == ([], [], [])
        assert {*last.rows()} == {f"2/{uid}" for uid in range(1, 6)}


def test_what_was_recorded_and_not_disposed_of_goes_under_its_new_number(trac_env: TracEnv, tmp_path: Path) -> None:
    """Not before it is known which it is."""
    with box(trac_env, tmp_path, Afterwards.DELETE) as first:
        first.mails = {1: content(1), 2: content(2)}
        first.look()
        first.file(consumed=False)
        first.epoch = "2"
        assert first.look() == []
        assert [each.listed.locator for each in first.recognise()] == ["2/1", "2/2"]


def test_mail_that_a_service_left_to_others_stays_left(trac_env: TracEnv, tmp_path: Path) -> None:
    """A row that says only this is found again, too, and says so of the new number."""
    with box(trac_env, tmp_path) as first:
        first.mails = {1: content(1)}
        first.look()
        outcome = Outcome(Status.IGNORED, "catchemail", "It is for somebody else.")
        first.assembly.recorder.record([Refused(each, None, outcome, ()) for each in first.archived()])
        assert (first.look(), first.pending) == ([], [])
        other = replace(first.service, name="other")
        first.assembly.mailbox.reconcile(other, ACCOUNT, first.listing())
        assert len(first.assembly.mailbox.pending(other, ACCOUNT)) == 1
        first.epoch = "2"
        first.look()
        first.recognise()
        assert (first.look(), first.doubtful, first.pending) == ([], [], [])
        first.assembly.mailbox.reconcile(other, ACCOUNT, first.listing())
        assert len(first.assembly.mailbox.pending(other, ACCOUNT)) == 1


def test_an_upgrade_takes_no_known_mail_for_new(trac_env: TracEnv, tmp_path: Path) -> None:
    """Version 1 stored neither digests nor an epoch; the first sizes are believed, and the locators."""
    with box(trac_env, tmp_path) as first:
        first.mails = {1: content(1), 2: content(2)}
        first.look()
        first.file(known=False)
        with transaction(trac_env.env) as db:
            db("UPDATE mailintake_mailbox SET epoch=NULL, changes=NULL, kept=NULL, service=NULL")
        first.mails |= {2: content(2, "RO")}
    with next_run(first) as later:
        assert (later.look(), later.doubtful, later.pending) == ([], [], [])
        assert later.rows()["1/2"] == ("discarded", len(content(2, "RO")))
        later.mails = {1: content(1, "RO"), 2: content(2, "RO")}
        later.look()
        assert later.doubtful == ["1/1"]


def test_what_was_purged_is_known_by_its_locator(trac_env: TracEnv, tmp_path: Path) -> None:
    """If nothing is left to compare with, another size says nothing."""
    with box(trac_env, tmp_path) as first:
        first.mails = {1: content(1, "O"), 2: content(2, "O")}
        first.look()
        first.file()
        with transaction(trac_env.env) as db:
            db("UPDATE mailintake_delivery SET archive=NULL, content=NULL WHERE locator='1/1'")
            db("UPDATE mailintake_delivery SET archive=NULL WHERE locator='1/2'")
        first.mails = {1: content(11, "RO"), 2: content(22, "RO")}
        first.look()
        first.recognise()
        assert (first.doubtful, first.pending) == ([], ["1/2"])


def test_changes_count_in_a_row_and_only_where_mail_is_left(trac_env: TracEnv, tmp_path: Path) -> None:
    """A run in which the number stays ends the count; looking twice in one run does not."""
    with box(trac_env, tmp_path) as first:
        first.mails = {1: content(1)}
        first.look()
        first.file()
    counts = []
    for epoch in ("1", "2", "3", "3", "4", "5", "6"):
        first.epoch = epoch
        with next_run(first) as later:
            later.look()
            later.recognise()
            later.look()
        counts.append(ownership.habits(trac_env.env, ACCOUNT).changes)
    assert counts == [0, 1, 2, 0, 1, 2, 3]
    first.epoch = "7"
    with next_run(first, Afterwards.DELETE) as last:
        last.look()
        last.recognise()
    assert ownership.habits(trac_env.env, ACCOUNT) == ownership.Habits("7", 0, 0)


def test_two_workers_recognise_each_mail_once(trac_env: TracEnv, tmp_path: Path) -> None:
    """The later one finds nothing left to do, and its own doubt does no harm."""
    with box(trac_env, tmp_path) as first:
        first.mails = {1: content(1), 2: content(2)}
        first.look()
        first.file()
        first.epoch = "2"
        with next_run(first) as second:
            first.look()
            second.look()
            first.recognise()
            second.recognise()
            assert (first.pending, second.pending, second.doubtful) == ([], [], [])
            assert {*first.rows()} == {"2/1", "2/2"}
