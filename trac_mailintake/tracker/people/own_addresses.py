"""screen, handle: the addresses of the intake itself: mail to them is for us, and mail from them is our own."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.settings.policies import Recipients, declared
from trac_mailintake.mail.mailbox_key import mailbox_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trac.env import Environment

_CATCHES: Final = declared(Recipients)[0].name
_SEPARATOR: Final = re.compile(r"[;,\s]+")


def own_addresses(env: Environment) -> frozenset[str]:
    """The addresses (`mailbox_key`) of services, of `[mailintake] address`, and of Trac's notifications."""
    written = [
        env.config.get("mailintake", "address"),
        env.config.get("notification", "smtp_from"),
        env.config.get("notification", "smtp_replyto"),
        *(addresses for (addresses,) in env.db_query("SELECT addresses FROM mailintake_service")),
    ]
    return _addresses(written)


def caught_addresses(env: Environment) -> frozenset[str]:
    """The addresses (`mailbox_key`) in the `catchemail` of enabled services."""
    rows = env.db_query("SELECT parameters FROM mailintake_service WHERE enabled=1")
    return _addresses(json.loads(parameters or "{}").get(_CATCHES, "") for (parameters,) in rows)


def _addresses(written: Iterable[str | None]) -> frozenset[str]:
    return frozenset(mailbox_key(word) for each in written for word in _SEPARATOR.split(each or "") if "@" in word)
