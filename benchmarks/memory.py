"""Peak memory of `trac-admin ENV mailintake run` for one huge mail, over that of an idle run; and how long it takes.

    python -m benchmarks.memory [--sizes 10,100,1024] [--sources maildir,imap] [--shapes attachment]

Shapes: `attachment`, in base64; `text`, lines of it without end; `line`, one line of text without end. Sources:
maildir, mbox, pipe (`mailintake deliver`), imap, pop3. Each figure is the VmHWM of a process of its own, so Linux only.
An attachment that was filed is compared with what was sent, and the archive with what the journal says of it.
[attachment] max_size, the service's max_size and [mailintake] archive_max_size are raised. Beside the seconds of a run
stand those of `cat MAIL >COPY; sync COPY`, and of both that and `base64 -d` of the attachment, synced as well.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import enum
import hashlib
import random
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trac.attachment import Attachment

from benchmarks.load import ADDRESS
from benchmarks.stand import SERVICE, Stand, fill_maildir
from tests.servers.dovecot import PASSWORD, Dovecot
from tests.servers.machine import ServerMissing
from trac_mailintake.runs import open_intake
from trac_mailintake.tracker.journal.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MEGABYTE: Final = 1024**2
_ROOM: Final = 2 * 1024**3
_BLOCK: Final = 57 * 16_384
"""Bytes that are encoded at a time: whole lines of base64."""
_PEAK: Final = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
_COMMAND: Final = """
import sys
from trac.admin import console
status = console.run(sys.argv[1:])
print(open("/proc/self/status").read())
sys.exit(status)
"""
_FIELDS: Final = f"""\
From: Person <person001@example.com>
To: {ADDRESS}
Subject: A large mail
Message-ID: <large@mail.example.com>
Date: Mon, 02 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
"""
_HEAD: Final = f"""\
{_FIELDS}Content-Type: multipart/mixed; boundary="=_large"

--=_large
Content-Type: text/plain; charset=us-ascii

It is attached.
--=_large
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="large.bin"

