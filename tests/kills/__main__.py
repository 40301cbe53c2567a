"""`python -m tests.kills --kills 1000`: kills real runs, and ends with 1 if a promise was broken."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.kills.shim import loaded, restart_with_shim

if TYPE_CHECKING:
    from tests.kills.check import Findings
    from tests.kills.scene import Scene
    from tests.kills.servers import Servers

KINDS: Final = ("imap", "pop3", "maildir", "mbox", "directory", "pipe")
DATABASES: Final = ("sqlite", "postgres")
_MEMORY: Final = "/dev/shm"
_EACH: Final = 25
"""Kills in one environment."""


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="of the first environment; each has the next one")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no environment after so many")
    parser.add_argument("--log", type=Path, help="a file to append a line of JSON to for each environment")
    parser.add_argument("--source", choices=(*KINDS, "all"), default="all")
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    parser.add_argument("--keep", type=Path, help="where to copy environments in which something was wrong")
    parser.add_argument("--each", type=int, default=_EACH, help="kills in one environment")
    parser.add_argument(
        "--first", action="store_true", help="end with the first environment in which something is wrong"
    )
    return parser.parse_args()


class Session:
    """A number of scenes, and what they came to."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.asked = asked
        self.kinds = KINDS if asked.source == "all" else (asked.source,)
        self.databases = DATABASES if asked.database == "both" else (asked.database,)
        self.kills: Counter[str] = Counter()
        self.sums: Counter[str] = Counter()

    def run(self, servers: Servers) -> None:
        """All scenes, one after the other: each source on each database in turn, often with a second source."""
        from tests.kills.scene import Scene  # noqa: PLC0415 - imports the product, which must wait for the shim

        end = time.monotonic() + self.asked.seconds
        turn = 0
        while self.kills.total() < self.asked.kills and time.monotonic() < end and not self._enough():
            seed = self.asked.seed + turn
            kind = self.kinds[turn % len(self.kinds)]
            again = turn // len(self.kinds)
            second = self.kinds[(turn + 1 + again) % len(self.kinds)]
            kinds = (kind,) if again % 2 else (kind, second)
            database = self.databases[(turn % len(self.kinds) + again) % len(self.databases)]
            turn += 1
            began = time.monotonic()
            scene = Scene(servers, kinds, database, seed, seed // len(self.kinds))
            wanted = min(self.asked.each, self.asked.kills - self.kills.total())
            self._report(scene, self._played(scene, wanted, end), time.monotonic() - began)
            scene.remove()

    def _enough(self) -> bool:
        return bool(self.asked.first and self.sums["bad"])

    def _played(self, scene: Scene, wanted: int, end: float) -> Findings:
        from tests.kills.check import Findings  # noqa: PLC0415 - likewise

        try:
            scene.make()
            scene.storm(wanted, end)
            finished = scene.calm()
            found = scene.look()
            if not finished:
                found.bad.append("it never came to an end")
        except Exception:  # noqa: BLE001 - a harness that fails must not pass for a product that does not
            found = Findings(bad=[traceback.format_exc()])
        return found

    def _report(self, scene: Scene, found: Findings, seconds: float) -> None:
        self.kills += scene.kills
        for name in ("lost", "doubled", "misplaced", "extra", "crashed"):
            self.sums[name] += getattr(found, name)
        self.sums["mails"] += scene.mails
        self.sums["bad"] += bool(found)
        figures = f"{scene.kills.total()} kills, {scene.mails} mails, {seconds:.0f} s"
        print(f"seed {scene.seed}: {scene}: {figures}", flush=True)
        for sentence in found.bad:
            print(f"    BAD: {sentence}", flush=True)
        if self.asked.log:
            told = {"seed": scene.seed, "scene": str(scene), "kills": scene.kills, "mails": scene.mails, **vars(found)}
            with self.asked.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(told) + "\n")
        if found and self.asked.keep:
            shutil.copytree(scene.folder, self.asked.keep / scene.folder.name, dirs_exist_ok=True)

    def summary(self) -> str:
        """The last lines."""
        kinds = "".join(f"{number:6} {name}\n" for name, number in sorted(self.kills.items()))
        names = {"extra": "extra notifications", "crashed": "held after three deaths"}
        order = ("mails", "lost", "doubled", "misplaced", "extra", "crashed", "bad")
        figures = ", ".join(f"{self.sums[name]} {names.get(name, name)}" for name in order)
        return f"{kinds}{self.kills.total()} kills, {figures}"


def main() -> int:
    """Run; returns the exit status."""
    asked = arguments()
    if loaded():
        # It stays in this process and its forks; what else we start needs none.
        shutil.rmtree(Path(os.environ.pop("LD_PRELOAD")).parent, ignore_errors=True)
    else:
        if "LD_PRELOAD" not in os.environ:
            restart_with_shim(Path(tempfile.mkdtemp(prefix="mailintake-kills-shim-")))
        print("No library can be built and loaded: nothing is killed at a call, and deferred mail is waited for.")
    # SIGKILL loses nothing that is in memory; a busy disk would only make a run wait at each flush.
    if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK):
        tempfile.tempdir = _MEMORY
    from tests.kills.letters import STAFF  # noqa: PLC0415 - the shim first
    from tests.kills.processes import import_everything  # noqa: PLC0415 - likewise
    from tests.kills.servers import Servers  # noqa: PLC0415 - likewise

    import_everything()
    # Our servers end with us, however we are ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    session = Session(asked)
    try:
        with Servers(frozenset(session.kinds), session.databases, STAFF) as servers:
            session.run(servers)
    finally:
        print(session.summary(), flush=True)
    return int(bool(session.sums["bad"]))


if __name__ == "__main__":
    sys.exit(main())
