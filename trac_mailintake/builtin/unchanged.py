"""handle: the innermost implementation of `mailintake_change`; plugins wrap it to amend the change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.hookspecs import hookimpl

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Change


@hookimpl(trylast=True)
def mailintake_change(change: Change) -> Change:
    """The change as the handler made it."""
    return change
