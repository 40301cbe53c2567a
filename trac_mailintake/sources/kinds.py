"""fetch: the kinds of source that the product brings, through the same hook as everybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.sources import directory, imap, maildir, mbox, pipe, pop3

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac_mailintake.hookspecs import SourceKind

KINDS: Final[tuple[SourceKind, ...]] = (imap.KIND, pop3.KIND, maildir.KIND, mbox.KIND, directory.KIND, pipe.KIND)


@hookimpl
def mailintake_sources() -> Sequence[SourceKind]:
    """All of them; `pipe` is not for a round but for `mailintake deliver`."""
    return KINDS
