"""What servers need of the machine: programs, ports, folders, an unprivileged user."""

from __future__ import annotations

import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.waiting import PATIENCE, WaitedInVainError, until

if TYPE_CHECKING:
    from collections.abc import Iterable

LOOPBACK = "127.0.0.1"
_ADMIN_FOLDERS = ("/usr/sbin", "/usr/local/sbin")
_CLIENTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""The first and the last port that the kernel gives to who connects (ip(7))."""
_LOWEST = 10_000
"""Below it are the ports of well-known servers."""
_CHANCE = random.SystemRandom()


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
    """Ports of the loopback interface that were free a moment ago, all different, chosen by chance.

    They are none that the kernel gives to clients: a connection of another process would have the port sooner or later
    before its server does.
    """
    lowest_of_clients = int(_CLIENTS.read_text("ascii").split()[0])
    with ExitStack() as listeners:
        ports: list[int] = []
        for port in _CHANCE.sample(range(_LOWEST, lowest_of_clients), k=lowest_of_clients - _LOWEST):
            if len(ports) == count:
                break
            with suppress(OSError):
                listeners.enter_context(socket.create_server((LOOPBACK, port)))
                ports.append(port)
    return ports


def free_port() -> int:
    """A port of the loopback interface that was free a moment ago."""
    return free_ports(1)[0]


def wait_for_ports(
    ports: Iterable[int], *, seconds: float = PATIENCE, process: subprocess.Popen[bytes] | None = None
) -> None:
    """Return when all the ports accept connections; raises ServerFailed after `seconds`, or when `process` ended."""

    def listened_to() -> bool:
        if process is not None and process.poll() is not None:
            message = f"{process.args!r} ended with status {process.returncode}"
            raise ServerFailed(message)
        return all(map(_accepts, ports))

    ports = tuple(ports)
    try:
        until(listened_to, seconds=seconds, what=f"not all of the ports {ports} are listened on")
    except WaitedInVainError as failure:
        raise ServerFailed(str(failure)) from None


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
