"""Mail servers and services as they are stored, and the settings of a service that are not parameters of a rule."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.model import Afterwards, Disposition
from trac_mailintake.intake.settings import policies
from trac_mailintake.intake.settings.parameters import SettingError, Values
from trac_mailintake.intake.times import Microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trac_mailintake.intake.times import Seconds


def disposition(typed: str, allowed: Iterable[Afterwards], kind: str) -> Disposition:
    """Parse `delete`, `move:FOLDER`, `seen` or `leave`.

    Raises SettingError for a value that the kind of source does not support (docs/behaviour.md#afterwards).
    """
    word, _, folder = typed.strip().partition(":")
    words = tuple(allowed)
    names = ", ".join(f"{each.value}:FOLDER" if each is Afterwards.MOVE else each.value for each in words)
    wanted = next((each for each in words if each.value == word.lower()), None)
    if wanted is None or bool(folder.strip()) is not (wanted is Afterwards.MOVE):
        raise SettingError("afterwards", typed, f"{names} (that is what {kind} can mean)")
    return Disposition(wanted, folder.strip())


def start(typed: str, *, dated: bool) -> str:
    """Check the mail that a first run takes: `all`, `now`, or an ISO date if the source knows dates.

    Raises SettingError.
    """
    word = typed.strip().lower()
    if word in ("all", "now"):
        return word
    try:
        if dated:
            return date.fromisoformat(word).isoformat()
    except ValueError:
        pass  # reported below, like any other wrong value
    raise SettingError("start", typed, "all, now" + (", or a date such as 2026-01-31" if dated else ""))


IMAP: Final = "imap"
POP3: Final = "pop3"
"""The protocol of a mail server that is not an IMAP server."""


@dataclass(frozen=True, slots=True)
class Server:
    """The settings of a mail server. `secret` is never the password itself, but how to get it."""

    id: int
    name: str
    description: str
    protocol: str
    host: str
    port: int
    security: str
    username: str
    secret: str = field(repr=False)
    ca_file: str
    timeout: Seconds
    """The limit for one network operation."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service as stored. Times are microseconds since 1970, UTC (0: never)."""

    id: int
    name: str
    description: str
    kind: str
    server: str
    folder: str
    path: str
    addresses: tuple[str, ...]
    delay: int
    """Minutes between two rounds."""
    handler: str
    parameters: Values
    forward: str
    afterwards: Disposition
    start: str
    enabled: bool
    pushed: bool = False
    """Whether mail is handed to it, as by a pipe; there is no mailbox, and no round."""
    presets: tuple[str, ...] = ()
    """The names in `parameters` that preset custom ticket fields of the environment, for new tickets."""
    created: Microseconds = Microseconds(0)
    next_run: Microseconds = Microseconds(0)
    last_run: Microseconds = Microseconds(0)
    last_success: Microseconds = Microseconds(0)
    last_result: str = ""
    stopped: str = ""
    """Why the service stopped itself, "" while it runs."""
    resumed: Microseconds = Microseconds(0)
    """When an administrator last enabled it again; earlier mail does not count towards `rate_service`."""
    overdue: int = 60
    """Minutes without a successful round after which the administrator is notified; 0: never."""
    authentication: policies.Authentication = field(init=False)
    automatic_mail: policies.AutomaticMail = field(init=False)
    notices: policies.Notices = field(init=False)
    rates: policies.Rates = field(init=False)
    recipients: policies.Recipients = field(init=False)
    size: policies.Size = field(init=False)
    strangers: policies.Strangers = field(init=False)

    def of_old_mail(self) -> Service:
        """This service for mail of long ago: no rates count, as in a first run, and no sender is told of anything."""
        silent = {"acknowledge": "never", "notify_sender": "never"}
        parameters = Values(MappingProxyType({**self.parameters.values, **silent}))
        return replace(self, parameters=parameters, last_success=Microseconds(0))

    def __post_init__(self) -> None:
        for name, policy in policies.POLICIES.items():
            object.__setattr__(self, name, policies.read(policy, self.parameters))
