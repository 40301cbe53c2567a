"""fetch: what an account holds, for an administrator who has just typed its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.intake.ports import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from trac_mailintake.intake.settings import Server


def probe(
    server: Server, password: Callable[[], str], trace: Callable[[str], None] | None = None
) -> tuple[tuple[str, int], ...]:
    """Log in, and list the folders with how many messages are in each; POP3 has but one, called INBOX.

    Raises SourceError, and what `password` raises.
    """
    if server.protocol == "imap":
        from trac_mailintake.sources.imap.session import folders  # noqa: PLC0415 - heavy, and only where it is spoken
    elif server.protocol == "pop3":
        from trac_mailintake.sources.pop3.session import folders  # noqa: PLC0415 - likewise
    else:
        raise SourceError(f"mail server {server.name}: protocol={server.protocol} is neither imap nor pop3; correct it")
    return folders(server, password, trace)