"""
_TAIL: Final = "--=_large--\n"
_TEXT: Final = f"{_FIELDS}Content-Type: text/plain; charset=us-ascii\n\n"
_WORDS: Final = b"The printer says that it has no paper, although there is plenty of paper"


class Shape(enum.Enum):
    """What is large about a mail."""

    ATTACHMENT = "attachment"
    TEXT = "text"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class Large:
    """A mail in a file, and the SHA-256 of what is attached to it, "" when nothing is."""

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Cost:
    """Megabytes of memory at most, and seconds by the clock."""

    peak: float
    seconds: float


def write(path: Path, size: int, shape: Shape) -> Large:
    """A mail with an attachment or a text of `size` bytes, written a piece at a time."""
    chance = random.Random(size)  # noqa: S311 - the same bytes each time, not secrets
    digest = hashlib.sha256()
    with path.open("wb") as file:
        if shape is not Shape.ATTACHMENT:
            file.write(_TEXT.encode("ascii"))
            block = (_WORDS + (b" " if shape is Shape.LINE else b"\n")) * 1000
            for start in range(0, size, len(block)):
                file.write(block[: size - start])
            file.write(b"\n")
            return Large(path, "")
        file.write(_HEAD.encode("ascii"))
        for start in range(0, size, _BLOCK):
            block = chance.randbytes(min(_BLOCK, size - start))
            digest.update(block)
            file.write(base64.encodebytes(block))
        file.write(_TAIL.encode("ascii"))
    return Large(path, digest.hexdigest())


def cost(environment: Path, words: Sequence[str], mail: Path | None = None) -> Cost:
    """What a command needs, with a mail on its standard input or nothing."""
    with (mail or Path("/dev/null")).open("rb") as stdin:
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _COMMAND, str(environment), "mailintake", *words],
            stdin=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - start
    found = _PEAK.search(done.stdout)
    assert done.returncode == 0, done.stderr + done.stdout
    assert found, done.stdout
    return Cost(int(found[1]) / 1024, seconds)


def measure(folder: Path, large: Large, source: str, dovecot: Dovecot | None) -> tuple[Cost, Cost]:
    """A run that takes the mail, and the idle one that follows."""
    stand = Stand(folder / "env", max_attachment=_ROOM, options=(("mailintake", "archive_max_size", str(_ROOM)),))
    _serve(stand, folder, large, source, dovecot)
    stand.close()
    piped = source == "pipe"
    busy = cost(stand.trac.path, ("deliver", SERVICE) if piped else ("run",), large.path if piped else None)
    idle = cost(stand.trac.path, ("run",))
    _check(stand, large)
    stand.close()
    return busy, idle


def _serve(stand: Stand, folder: Path, large: Large, source: str, dovecot: Dovecot | None) -> None:
    """A service, and the mail where it looks for it."""
    service = {"max_size": str(_ROOM), "delay": "60"}
    if source == "maildir":
        fill_maildir(folder / "Maildir", [])
        large.path.rename(folder / "Maildir" / "new" / "1790000000.M1P1.bench")
        stand.service(kind="maildir", path=str(folder / "Maildir"), **service)
    elif source == "mbox":
        with (folder / "mbox").open("wb") as file, large.path.open("rb") as mail:
            file.write(b"From person001@example.com Mon Nov  2 10:00:00 2026\n")
            while block := mail.read(MEGABYTE):
                file.write(block)
            file.write(b"\n")
        stand.service(kind="mbox", path=str(folder / "mbox"), **service)
    elif source == "pipe":
        open_intake.settings(stand.env).services.add(
            SERVICE, {"kind": "pipe", "address": ADDRESS, "max_size": str(_ROOM)}
        )
    else:
        assert dovecot is not None
        user = dovecot.add_user()
        dovecot.deliver(user, large.path.read_bytes())
        port = dovecot.imap if source == "imap" else dovecot.pop3
        server = {"protocol": source, "host": "127.0.0.1", "port": str(port), "security": "none", "timeout": "120"}
        open_intake.settings(stand.env).servers.add("post", {**server, "username": user, "password": PASSWORD})
        stand.service(kind=source, server="post", **service)


def _check(stand: Stand, large: Large) -> None:
    """One ticket, the attachment as it was sent, the archive as the journal says."""
    (entry,) = Journal(stand.trac.env).entries()
    assert entry.ticket == 1, entry
    assert entry.raw is not None
    digest = hashlib.sha256()
    for chunk in entry.raw.chunks():
        digest.update(chunk)
    assert digest.hexdigest() == entry.sha256, "the archive differs"
    if large.sha256:
        (attachment,) = Attachment.select(stand.trac.env, "ticket", 1)
        with attachment.open() as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == large.sha256, "the attachment differs"


def copied(mail: Path, shape: Shape) -> tuple[float, float]:
    """Seconds to copy a mail, and to copy it and decode its attachment."""
    decode = f'tail -n +{_HEAD.count(chr(10)) + 1} "$0" | base64 -di' if shape is Shape.ATTACHMENT else "true"
    seconds = []
    for program in ('cat "$0"', decode):
        start = time.perf_counter()
        # The delimiter at the end is no base64, which base64 says after it has decoded the rest.
        script = f'{program} >"$0.copy"; sync "$0.copy" && rm "$0.copy"'
        subprocess.run(["/bin/sh", "-c", script, str(mail)], check=True, stderr=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
    return seconds[0], sum(seconds)


def main() -> None:
    """Measure each size of each shape from each source, and print a table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sizes", default="10,100,1024", help="megabytes")
    options.add_argument("--sources", default="maildir,imap")
    options.add_argument("--shapes", default="attachment")
    asked, _ = options.parse_known_args()
    memory = f"{'size':>6}{'idle':>8}{'peak':>8}{'over idle':>11}"
    print(f"{'source':9}{'shape':12}{memory} MB{'run':>8}{'cat':>8}{'both':>8} s")
    with _server() as dovecot:
        for source in asked.sources.split(","):
            for shape in map(Shape, asked.shapes.split(",")):
                for size in map(int, asked.sizes.split(",")):
                    if dovecot or source not in ("imap", "pop3"):
                        _measure(source, shape, size, dovecot)


def _measure(source: str, shape: Shape, size: int, dovecot: Dovecot | None) -> None:
    with tempfile.TemporaryDirectory(prefix="mailintake-bench-") as name:
        large = write(Path(name) / "large.eml", size * MEGABYTE, shape)
        copy, both = copied(large.path, shape)
        busy, idle = measure(Path(name), large, source, dovecot)
    over = busy.peak - idle.peak
    memory = f"{size:>6}{idle.peak:>8.1f}{busy.peak:>8.1f}{over:>11.1f}"
    print(f"{source:9}{shape.value:12}{memory}   {busy.seconds:>8.1f}{copy:>8.1f}{both:>8.1f}", flush=True)


@contextlib.contextmanager
def _server() -> Iterator[Dovecot | None]:
    with contextlib.ExitStack() as stack:
        try:
            dovecot = stack.enter_context(Dovecot())
        except ServerMissing as reason:
            print(f"IMAP is left out: {reason}")
            dovecot = None
        yield dovecot


if __name__ == "__main__":
    main()
