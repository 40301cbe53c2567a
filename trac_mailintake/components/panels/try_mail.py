"""The admin panel *Mail Intake / Try a mail*: what would become of a message, by the code that files mail."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Final

from trac_mailintake.components.options import VIEW
from trac_mailintake.components.panels.base import PanelView
from trac_mailintake.intake.errors import Misconfiguration, TemporaryFailure
from trac_mailintake.intake.ports import Accepted
from trac_mailintake.intake.settings import SettingError
from trac_mailintake.mail.spool import Slice
from trac_mailintake.runs import open_intake
from trac_mailintake.runs.explain import explain

if TYPE_CHECKING:
    from trac.web.api import Request

    from trac_mailintake.components.panels.base import Page
    from trac_mailintake.intake.ports import Decision

LARGEST: Final = 32 * 1024 * 1024
"""Largest message, in bytes, that can be tried."""
_CHUNK: Final = 64 * 1024


class TrialView(PanelView):
    """Decides about a pasted or uploaded message, and writes nothing."""

    changing: ClassVar[str] = VIEW
    """A POST changes nothing here."""

    # PanelView methods

    def show(self, req: Request, name: str) -> Page:
        """The form."""
        return self._page(req)

    def change(self, req: Request, name: str) -> Page:
        """Show what would become of the message, with the form below. Nothing changes, so there is no redirect."""
        service = str(req.args.getfirst("service", ""))
        if service not in open_intake.settings(self.env).services.names():
            return self._page(req, error="service", sentence="Choose a service.")
        with tempfile.NamedTemporaryFile(prefix="mailintake-try-", suffix=".eml") as file:
            wrong = _spool(req, file)
            if wrong:
                return self._page(req, error="mail", sentence=wrong)
            try:
                decision = self._decide(file.name, service)
            except (Misconfiguration, TemporaryFailure, SettingError) as error:
                return self._page(req, error="service", sentence=str(error))
        return self._page(req, decision=decision)

    # inside

    def _decide(self, path: str, name: str) -> Decision:
        with open_intake.intake(self.env, deciding=True) as assembly:
            service = assembly.settings.services.get(name)
            return explain(assembly, Slice(path, 0, os.path.getsize(path)), service)

    def _page(self, req: Request, *, error: str = "", sentence: str = "", decision: Decision | None = None) -> Page:
        names = open_intake.settings(self.env).services.names()
        page: dict[str, Any] = {
            "services": names,
            "chosen": str(req.args.getfirst("service", "")),
            "pasted": str(req.args.getfirst("mail", "")),
            "errors": {error: sentence} if error else {},
            "decision": decision,
            "prepared": decision.prepared if isinstance(decision, Accepted) else None,
        }
        return "mailintake_try.html", page


def _spool(req: Request, file: Any) -> str:  # noqa: ANN401 - a temporary file has no nameable type
    """Write the uploaded message, or else the pasted one, into `file`. Returns what is wrong with it, or ""."""
    name, upload, _size = req.args.getfile("file") if "file" in req.args else (None, None, 0)
    if name and upload:
        _copy(upload, file)
    else:
        file.write(str(req.args.getfirst("mail", "")).encode("utf-8", "replace"))
    file.flush()
    length = file.tell()
    if length > LARGEST:
        return f"The mail is larger than the {LARGEST // 1024**2} MB that can be tried here."
    return "" if length else "Paste a mail, or choose a file."


def _copy(upload: BinaryIO, file: BinaryIO) -> None:
    """Copy the upload, but only so far that a too large one is noticed."""
    left = LARGEST + 1
    while left > 0 and (chunk := upload.read(min(_CHUNK, left))):
        file.write(chunk)
        left -= len(chunk)
