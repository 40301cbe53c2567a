"""handle: what a message becomes, one handler a file, through the public hook. The table names all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.builtin.handlers import (
    comment,
    comment_regex,
    comment_unquoted,
    commit_log,
    create,
    create_or_comment,
)

if TYPE_CHECKING:
    from types import ModuleType

HANDLERS: Final[tuple[ModuleType, ...]] = (
    create_or_comment,
    create,
    comment,
    comment_unquoted,
    comment_regex,
    commit_log,
)
"""`mailintake_handlers`: in the order in which people see them."""
