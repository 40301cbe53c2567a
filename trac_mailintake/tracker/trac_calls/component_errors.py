"""handle: turns exceptions of third-party Trac components into Misconfiguration or TemporaryFailure."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from trac_mailintake.intake.errors import Misconfiguration, TemporaryFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac.env import Environment


@contextmanager
def asking(env: Environment, component: object) -> Iterator[None]:
    """Context for calling a Trac component, which may be a plugin.

    Raises TemporaryFailure if disk or network failed, Misconfiguration if the component failed by itself. Database
    errors pass through, since the recorder knows which of them are temporary. A component that ends the process has
    failed by itself, too: see `plugins.hooks`.
    """
    try:
        yield
    except (env.db_exc.DatabaseError, env.db_exc.InterfaceError, MemoryError, KeyboardInterrupt):
        raise
    except OSError as error:
        raise TemporaryFailure(f"{_name(component)} could not do its work: {error}") from error
    except BaseException as error:
        cause = f"{type(error).__name__}: {error}"
        failed = f"{_name(component)} failed"
        raise Misconfiguration(f"{failed} ({cause}). Mend it or disable it.", alike=failed) from error


def _name(component: object) -> str:
    return f"{type(component).__module__}.{type(component).__name__}"
