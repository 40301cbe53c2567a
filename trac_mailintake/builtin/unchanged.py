"""handle: the change itself is the innermost answer of `mailintake_change`, around which plugins amend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.hookspecs import hookimpl

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Change


@hookimpl(trylast=True)
def mailintake_change(change: Change) -> Change:
    """The change as the handler made it."""
    return change
