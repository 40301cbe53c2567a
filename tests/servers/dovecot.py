"""A private Dovecot 2.3 (Debian 12): IMAP and POP3, plain, STARTTLS/STLS and TLS, on a Maildir for each user.

As root the mail belongs to `nobody`, since Dovecot serves none to root; else everything runs as the user of the tests.
"""

from __future__ import annotations

import contextlib
import grp
import itertools
import os
import pwd
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from imapclient import imap_utf7

from tests.servers.certificates import issue
from tests.servers.machine import (
    LOOPBACK,
    ServerMissing,
    account,
    free_ports,
    is_root,
    open_folder,
    program,
    stop,
    wait_for_ports,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PASSWORD = "secret of a test"
"""Every user's."""

CAPABILITIES = (
    *("IMAP4rev1", "SASL-IR", "LOGIN-REFERRALS", "ID", "ENABLE", "IDLE", "SORT", "THREAD=REFERENCES", "MULTIAPPEND"),
    *("UNSELECT", "CHILDREN", "NAMESPACE", "UIDPLUS", "LIST-EXTENDED", "CONDSTORE", "QRESYNC", "ESEARCH", "SEARCHRES"),
    *("WITHIN", "LIST-STATUS", "BINARY", "MOVE", "STATUS=SIZE", "LITERAL+", "SPECIAL-USE"),
)
"""What this server says that it can do, once somebody logged in; a server may be told to say less."""

_CONFIGURATION = """\
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
instance_name = {home.name}
protocols = imap pop3
listen = 127.0.0.1
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 1
last_valid_uid = 0
first_valid_gid = 1
mail_location = maildir:~/Maildir
mail_fsync = never
auth_mechanisms = plain login
disable_plaintext_auth = no
auth_failure_delay = 0
ssl = yes
ssl_cert = <{certificates.server}
ssl_key = <{certificates.key}
mail_max_userip_connections = 200
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {home}/users/%u
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner_group} home={home}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = .
  prefix = {prefix}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
protocol imap {{
  imap_capability = {capabilities}
}}
protocol pop3 {{
  pop3_uidl_format = %08Xu%08Xv
}}
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """A mail as it lies in the mailbox. `flags` are Maildir's letters, such as "ST" (seen, trashed)."""

    content: bytes
    flags: str
    path: Path


class Dovecot:
    """A running server: `imap`, `imaps`, `pop3`, `pop3s` are its ports on `host`; `authority` a PEM file to trust.

    `without` names capabilities that this server shall not claim, such as MOVE or UIDPLUS. `prefix` is what the names
    of all folders but INBOX begin with, as on Courier and Cyrus: `INBOX.`.
    """

    host = LOOPBACK

    def __init__(self, *, without: tuple[str, ...] = (), certificate_days: int = 2, prefix: str = "") -> None:
        self.without = without
        self.prefix = prefix
        self.certificate_days = certificate_days
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        """Start; raises ServerMissing, ServerFailed."""
        binary = program("dovecot")
        for protocol in ("imap", "pop3"):
            program(protocol, "/usr/lib/dovecot", "/usr/libexec/dovecot")
        self._check_version(binary)
        self.home = open_folder("mailintake-dovecot-")
        self.imap, self.imaps, self.pop3, self.pop3s = self.ports = free_ports(4)
        self.certificates = issue(self.home, valid_days=self.certificate_days)
        self._write_configuration()
        configuration = str(self.home / "dovecot.conf")
        # Dovecot takes what it inherits from the environment for its own; it is given none.
        self._process = subprocess.Popen([binary, "-F", "-c", configuration], env={}, stderr=subprocess.DEVNULL)
        try:
            wait_for_ports(self.ports, process=self._process)
        except BaseException as failure:
            failure.add_note(self.log())
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and remove everything."""
        stop(self._process)
        shutil.rmtree(self.home, ignore_errors=True)

    @staticmethod
    def _check_version(binary: str) -> None:
        version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.split()[0]
        if not version.startswith("2.3."):
            message = f"Dovecot is {version}; the tests' configuration is for 2.3"
            raise ServerMissing(message)

    def _write_configuration(self) -> None:
        own = os.geteuid(), os.getegid()
        nobody = account("nobody")
        self._owner = (nobody.pw_uid, nobody.pw_gid) if is_root() else own
        me = account("dovecot").pw_name if is_root() else pwd.getpwuid(own[0]).pw_name
        text = _CONFIGURATION.format(
            home=self.home,
            prefix=self.prefix,
            certificates=self.certificates,
            internal=me,
            group=grp.getgrgid(account("dovecot").pw_gid if is_root() else own[1]).gr_name,
            login=account("dovenull").pw_name if is_root() else me,
            owner=self._owner[0],
            owner_group=self._owner[1],
            capabilities=" ".join(word for word in CAPABILITIES if word not in self.without),
            **dict(zip(("imap", "imaps", "pop3", "pop3s"), self.ports, strict=True)),
        )
        (self.home / "dovecot.conf").write_text(text, encoding="utf-8")
        (self.home / "users").mkdir()
        self._own(self.home / "mail")

    @property
    def authority(self) -> Path:
        """The certificate authority to trust, a PEM file."""
        return self.certificates.authority

    def log(self) -> str:
        """What the server has logged."""
        with contextlib.suppress(OSError):
            return (self.home / "log").read_text(encoding="utf-8", errors="replace")
        return ""

    # Users and their mail -------------------------------------------------------------------------------------------

    def add_user(self, name: str = "") -> str:
        """A user with an empty mailbox and `PASSWORD`; a fresh name when none is given. Returns the name."""
        name = name or f"user{next(self._numbers)}"
        # A file for each user: a shared one would be read again only when a second has gone by.
        (self.home / "users" / name).write_text(f"{name}:{PASSWORD}::::::\n", encoding="utf-8")
        self._own(self.home / "mail" / name)
        self.folder(name)
        return name

    def folder(self, user: str, folder: str = "INBOX") -> Path:
        """The Maildir of a folder, made when it is not there. Levels are separated by a dot."""
        inbox = self.home / "mail" / user / "Maildir"
        path = inbox if folder == "INBOX" else inbox / ("." + imap_utf7.encode(folder).decode("ascii"))
        for each in (inbox, path, path / "cur", path / "new", path / "tmp"):
            self._own(each)
        if path != inbox:
            marker = path / "maildirfolder"
            marker.touch()
            self._give(marker)
        return path

    def deliver(self, user: str, *mails: bytes, folder: str = "INBOX") -> None:
        """Put mails into a folder, as a delivery agent does, in this order."""
        self.deliver_all(user, mails, folder=folder)

    def deliver_all(self, user: str, mails: Iterable[bytes], *, folder: str = "INBOX") -> int:
        """Like `deliver`, for many; returns how many."""
        path = self.folder(user, folder)
        count = 0
        for count, mail in enumerate(mails, start=1):  # noqa: B007 - the count is what is returned
            name = f"{int(time.time())}.M{next(self._numbers):09d}P{os.getpid()}.test"
            fresh = path / "tmp" / name
            fresh.write_bytes(mail)
            self._give(fresh)
            fresh.rename(path / "new" / name)
        return count

    def stored(self, user: str, folder: str = "INBOX") -> list[Stored]:
        """The mails that lie in a folder, in the order of their delivery."""
        path = self.folder(user, folder)
        files = sorted((*path.glob("cur/*"), *path.glob("new/*")), key=lambda file: file.name)
        return [Stored(file.read_bytes(), file.name.partition(":2,")[2], file) for file in files]

    def messages(self, user: str, folder: str = "INBOX") -> list[bytes]:
        """The bytes of the mails in a folder, in the order of their delivery."""
        return [stored.content for stored in self.stored(user, folder)]

    def clear(self, user: str) -> None:
        """Remove all mail of a user, folders and all; its UIDVALIDITY may change with it."""
        shutil.rmtree(self.home / "mail" / user, ignore_errors=True)
        self.add_user(user)

    def _own(self, folder: Path) -> None:
        """Make a folder that belongs to the mail's owner."""
        if not folder.is_dir():
            folder.mkdir()
            self._give(folder)

    def _give(self, path: Path) -> None:
        if is_root():
            os.chown(path, *self._owner)
