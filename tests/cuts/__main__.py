"""Cut the power many times, and say what came of it: `python -m tests.cuts --help`."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tests.crash.conftest import LOCAL
from tests.crash.places import Remote
from tests.cuts import loops
from tests.cuts.cutting import Moment, Site, Tally
from tests.servers.dovecot import Dovecot

if TYPE_CHECKING:
    from tests.crash.places import Place

KINDS: Final = ("imap", "pop3", *LOCAL)
ROW: Final = "| {:<10} | {:<18} | {:>4} | {:>10} | {:>9} | {:>9} | {:>5} |"


def main() -> int:
    """A table; the status is 1 when anything is not as it would be had the power never gone."""
    parser = argparse.ArgumentParser(prog="python -m tests.cuts")
    parser.add_argument("--each", type=int, default=30, help="cuts for each kind of source and moment (30)")
    parser.add_argument("--kinds", default=",".join(KINDS), help=f"which of {', '.join(KINDS)}")
    parser.add_argument("--moments", default="emptied,any", help="emptied: as soon as the mailbox is empty; any")
    parser.add_argument("--database", default="sqlite:db/trac.db", help="as in trac.ini, such as ?journal_mode=WAL")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    if loops.refusal():
        print(f"No power is cut here: {loops.refusal()}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the disk is given back
    print(f"{time.strftime('%Y-%m-%d')}, {wanted.database}, seed {wanted.seed}")
    print(ROW.format("source", "moment", "cuts", "mails gone", "cuts that", "mails", "other"))
    print(ROW.format("", "", "", "", "lost mail", "lost", "wrong"))
    with ExitStack() as stack:
        dovecot = stack.enter_context(Dovecot()) if {"imap", "pop3"} & {*wanted.kinds.split(",")} else None
        tallies = [
            _try(kind, Moment[word.upper()], wanted, dovecot)
            for word in wanted.moments.split(",")
            for kind in wanted.kinds.split(",")
        ]
    return int(any(tally.wrong for tally in tallies))


def _try(kind: str, moment: Moment, wanted: argparse.Namespace, dovecot: Dovecot | None) -> Tally:
    tally = Tally()
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        place: Place = LOCAL[kind](folder / kind) if dovecot is None or kind in LOCAL else Remote(dovecot, kind)
        chance = Random(f"{wanted.seed} {kind} {moment.name}")  # noqa: S311 - the same each time
        with Site(folder, place, chance, wanted.database) as site:
            for _ in range(wanted.each):
                site.cut(moment, tally)
    other = [each for each in tally.wrong if not each.startswith("lost: ")]
    print(ROW.format(kind, moment.value, tally.cuts, tally.gone, tally.losing, tally.lost, len(other)), flush=True)
    for each in other:
        print(f"    {each}", file=sys.stderr)
    return tally


if __name__ == "__main__":
    sys.exit(main())
