"""Where mail lies, for each kind of source: put there anew for each try, and looked at afterwards."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from tests.crash import rounds
from tests.crash.faults import NONE
from tests.servers.dovecot import PASSWORD
from tests.sources.bent import SLICES, WHOLES, Bend, BentServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.crash.faults import Harm
    from tests.servers.dovecot import Dovecot

Settings = tuple["Mapping[str, str]", "Mapping[str, str]"]
"""What is typed for the mail server (nothing where there is none), and for the service."""

Step = tuple["Callable[..., object]", tuple[object, ...]]
"""A function that runs in a process of its own, and its arguments."""

_PARAMETERS = {"handler": "create-or-comment", "afterwards": "delete"}


class Place(Protocol):
    """A mailbox."""

    @property
    def settings(self) -> Settings:
        """For the server and the service."""

    def deliver(self, *mails: bytes) -> None:
        """Put mails there, in this order."""

    def there(self) -> list[bytes]:
        """What lies there."""

    def clear(self) -> None:
        """Somebody removes all mail."""

    def round(self, env: Path, fault: Harm = NONE) -> Step:
        """What empties it into the environment: a function of `rounds`, and its arguments."""

    def later(self) -> None:
        """An hour goes by: what a dead process left there is stale."""


@dataclass
class Local:
    """What the local kinds share; everything lies in `folder`, which is not there yet."""

    folder: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    """No two files have the same name, whenever they come."""
    kind: ClassVar[str]

    @property
    def settings(self) -> Settings:
        """See `Place`."""
        return {}, {**_PARAMETERS, "kind": self.kind, "path": str(self.folder)}

    def there(self) -> list[bytes]:
        """See `Place`."""
        return [path.read_bytes() for path in sorted(self.folder.rglob("*")) if path.is_file()]

    def clear(self) -> None:
        """See `Place`."""
        for path in self.folder.rglob("*"):
            if path.is_file():
                path.unlink()

    def round(self, env: Path, fault: Harm = NONE) -> Step:
        """See `Place`."""
        return rounds.run, (env, fault)

    def later(self) -> None:
        """See `Place`."""


class Maildir(Local):
    """A Maildir."""

    kind = "maildir"

    def deliver(self, *mails: bytes) -> None:
        """See `Place`."""
        for name in ("cur", "new", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for mail in mails:
            number = next(self._numbers)
            (self.folder / "new" / f"{1_700_000_000 + number}.M{number}P1.test").write_bytes(mail)


class Directory(Local):
    """A folder of `.eml` files."""

    kind = "directory"

    def deliver(self, *mails: bytes) -> None:
        """See `Place`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for mail in mails:
            number = next(self._numbers)
            path = self.folder / f"{number:04d}.eml"
            path.write_bytes(mail)
            os.utime(path, (1_700_000_000 + number,) * 2)


