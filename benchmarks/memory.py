"""Peak memory of `trac-admin ENV mailintake run` for one mail with a large attachment, over that of an idle run.

    python -m benchmarks.memory [--sizes 10,200]

Each figure is the VmHWM of a process of its own, so Linux only. The attachment that was filed is compared with what was
sent. [attachment] max_size, the service's max_size and [mailintake] archive_max_size are raised.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import random
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trac.attachment import Attachment

from benchmarks.load import ADDRESS
from benchmarks.stand import Stand, fill_maildir
from tests.servers.dovecot import Dovecot
from tests.servers.machine import ServerMissing

if TYPE_CHECKING:
    from collections.abc import Iterator

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
_HEAD: Final = f"""\
From: Person <person001@example.com>
To: {ADDRESS}
Subject: A large attachment
Message-ID: <large@mail.example.com>
Date: Mon, 02 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=_large"

--=_large
Content-Type: text/plain; charset=us-ascii

It is attached.
--=_large
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="large.bin"

"""
_TAIL: Final = "--=_large--\n"


@dataclass(frozen=True, slots=True)
class Large:
    """A mail in a file, and the SHA-256 of what is attached to it."""

    path: Path
    sha256: str


def write(path: Path, size: int) -> Large:
    """A mail with an attachment of `size` bytes, written a piece at a time."""
    chance = random.Random(size)  # noqa: S311 - the same bytes each time, not secrets
    digest = hashlib.sha256()
    with path.open("wb") as file:
        file.write(_HEAD.encode("ascii"))
        for start in range(0, size, _BLOCK):
            block = chance.randbytes(min(_BLOCK, size - start))
            digest.update(block)
            file.write(base64.encodebytes(block))
        file.write(_TAIL.encode("ascii"))
    return Large(path, digest.hexdigest())


def peak(environment: Path) -> float:
    """Megabytes that a run needs at most."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _COMMAND, str(environment), "mailintake", "run"],
        capture_output=True,
        text=True,
        check=False,
    )
    found = _PEAK.search(done.stdout)
    assert done.returncode == 0, done.stderr + done.stdout
    assert found, done.stdout
    return int(found[1]) / 1024


def measure(folder: Path, large: Large, dovecot: Dovecot | None) -> tuple[float, float]:
    """The peak of a run that takes the mail, and of the idle one that follows."""
    stand = Stand(folder / "env", max_attachment=_ROOM, options=(("mailintake", "archive_max_size", str(_ROOM)),))
    if dovecot is None:
        fill_maildir(folder / "Maildir", [])
        large.path.rename(folder / "Maildir" / "new" / "1790000000.M1P1.bench")
        stand.service(kind="maildir", path=str(folder / "Maildir"), max_size=str(_ROOM), delay="60")
    else:
        user = dovecot.add_user()
        dovecot.deliver(user, large.path.read_bytes())
        stand.imap(dovecot.imap, user, max_size=str(_ROOM), delay="60")
    stand.close()
    busy, idle = peak(stand.trac.path), peak(stand.trac.path)
    (attachment,) = Attachment.select(stand.trac.env, "ticket", 1)
    with attachment.open() as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == large.sha256, "the attachment differs"
    stand.close()
    return busy, idle


def main() -> None:
    """Measure each size from each source, and print a table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sizes", default="10,200", help="megabytes")
    asked, _ = options.parse_known_args()
    print(f"{'source':10}{'attachment':>12}{'idle':>10}{'peak':>10}{'over idle':>12}   (MB, VmHWM)")
    with _server() as dovecot:
        for kind in ("maildir", "imap") if dovecot else ("maildir",):
            for size in (int(word) for word in asked.sizes.split(",")):
                with tempfile.TemporaryDirectory(prefix="mailintake-bench-") as name:
                    large = write(Path(name) / "large.eml", size * MEGABYTE)
                    busy, idle = measure(Path(name), large, dovecot if kind == "imap" else None)
                print(f"{kind:10}{size:>12}{idle:>10.1f}{busy:>10.1f}{busy - idle:>12.1f}", flush=True)


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
