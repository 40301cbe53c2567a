"""A tour: a Trac environment, a Maildir with the mails of `examples/demo`, one run, and what became of each mail.

`make demo` calls it. It makes the folder `demo` anew, or the one that DEMO names, and prints every command that it
runs, for those who want to try them on their own. SERVE=0 in the environment ends it before tracd starts.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
MAILS = TOP / "examples" / "demo"
FOLDER = Path(os.environ.get("DEMO", TOP / "demo")).resolve()
ENV = FOLDER / "env"
MAILDIR = FOLDER / "maildir"
HOST = "127.0.0.1"
PORT = 8000


def shown(path: str) -> str:
    """A word of a command as one would type it from the project's folder."""
    return shlex.quote(path.replace(f"{TOP}/", ""))


def admin(*words: str, quiet: bool = False) -> str:
    """Run `trac-admin`, show the command, and return what it printed. Ends the demo when it is wrong use."""
    command = ("trac-admin", str(ENV), *words)
    if not quiet:
        print("$", " ".join(shown(word) for word in command), flush=True)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "trac.admin.console", *command[1:]],
        stdout=subprocess.PIPE,
        check=False,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    if done.returncode not in (0, 1):  # 1: some mail was held
        sys.exit(done.stdout + f"trac-admin ended with {done.returncode}")
    return done.stdout


def environment(port: int) -> None:
    """A Trac environment with the plugin enabled, and rights for those who write mails."""
    admin("initenv", "Demo", "sqlite:db/trac.db")
    admin("config", "set", "trac", "base_url", f"http://{HOST}:{port}")
    admin("config", "set", "components", "trac_mailintake.*", "enabled")
    admin("upgrade", "--no-backup")
    # The rights of strangers' mail: those of this user, who is nobody and cannot log in.
    admin("permission", "add", "mailbot", "TICKET_CREATE", "TICKET_APPEND")
    admin("session", "add", "alice", "Alice Admin", "alice@project.example")
    admin("permission", "add", "alice", "TICKET_ADMIN")
    # So that the journal is seen without logging in; only here.
    admin("permission", "add", "anonymous", "MAILINTAKE_VIEW")


def maildir() -> None:
    """A Maildir in which the mails have just arrived, in the order of their names."""
    for folder in ("new", "cur", "tmp"):
        (MAILDIR / folder).mkdir(parents=True)
    for number, mail in enumerate(sorted(MAILS.glob("*.eml"))):
        shutil.copyfile(mail, MAILDIR / "new" / f"{1_795_000_000 + number}.{mail.stem}.demo")


def outcomes() -> None:
    """A table of what became of each mail, and why."""
    entries = json.loads(admin("mailintake", "journal", "list", "--limit", "1000", "--json", quiet=True))
    width = max(20, shutil.get_terminal_size((120, 24)).columns - 60)
    print(f"\n{'Mail':<38}{'became':<11}{'ticket':<8}because")
    print("-" * (57 + width))
    for entry in reversed(entries):
        name = entry["locator"].split(".", 1)[1].removesuffix(".demo")
        ticket = f"#{entry['ticket']}" if entry["ticket"] else ""
        first, *more = textwrap.wrap(f"{entry['reason']} ({entry['rule']})", width)
        print(f"{name:<38}{entry['outcome']:<11}{ticket:<8}{first}")
        for line in more:
            print(f"{'':<57}{line}")


def free_port() -> int:
    """The usual port, or any other when somebody has that."""
    for port in (PORT, 0):
        try:
            with socket.create_server((HOST, port)) as server:
                return int(server.getsockname()[1])
        except OSError:
            continue
    sys.exit(f"There is no free port on {HOST}.")


def serve(port: int) -> None:
    """Serve the environment until somebody has seen enough."""
    address = f"http://{HOST}:{port}"
    print(f"\nServing {address}/ until Ctrl-C. Look at")
    print(f"  {address}/query?status=!closed&order=id       the tickets")
    print(f"  {address}/admin/mailintake/journal            what became of each mail, and every step of why")
    command = ["-P", "-m", "trac.web.standalone", "--single-env", f"--hostname={HOST}", f"--port={port}", str(ENV)]
    try:
        subprocess.run([sys.executable, *command], check=False)
    except KeyboardInterrupt:
        print(f"\nThe environment stays in {shown(str(ENV))}.")


def main() -> None:
    """Show it."""
    for folder in (ENV, MAILDIR):
        shutil.rmtree(folder, ignore_errors=True)
    FOLDER.mkdir(exist_ok=True)
    port = free_port()
    environment(port)
    maildir()
    print(admin("mailintake", "service", "add", "support", "kind=maildir", f"path={MAILDIR}", "actas=mailbot"))
    print(admin("mailintake", "run"), end="")
    outcomes()
    if os.environ.get("SERVE") == "0":
        print(f"\nNot served, since SERVE=0. The environment is in {shown(str(ENV))}.")
    else:
        serve(port)


if __name__ == "__main__":
    main()
