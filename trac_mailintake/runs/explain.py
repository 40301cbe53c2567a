"""Decides what would become of a mail if it arrived now, and writes nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from trac_mailintake.intake.model import Account, Delivery, Listed
from trac_mailintake.mail.parse import parse

if TYPE_CHECKING:
    from trac_mailintake.bootstrap import Assembly
    from trac_mailintake.intake.ports import Decision
    from trac_mailintake.intake.settings import Service
    from trac_mailintake.mail.spool import Slice


def explain(assembly: Assembly, raw: Slice, service: Service) -> Decision:
    """The decision about the mail if it arrived now. Raises OSError, Misconfiguration, TemporaryFailure."""
    sha256 = hashlib.sha256()
    for chunk in raw.chunks():
        sha256.update(chunk)
    digest = sha256.hexdigest()
    listed = Listed(Path(raw.path).name, digest, raw.length)
    delivery = Delivery(0, service.name, Account("file", raw.path), listed, 0, raw=raw, sha256=digest)
    return assembly.spine.decide(service, delivery, parse(raw), explain=True)
