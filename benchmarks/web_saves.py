"""How long somebody who saves a page waits while mail is filed on SQLite, in this tree and at another commit.

    python -m benchmarks.web_saves [COMMIT] [--mails 200] [--attached 1.0] [--flush 15] [--runs 1,4] [--repeats 3]

Mail lies in a Maildir, and `trac-admin ENV mailintake run` takes it, one or several at once. Meanwhile another process
saves a comment and a keyword through Trac's own model, 0.15 s after the last save, and a third asks every 4 ms whether
it could have the write lock. Each flush takes some milliseconds longer (`slow_flush.c`), the user's own ones, too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final

from benchmarks.pairs import HERE, checked_out

if TYPE_CHECKING:
    from collections.abc import Sequence

# What follows runs in either tree, so it uses only what both have.
_PREPARE: Final = """
import random, sys
from email.message import EmailMessage
from pathlib import Path
from trac.ticket.model import Ticket
from benchmarks.load import people
from benchmarks.stand import Stand
folder, count, attached = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
stand = Stand(folder / "env", options=(("logging", "log_type", "none"),))
chance = random.Random(1)
writers = people()
contents = []
for number in range(count):
    mail = EmailMessage()
    mail["From"], mail["To"] = chance.choice(writers).address, "support@example.org"
    mail["Subject"], mail["Message-ID"] = f"Request {number}", f"<{number}@example.org>"
    mail.set_content("This is what I want.\\n" * 20)
    if chance.random() < attached:
        content = chance.randbytes(chance.randint(1_000, 50_000))
        mail.add_attachment(content, "application", "octet-stream", filename=f"file{number}.bin")
    contents.append(mail.as_bytes())
stand.maildir(folder / "Maildir", contents)
stand.env.config.set("trac", "debug_sql", "disabled")
for number in range(30):
    ticket = Ticket(stand.env)
    ticket["summary"], ticket["reporter"], ticket["status"] = f"By hand {number}", "person001", "new"
    ticket.insert()
stand.close()
"""
_USER: Final = """
import json, sys, time
from trac.env import Environment
from trac.ticket.model import Ticket
env = Environment(sys.argv[1])
saves, failed, number = [], 0, 0
print("ready", flush=True)
while not sys.stdin in __import__("select").select([sys.stdin], [], [], 0.15)[0]:
    number += 1
    ticket = Ticket(env, 1 + number % 30)
    ticket["keywords"] = f"word{number}"
    began = time.monotonic()
    try:
        ticket.save_changes("person001", f"Comment {number}")
    except env.db_exc.OperationalError:
        failed += 1
    saves.append(time.monotonic() - began)
print(json.dumps([saves, failed]))
"""
_PROBER: Final = """
import json, select, sqlite3, sys, time
base = sqlite3.connect(sys.argv[1] + "/db/trac.db", timeout=0, isolation_level=None)
held, since = [], None
print("ready", flush=True)
while sys.stdin not in select.select([sys.stdin], [], [], 0.004)[0]:
    try:
        base.execute("BEGIN IMMEDIATE")
        base.execute("ROLLBACK")
    except sqlite3.OperationalError:
        since = since or time.monotonic()
    else:
        if since is not None:
            held.append(time.monotonic() - since)
        since = None
print(json.dumps([held, 0]))
"""
_COLUMNS: Final = (
    "tree     runs  seconds  lock: median, 90 %, longest, ms   save: median, 90 %, longest, ms  saves  failed"
)


@dataclass
class Seen:
    """What several measurements of one kind saw: times in seconds."""

    took: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)
    saves: list[float] = field(default_factory=list)
    failed: int = 0

    def row(self, tree: str, runs: int) -> str:
        """A line of the table."""
        return (
            f"{tree:8} {runs:4} {median(self.took):8.1f}  {_spread(self.held):32} {_spread(self.saves):31}"
            f" {len(self.saves):6} {self.failed:7}"
        )


def main() -> None:
    """Measure, and print a line for each tree and number of runs."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("commit", nargs="?", help="compare with it")
    options.add_argument("--mails", type=int, default=200)
    options.add_argument("--attached", type=float, default=1.0, help="the share of the mails that have an attachment")
    options.add_argument("--flush", type=float, default=15.0, help="milliseconds that each flush takes longer")
    options.add_argument("--runs", default="1,4", help="how many runs at once")
    options.add_argument("--repeats", type=int, default=3)
    asked = options.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mailintake-saves-")))
        shim = _compiled(folder)
        other = stack.enter_context(checked_out(asked.commit) if asked.commit else nullcontext())
        trees = {asked.commit: other, "now": HERE} if other else {"now": HERE}
        print(f"{asked.mails} mails, {asked.attached:.0%} with an attachment, flushes of {asked.flush:g} ms more")
        print(_COLUMNS, flush=True)
        for runs in map(int, asked.runs.split(",")):
            seen = {name: Seen() for name in trees}
            for number in range(asked.repeats):
                for name, tree in list(trees.items())[:: -1 if number % 2 else 1]:
                    place = folder / f"{name}-{runs}-{number}"
                    place.mkdir()
                    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONWARNINGS": "ignore"}
                    words = (str(place), str(asked.mails), str(asked.attached))
                    subprocess.run([sys.executable, "-c", _PREPARE, *words], cwd=tree, env=environment, check=True)
                    slow = {**environment, "LD_PRELOAD": str(shim), "SLOW_FLUSH": str(asked.flush)}
                    _measure(tree, place / "env", slow, runs, seen[name])
            for name, each in seen.items():
                print(each.row(name, runs), flush=True)


def _compiled(folder: Path) -> Path:
    shim = folder / "slow_flush.so"
    source = Path(__file__).with_name("slow_flush.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(shim), str(source), "-ldl"], check=True)
    return shim


def _measure(tree: Path, env: Path, environment: dict[str, str], runs: int, seen: Seen) -> None:
    def start(*words: str) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        return subprocess.Popen((sys.executable, *words), cwd=tree, env=environment, text=True, **pipes)  # type: ignore[call-overload]  # the same for all

    beside = [start("-c", code, str(env)) for code in (_USER, _PROBER)]
    for each in beside:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    began = time.monotonic()
    command = ("-m", "trac.admin.console", str(env), "mailintake", "run", "support", "--force")
    running = [start(*command) for _ in range(runs)]
    for each in running:
        said, _ = each.communicate()
        assert each.returncode == 0, said
    seen.took.append(time.monotonic() - began)
    (saves, failed), (held, _) = (json.loads(each.communicate("\n")[0]) for each in beside)
    seen.saves += saves
    seen.failed += failed
    seen.held += held


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "none"
    high = quantiles((*values, max(values)), n=10, method="inclusive")[-1]
    return "  ".join(f"{1000 * each:6.0f}" for each in (median(values), high, max(values)))


if __name__ == "__main__":
    main()