class Mbox(Local):
    """An mbox."""

    kind = "mbox"

    @property
    def settings(self) -> Settings:
        """See `Place`."""
        return {}, {**_PARAMETERS, "kind": "mbox", "path": str(self.folder / "mbox")}

    def deliver(self, *mails: bytes) -> None:
        """See `Place`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "mbox").open("ab") as file:
            file.writelines(b"From a@example.org Thu Jan  1 00:00:00 2026\n" + mail + b"\n" for mail in mails)

    def there(self) -> list[bytes]:
        """See `Place`; an empty file is no mail."""
        return [content for content in super().there() if content]

    def clear(self) -> None:
        """See `Place`; the file itself stays."""
        (self.folder / "mbox").write_bytes(b"")


class Pipe(Directory):
    """The queue of a mail server that hands over to a pipe, until it is told that the mail was taken."""

    kind = "pipe"

    @property
    def settings(self) -> Settings:
        """See `Place`."""
        return {}, {"handler": "create-or-comment", "kind": "pipe"}

    def round(self, env: Path, fault: Harm = NONE) -> Step:
        """See `Place`."""
        return rounds.hand_over, (env, self.folder, fault)


@dataclass
class Remote:
    """A mailbox on Dovecot, by `protocol`; a user of its own for each try."""

    dovecot: Dovecot
    protocol: str
    security: str = "none"

    def __post_init__(self) -> None:
        self.user = self.dovecot.add_user()

    @property
    def settings(self) -> Settings:
        """See `Place`."""
        tls = self.security == "tls"
        server = {
            "protocol": self.protocol,
            "host": "localhost",
            "port": str(getattr(self.dovecot, self.protocol + ("s" if tls else ""))),
            "security": self.security,
            "username": self.user,
            "password": PASSWORD,
            "timeout": "20",
            "ca_file": str(self.dovecot.authority) if tls else "",
        }
        return server, {**_PARAMETERS, "kind": self.protocol, "server": "post"}

    def deliver(self, *mails: bytes) -> None:
        """See `Place`."""
        self.dovecot.deliver_all(self.user, mails)

    def there(self) -> list[bytes]:
        """See `Place`."""
        return self.dovecot.messages(self.user)

    def clear(self) -> None:
        """See `Place`."""
        self.dovecot.clear(self.user)

    def round(self, env: Path, fault: Harm = NONE) -> Step:
        """See `Place`."""
        return rounds.run, (env, fault)

    def later(self) -> None:
        """See `Place`."""


@dataclass
class Refusing:
    """Mails on an IMAP server that refuses the first, and drops the line over the third, until it is mended."""

    server: BentServer
    waits: ClassVar[bool] = True
    """What did not come is asked for again after a while only."""

    @staticmethod
    def serve() -> BentServer:
        """Such a server, to be started."""
        return BentServer((), Bend(), {1: Bend(whole=WHOLES["refused"]), 3: Bend(cut=100)})

    @property
    def settings(self) -> Settings:
        """See `Place`."""
        at = {"protocol": "imap", "host": "localhost", "port": str(self.server.port), "security": "none"}
        server = {**at, "username": "ann", "password": PASSWORD, "timeout": "20"}
        return server, {**_PARAMETERS, "kind": "imap", "server": "post"}

    def deliver(self, *mails: bytes) -> None:
        """See `Place`."""
        self.server.folders[b"INBOX"] |= dict(enumerate(mails, 1))

    def there(self) -> list[bytes]:
        """See `Place`."""
        return [*self.server.folders[b"INBOX"].values()]

    def clear(self) -> None:
        """See `Place`."""
        self.server.folders[b"INBOX"].clear()

    def round(self, env: Path, fault: Harm = NONE) -> Step:
        """See `Place`."""
        return rounds.run, (env, fault)

    def later(self) -> None:
        """It is mended."""
        self.server.bends = {}


MEGABYTE = 1024 * 1024


class Streamed:
    """Mails on an IMAP server that says they are large, and gives all of one where a slice was asked for."""

    def __init__(self, server: BentServer) -> None:
        self.server = server

    @staticmethod
    def serve() -> BentServer:
        """Such a server, to be started."""
        return BentServer((), Bend(slices=SLICES["whole"], told=lambda size: size + 2 * MEGABYTE))

    @property
    def settings(self) -> Settings:
        """See `Place`."""
        at = {"protocol": "imap", "host": "localhost", "port": str(self.server.port), "security": "none"}
        server = {**at, "username": "ann", "password": PASSWORD, "timeout": "20"}
        return server, {**_PARAMETERS, "kind": "imap", "server": "post"}

    def deliver(self, *mails: bytes) -> None:
        """See `Place`."""
        self.server.folders[b"INBOX"] |= dict(enumerate(mails, 1))

    def there(self) -> list[bytes]:
        """See `Place`."""
        return [*self.server.folders[b"INBOX"].values()]

    def clear(self) -> None:
        """See `Place`."""
        self.server.folders[b"INBOX"].clear()

    def round(self, env: Path, fault: Harm = NONE) -> Step:
        """See `Place`."""
        return rounds.run, (env, fault)

    def later(self) -> None:
        """See `Place`."""
