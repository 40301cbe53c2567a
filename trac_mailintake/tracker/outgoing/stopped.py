"""record: a service is stopped, and an administrator is told of it, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.intake.reasons import STOPPED
from trac_mailintake.tracker.db.transaction import transaction
from trac_mailintake.tracker.outgoing.enqueue import alert

if TYPE_CHECKING:
    from trac.env import Environment

    from trac_mailintake.tracker.config.services import Services


def stop(env: Environment, services: Services, name: str, why: str) -> None:
    """Run the service no more until an administrator enables it, who is told. Once it is stopped this changes nothing.

    Raises TemporaryFailure.
    """
    with transaction(env) as db:
        if services.stop(name, why):
            reason = STOPPED(service=name, why=why)
            alert(env, db, name, reason.slug, reason.sentence)
