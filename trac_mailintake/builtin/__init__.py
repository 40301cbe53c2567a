"""The default policy, one rule a file, through the public hooks. These tables and `handlers.HANDLERS` list all of it.

The registry registers in the order of each table; pluggy calls in the opposite order, except for `tryfirst` and
`trylast`. A service's parameters are listed in the order of these tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.builtin import (
    allow_block,
    authentication,
    auto_replies,
    catchemail,
    follow_up,
    max_size,
    own_mail,
    rates,
    require_subject,
    unchanged,
)

if TYPE_CHECKING:
    from types import ModuleType

SCREENS: Final[tuple[ModuleType, ...]] = (
    authentication,
    auto_replies,
    own_mail,
    rates,
    catchemail,
    allow_block,
    max_size,
    require_subject,
    follow_up,
)
"""`mailintake_screen`: what may object to a message. Of equally grave objections the first one counts."""

ROUTES: Final[tuple[ModuleType, ...]] = (follow_up,)
"""`mailintake_route`: what says which ticket a message belongs to."""

AMENDMENTS: Final[tuple[ModuleType, ...]] = (authentication, unchanged)
"""`mailintake_change`: what amends a handler's change; `unchanged` is the innermost."""
