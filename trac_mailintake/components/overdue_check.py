"""Lets the web interface notice overdue services, since nothing else does if cron itself is dead.

Each process checks at most once a minute, in a thread of its own and not within a request. A check costs two queries;
its failures are logged. `mailintake run` checks, too; the database lets only one of them send the notice.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from trac.core import Component, implements
from trac.web.api import IRequestFilter

from trac_mailintake.components.options import MailIntakeSystem
from trac_mailintake.intake.times import Seconds
from trac_mailintake.tracker.file_owner import rightful_owner

if TYPE_CHECKING:
    from trac.web.api import IRequestHandler, Request

APART: Final = Seconds(60.0)
"""The time between two checks by a process."""


class DeadMan(Component):
    """Checks whether services are overdue, while somebody uses this Trac."""

    implements(IRequestFilter)

    def __init__(self) -> None:
        self._next = 0.0
        self._looking = threading.Lock()

    # IRequestFilter methods

    def pre_process_request(self, req: Request, handler: IRequestHandler) -> IRequestHandler:
        """Start the overdue check in a background thread, at most once a minute, and return the handler unchanged."""
        if time.monotonic() >= self._next and self._looking.acquire(blocking=False):
            self._next = time.monotonic() + APART
            try:
                threading.Thread(target=self._look, name="mailintake-deadman", daemon=True).start()
            except RuntimeError:  # no thread available: another process checks
                self._looking.release()
        return handler

    def post_process_request(
        self,
        req: Request,
        template: str,
        data: dict[str, object],
        metadata: object,
    ) -> tuple[str, dict[str, object], object]:
        """Return the response unchanged."""
        return template, data, metadata

    # inside

    def _look(self) -> None:
        try:
            if MailIntakeSystem(self.env).fetches and not rightful_owner(self.env.path):
                from trac_mailintake.runs.overdue_check import look  # noqa: PLC0415 - requests do not need it

                look(self.env)
        except Exception:
            self.log.exception("Mail intake could not see whether a service is overdue")
        finally:
            self.env.shutdown(threading.get_ident())  # closes only this thread's database connection
            self._looking.release()
