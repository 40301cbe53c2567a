"""fetch: the kinds of source that the product brings, through the same hook as everybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trac_mailintake.hookspecs import hookimpl
from trac_mailintake.sources import imap, pop3
from trac_mailintake.sources.local import directory, maildir, mbox, stdin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trac_mailintake.hookspecs import SourceKind

KINDS: Final[tuple[SourceKind, ...]] = (imap.KIND, pop3.KIND, maildir.KIND, mbox.KIND, directory.KIND, stdin.KIND)


@hookimpl
def mailintake_sources() -> Sequence[SourceKind]:
    """All of them; `pipe` is not for a round but for `mailintake deliver`."""
    return KINDS
