"""Bytes laid into a spool file, as a source would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.mail.limits import LIMITS
from trac_mailintake.mail.parse import parse
from trac_mailintake.mail.spool import Slice

if TYPE_CHECKING:
    from pathlib import Path

    from trac_mailintake.mail.limits import Limits
    from trac_mailintake.mail.message import Message


def spooled(folder: Path, mail: bytes, name: str = "mail") -> Slice:
    """The bytes of `mail` in a file of `folder`."""
    path = folder / name
    path.write_bytes(mail)
    return Slice(str(path), 0, len(mail))


def read(folder: Path, mail: bytes | str, limits: Limits = LIMITS) -> Message:
    """The message that `mail` parses to."""
    return parse(spooled(folder, mail.encode() if isinstance(mail, str) else mail), limits)
