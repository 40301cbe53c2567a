"""An environment with two services on one mailbox, for one history after the other."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from tests.rig import Rig
from tests.servers.tracenv import TracEnv
from trac_mailintake.bootstrap import settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def prepared(trac: TracEnv, folder: Path) -> Rig:
    """The services `support` and `sales`, whose mailbox each history replaces by its own."""
    unlimited = {"rate_sender": "0", "rate_ticket": "0", "rate_service": "0"}
    rig = Rig(trac, folder, **unlimited)
    typed = {"kind": "maildir", "path": str(rig.maildir), "afterwards": "delete", **unlimited}
    settings_of(trac.env).services.add("sales", typed)
    return rig


@contextmanager
def scene(folder: Path) -> Iterator[Rig]:
    """A new environment on SQLite."""
    with closing(TracEnv.create(folder / "env")) as trac:
        yield prepared(trac, folder)
