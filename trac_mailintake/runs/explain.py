"""Decides what would become of a mail if it arrived now, and writes nothing."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from trac_mailintake.intake.model import Account, Delivery, Listed, Step
from trac_mailintake.intake.ports import Duplicate
from trac_mailintake.mail.parse import parse
from trac_mailintake.mail.spool import Slice
from trac_mailintake.tracker.people.directory import proof_said

if TYPE_CHECKING:
    from trac_mailintake.bootstrap import Assembly
    from trac_mailintake.intake.ports import Decision
    from trac_mailintake.intake.settings import Service

_ENDS: Final = (b"\n", b"\r\n")


def explain(assembly: Assembly, raw: Slice, service: Service) -> Decision:
    """The decision about the mail if it arrived now. Raises OSError, Misconfiguration, TemporaryFailure.

    Its last step says what proves the sender, or why nothing does.

    Servers hand over lines that end with CR LF, and files have LF. A mail that was filed with other line ends than the
    file has is a duplicate all the same, as it would be if its server listed it again.
    """
    decision = _decided(assembly, raw, service)
    for end in _ENDS:
        if isinstance(decision, Duplicate):
            break
        with tempfile.NamedTemporaryFile(prefix="mailintake-explain-") as file:
            length = _copy(raw, file, end)
            again = Slice(file.name, 0, length)
            if assembly.recorder.seen(service, parse(again)) is not None:
                decision = _decided(assembly, again, service)
    return decision


def _decided(assembly: Assembly, raw: Slice, service: Service) -> Decision:
    sha256 = hashlib.sha256()
    for chunk in raw.chunks():
        sha256.update(chunk)
    digest = sha256.hexdigest()
    listed = Listed(Path(raw.path).name, digest, raw.length)
    delivery = Delivery(0, service.name, Account("file", raw.path), listed, 0, raw=raw, sha256=digest)
    message = parse(raw)
    decision = assembly.spine.decide(service, delivery, message, explain=True)
    proof = Step.of("screen", proof_said(message, service))
    return replace(decision, steps=(*decision.steps, proof))


def _copy(raw: Slice, file: IO[bytes], end: bytes) -> int:
    """Write the mail with these line ends into `file`. Returns its length in bytes."""
    left = b""
    for chunk in raw.chunks():
        *lines, left = (left + chunk).split(b"\n")
        file.writelines(line.removesuffix(b"\r") + end for line in lines)
    file.write(left)
    file.flush()
    return file.tell()
