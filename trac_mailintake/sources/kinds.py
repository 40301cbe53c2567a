"""fetch: the built-in kinds of source, registered through the same hook as those of plugins."""

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
    """All built-in kinds; `pipe` is for `mailintake deliver`, not for rounds."""
    return KINDS
