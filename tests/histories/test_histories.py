"""Some histories, and that a wrong one is noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.histories.history import History
from tests.histories.scene import prepared

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

    from tests.servers.tracenv import TracEnv

FEW = range(1, 5)


def test_each_mail_is_decided_once_or_waits_with_a_reason(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """Whatever servers and services do; `make histories` tries many."""
    rig = prepared(sqlite_env, tmp_path)
    wrong = [f"{seed}: {line}" for seed in FEW for line in History(rig, seed).run()]
    assert not wrong, "\n".join(["", *wrong])


def test_mail_that_is_decided_twice_is_noticed(sqlite_env: TracEnv, tmp_path: Path) -> None:
    """The journal forgets where mail lies that it decided about; the model does not."""
    rig = prepared(sqlite_env, tmp_path)

    class Forgetful(History):
        """Its journal does not know decided mail again."""

        def _decided(self) -> Counter[str]:
            with self.rig.trac.env.db_transaction as db:
                db("UPDATE mailintake_delivery SET live=NULL WHERE state='created'")
            return super()._decided()

    said = (line for seed in FEW for line in Forgetful(rig, seed).run())
    assert any("was decided 2 times" in line for line in said)
