"""Stops and resumes services; the administrator's notice is written in the same transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.intake import reasons
from trac_mailintake.tracker.config.circuit_breaker import APART, CircuitBreaker
from trac_mailintake.tracker.db.durations import lasting
from trac_mailintake.tracker.db.transaction import transaction
from trac_mailintake.tracker.outgoing.enqueue import alert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac.env import Environment

    from trac_mailintake.intake.errors import Fault
    from trac_mailintake.tracker.db.transaction import Connection

_TRIES: Final = (
    f"It tries one mail every {lasting(APART)}, and resumes by itself when that goes well; then you are told."
)
_QUEUE: Final = (
    "Meanwhile its mail waits in the queue of the mail server that hands it over. A mail server returns mail to its"
    " sender once it has waited too long: Postfix after maximal_queue_lifetime (5 days unless you changed it), Exim at"
    " the end of its retry rule (usually 4 days), sendmail after Timeout.queuereturn (usually 5 days). So nothing is"
    " returned if the service works again within that time, counted from when the mail came."
)


def stop(env: Environment, name: str, why: str) -> None:
    """Stop the service until an administrator enables it, and notify them. Has no effect if it already waits for that.

    Raises TemporaryFailure.
    """
    with transaction(env) as db:
        if CircuitBreaker(env).stop(name, why):
            _tell(env, db, name, why)


def stop_when_alike(env: Environment, name: str, faults: Sequence[Fault]) -> str:
    """Count faults that an administrator must fix. Five alike in a row stop the service.

    Returns why the service stops now, or "".
    Raises TemporaryFailure.
    """
    for fault in faults:
        with transaction(env) as db:
            why = CircuitBreaker(env).failed(name, fault.sentence, fault.alike)
            if why:
                _tell(env, db, name, why)
                return why
    return ""


def resume(env: Environment, name: str) -> None:
    """Run a stopped service again because it took the mail that it tried, and notify the administrator.

    Raises TemporaryFailure.
    """
    with transaction(env) as db:
        if CircuitBreaker(env).resume(name):
            env.log.info("Mail intake's service %s resumes: it took the mail that it tried", name)
            reason = reasons.RESUMED(service=name)
            alert(env, db, name, reason.slug, reason.sentence)


def _tell(env: Environment, db: Connection, name: str, why: str) -> None:
    env.log.error("Mail intake's service %s stops: %s", name, why)
    standing = CircuitBreaker(env).standing(name)
    reason = reasons.STOPPED(service=name, why=why)
    words = [reason.sentence]
    if standing is not None and standing.pushed:
        words += [_TRIES] if standing.tries else ["It takes no mail until you enable it."]
        words.append(_QUEUE)
    alert(env, db, name, reason.slug, "\n\n".join(words))
