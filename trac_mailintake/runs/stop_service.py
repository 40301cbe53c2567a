"""record: a service is stopped, and an administrator is told of it, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.reasons import STOPPED
from trac_mailintake.tracker.db.transaction import transaction
from trac_mailintake.tracker.outgoing.enqueue import alert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.env import Environment

    from trac_mailintake.tracker.config.services import Services

ALIKE: Final = 5
"""Faults of the same kind in a row after which a service stops."""


def stop(env: Environment, services: Services, name: str, why: str) -> None:
    """Run the service no more until an administrator enables it, who is told. Once it is stopped this changes nothing.

    Raises TemporaryFailure.
    """
    with transaction(env) as db:
        if services.stop(name, why):
            reason = STOPPED(service=name, why=why)
            alert(env, db, name, reason.slug, reason.sentence)


def stop_when_alike(env: Environment, services: Services, name: str, faults: Sequence[str]) -> None:
    """Count what an administrator must mend; after five alike the service stops, which `status` says."""
    for fault in faults:
        if services.failed_alike(name, fault) >= ALIKE:
            env.log.error("Mail intake's service %s stops: %s", name, fault)
            stop(env, services, name, f"{ALIKE} times in a row: {fault}")
            return
