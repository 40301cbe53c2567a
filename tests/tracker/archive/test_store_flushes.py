"""The files of the archive: what is believed to be on disk."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.builders import DELIVERY
from trac_mailintake.intake.errors import TemporaryFailure
from trac_mailintake.tracker.archive.records import read
from trac_mailintake.tracker.archive.store import Batch

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("refused", [True, False])
def test_a_batch_has_sealed_mail_only_if_it_was_flushed(tmp_path: Path, *, refused: bool) -> None:
    """If its folder cannot be flushed, whoever cleans up must not flush again and believe that."""
    (tmp_path / "day").mkdir()
    batch = Batch(str(tmp_path / "day"), "owner-1.mails")
    for number in (1, 2):
        batch.append(replace(DELIVERY, id=number), [b"Subject: a\n\n", b"b" * 9000])
    later = tmp_path / "moved" if refused else tmp_path / "day"
    (tmp_path / "day").rename(later)
    if refused:
        with pytest.raises(TemporaryFailure):
            batch.seal()
    else:
        batch.seal()
    assert [each.record.delivery for each in read(str(later / "owner-1.mails"))] == ([] if refused else [1, 2])
