"""With `catchemail`: what a mail of the mailbox costs in this tree, and its ratio to the cost at another commit.

    python -m benchmarks.heads COMMIT [--pairs 5] [--small 200] [--large 40] [--ways maildir,imap]

Two mailboxes: all mail is ours, or every tenth is; the rest is for another address, and stays. Each with bodies of 5 KB
and of 1 MB. A pair measures both trees one after the other, on fresh environments; every second one begins with the
other commit. Afterwards what was filed, what was ignored, and what is left in the mailbox is counted.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.load import ADDRESS, people
from benchmarks.pairs import HERE, _row, checked_out
from benchmarks.stand import Stand
from benchmarks.throughput import _line, _timed
from tests.servers.dovecot import PASSWORD, Dovecot
from trac_mailintake.intake.model import Status
from trac_mailintake.runs import open_intake

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

WAYS: Final = ("maildir", "imap", "imap 20 ms", "pop3", "pop3 20 ms")
SIZES: Final = {"5 KB": 5_000, "1 MB": 1_000_000}
SHARES: Final = {"all ours": 1, "1 in 10": 10}
OTHERS: Final = "sales@example.org"
WARM_UP: Final = 20
Cost = dict[str, tuple[float, float]]
"""By way, size and share: milliseconds a mail, by the clock, and of the CPU of the process that files the mail."""


def mails(count: int, size: int, every: int) -> Iterator[bytes]:
    """Requests with a file, about `size` bytes each; one of `every` is ours."""
    chance = random.Random(count)  # noqa: S311 - the same mails each time, not secrets
    folk = people()
    for number in range(count):
        author = chance.choice(folk)
        head = (
            f"From: {author.address}\nTo: {OTHERS if number % every else ADDRESS}\nSubject: Request {number}\n"
            f"Message-ID: <{number}.{size}@mail.example.com>\nDate: Mon, 02 Nov 2026 10:00:00 +0000\n"
            "MIME-Version: 1.0\n" + "".join(f"X-Field-{place}: {'x' * 60}\n" for place in range(25))
        )
        file = base64.encodebytes(chance.randbytes(size * 3 // 4)).decode("ascii")
        yield (
            f'{head}Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nPlease.\n\n'
            "--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n"
            f"Content-Disposition: attachment; filename=file.bin\n\n{file}\n--b--\n"
        ).encode()


class Bench:
    """Where one tree is measured."""

    def __init__(self, folder: Path, dovecot: Dovecot, ports: Mapping[str, int]) -> None:
        """`ports` are those of the mail servers, by way."""
        self._folder = folder
        self._dovecot = dovecot
        self._ports = ports

    def measure(self, way: str, contents: Sequence[bytes], every: int) -> tuple[float, float]:
        """Take these mails in one way. Raises AssertionError if not each of ours is filed, or another one is."""
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            stand = Stand(Path(folder) / "env")
            try:
                self._fill(stand, way, Path(folder), contents)
                with _timed() as timing:
                    report = stand.run()
                ours = -(-len(contents) // every)
                assert report.counts[Status.CREATED] == ours, report
                assert report.counts[Status.IGNORED] == len(contents) - ours, report
            finally:
                stand.close()
        return timing[0].clock / len(contents) * 1000, timing[0].cpu / len(contents) * 1000

    def _fill(self, stand: Stand, way: str, folder: Path, contents: Sequence[bytes]) -> None:
        if way == "maildir":
            stand.maildir(folder / "Maildir", contents)
            open_intake.settings(stand.env).services.set("support", {"catchemail": ADDRESS})
            return
        user = self._dovecot.add_user()
        self._dovecot.deliver_all(user, contents)
        protocol = way.partition(" ")[0]
        server = {"protocol": protocol, "host": "127.0.0.1", "port": str(self._ports[way]), "security": "none"}
        open_intake.settings(stand.env).servers.add("post", {**server, "username": user, "password": PASSWORD})
        stand.service(kind=protocol, server="post", catchemail=ADDRESS)


def measure(ways: Sequence[str], small: int, large: int) -> Cost:
    """What this process's tree costs."""
    cost: Cost = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mailintake-heads-")))
        dovecot = stack.enter_context(Dovecot())
        ports = {"imap": dovecot.imap, "pop3": dovecot.pop3}
        ports |= {f"{way} 20 ms": _distant(port, stack) for way, port in ports.items()}
        bench = Bench(folder, dovecot, ports)
        for way in ways:
            bench.measure(way, list(mails(WARM_UP, 1000, 2)), 2)
            for size, count in zip(SIZES, (small, large), strict=True):
                for share, every in SHARES.items():
                    contents = list(mails(count, SIZES[size], every))
                    cost[f"{way}, {size}, {share}"] = bench.measure(way, contents, every)
    return cost


def _distant(port: int, stack: contextlib.ExitStack) -> int:
    """A port 20 ms away from this one. In a process of its own: the long line's work is not the product's."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_line, args=(port, there), daemon=True)
    process.start()
    stack.callback(process.join)
    stack.callback(here.close)
    there.close()
    return int(here.recv())


def _in(tree: Path, words: Sequence[str]) -> Cost:
    """What `tree` costs, in a process of its own. Raises CalledProcessError with what it said."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    command = [sys.executable, "-P", "-W", "ignore", "-c", _MEASURE, __file__, *words]
    done = subprocess.run(command, cwd=tree, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    cost: Cost = json.loads(done.stdout.splitlines()[-1])
    return cost


# This file measures the other tree, too, which need not have it.
_MEASURE: Final = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("heads", sys.argv[1])
heads = importlib.util.module_from_spec(spec)
spec.loader.exec_module(heads)
print(json.dumps(heads.measure(sys.argv[2].split(","), int(sys.argv[3]), int(sys.argv[4]))))
"""


def main() -> None:
    """Measure, and print two lines for each way, size and share."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("commit")
    options.add_argument("--pairs", type=int, default=5)
    options.add_argument("--small", type=int, default=200)
    options.add_argument("--large", type=int, default=40)
    options.add_argument("--ways", default=",".join(WAYS))
    asked = options.parse_args()
    words = (asked.ways, str(asked.small), str(asked.large))
    pairs: list[tuple[Cost, Cost]] = []
    with checked_out(asked.commit) as other:
        for number in range(asked.pairs):
            trees = (other, HERE) if number % 2 else (HERE, other)
            found = {tree: _in(tree, words) for tree in trees}
            pairs.append((found[other], found[HERE]))
            print(".", end="", file=sys.stderr, flush=True)
    print(f"\n{asked.small} and {asked.large} mails, {asked.pairs} pairs: ms a mail, median; and of {asked.commit}")
    for what in pairs[0][0]:
        for place, kind in enumerate(("clock", "CPU")):
            row = _row([(before[what][place], now[what][place]) for before, now in pairs])
            print(f"{what:28}{kind:8}{row}")


if __name__ == "__main__":
    main()
