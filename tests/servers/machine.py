"""What servers need of the machine: programs, ports, folders, an unprivileged user."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LOOPBACK = "127.0.0.1"
_ADMIN_FOLDERS = ("/usr/sbin", "/usr/local/sbin")


class ServerMissing(Exception):  # noqa: N818 - a fact about the machine, not a fault
    """A server that the machine does not have; the reason is for people to read."""


class ServerFailed(Exception):  # noqa: N818 - says what happened
    """A server that did not start, or stopped; with what it logged."""


def is_root() -> bool:
    """Whether this process may do anything."""
    return os.geteuid() == 0


def program(name: str, *folders: str) -> str:
    """The path of a program, looked for in `folders` first; raises ServerMissing."""
    path = shutil.which(name, path=os.pathsep.join([*folders, os.environ.get("PATH", ""), *_ADMIN_FOLDERS]))
    if path is None:
        message = f"{name} is not installed"
        raise ServerMissing(message)
    return path


def account(name: str) -> pwd.struct_passwd:
    """A user of the machine; raises ServerMissing."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        message = f"there is no user {name}"
        raise ServerMissing(message) from None


def open_folder(prefix: str) -> Path:
    """A new temporary folder that other users may look into, as the servers' own users must."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)
    return folder


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that were free a moment ago, all different."""
    listeners = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def free_port() -> int:
    """A port of the loopback interface that was free a moment ago."""
    return free_ports(1)[0]


def wait_for_ports(
    ports: Iterable[int], *, seconds: float = 15, process: subprocess.Popen[bytes] | None = None
) -> None:
    """Return when all the ports accept connections; raises ServerFailed after `seconds`, or when `process` ended."""
    deadline = time.monotonic() + seconds
    for port in ports:
        while not _accepts(port):
            if process is not None and process.poll() is not None:
                message = f"{process.args!r} ended with status {process.returncode}"
                raise ServerFailed(message)
            if time.monotonic() > deadline:
                message = f"nothing listens on port {port} after {seconds} s"
                raise ServerFailed(message)
            time.sleep(0.02)


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def stop(process: subprocess.Popen[bytes], *, seconds: float = 10) -> None:
    """End a child: asked first, then killed."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run(*words: str, env: dict[str, str], cwd: Path) -> None:
    """Run a program to its end; raises ServerFailed with what it said when it failed.

    What it says goes through a file: a server that it leaves behind would hold a pipe open.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        done = subprocess.run(words, stdout=said, stderr=said, check=False, timeout=120, env=env, cwd=cwd)
        if done.returncode:
            said.seek(0)
            message = f"{' '.join(words)} ended with status {done.returncode}: {said.read()}"
            raise ServerFailed(message)
