"""Attachments are linked into place inside the transaction, and taken back when it does not come to be."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.builders import enclosed, message
from trac_mailintake.tracker.tickets import place_attachments, stage_attachments
from trac_mailintake.tracker.tickets.stage_attachments import Oversized, Staging

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.tracenv import TracEnv
    from tests.tracker.conftest import Desk


def files(trac: TracEnv, folder: str) -> list[Path]:
    """All files below a folder of `files/`."""
    return sorted(each for each in (trac.path / "files" / folder).rglob("*") if each.is_file())


def test_what_is_too_large_is_not_kept(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """Decoding ends as soon as the limit is passed, and leaves no file."""
    staging = Staging(sqlite_env.env, "a-worker")
    part = enclosed(tmp_path, "a.bin", b"x" * 3_000_000).part
    with pytest.raises(Oversized) as caught:
        staging.stage(part, 1000)
    assert 1000 < caught.value.size < 1_000_000
    assert files(sqlite_env, "mailintake/staging") == []
    assert staging.stage(part).size == 3_000_000


def test_an_odd_owner_has_a_folder_of_its_own(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """A worker's name is no path."""
    staging = Staging(sqlite_env.env, "../../host:1")
    staged = staging.stage(enclosed(tmp_path, "a", b"1").part)
    assert staged.path.startswith(str(sqlite_env.path / "files" / "mailintake" / stage_attachments.FOLDER) + os.sep)
    staging.sweep("../../host:1")
    assert files(sqlite_env, "mailintake/staging") == []


def test_what_is_decoded_ahead_is_staged_at_once(desk: Desk, tmp_path: Path) -> None:
    """The result is the same as without decoding ahead; files that are not used go when the next message begins."""
    staging = desk.staging
    staging.discard([place_attachments.Enclosure(staging.keep([b"the folder is there"]), "x")])
    wanted, unwanted, large = (enclosed(tmp_path, name, name.encode()).part for name in ("a", "b", "a large one"))
    mail = message(parts=(wanted, unwanted, large))
    staging.ahead(mail)
    assert len(files(desk.trac, "mailintake/staging")) == 3
    staging.begin(mail)
    staged = staging.stage(wanted, 100)
    assert (staged.size, staged.sha256) == (1, hashlib.sha256(b"a").hexdigest())
    with pytest.raises(Oversized):
        staging.stage(large, 4)
    assert len(files(desk.trac, "mailintake/staging")) == 3
    staging.begin(message())
    assert [str(each) for each in files(desk.trac, "mailintake/staging")] == [staged.path]
    staging.begin(mail)
    assert staging.stage(wanted).path != staged.path


def test_nothing_is_decoded_ahead_without_the_worker_s_folder(desk: Desk, tmp_path: Path) -> None:
    """Others may have removed it, since the worker is dead: a file would be nobody's."""
    mail = message(parts=(enclosed(tmp_path, "a", b"content").part,))
    Staging(desk.trac.env, "gone").ahead(mail)
    assert files(desk.trac, "mailintake/staging") == []


def test_only_so_much_is_decoded_ahead(desk: Desk, tmp_path: Path) -> None:
    """Beyond the limit parts are decoded only on demand. Wrappings are never decoded ahead, only their contents."""
    staging = desk.staging
    staging.discard([place_attachments.Enclosure(staging.keep([b"the folder is there"]), "x")])
    small = enclosed(tmp_path, "a", b"content").part
    wrapping = replace(enclosed(tmp_path, "winmail.dat", b"content").part, content_type="application/ms-tnef")
    large = enclosed(tmp_path, "b", b"a" * 9_000_000).part
    staging.ahead(message(parts=(wrapping, small, large, enclosed(tmp_path, "c", b"content").part)))
    assert [each.read_bytes() for each in files(desk.trac, "mailintake/staging")] == [b"content"]
