"""fetch: TLS. Certificates are always verified; no setting turns that off."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from trac_mailintake.intake.errors import SourceError

if TYPE_CHECKING:
    from trac_mailintake.intake.settings import Server

WAYS = ("tls", "starttls", "none")
"""Values of a mail server's `security`. `none` is used only if an administrator set it."""


def context(server: Server) -> ssl.SSLContext | None:
    """The TLS context; None if the server is configured without TLS. Raises SourceError.

    TLS 1.2 or later (RFC 8997), host name checked (RFC 6125); with a CA file only that authority is trusted.
    """
    if server.security not in WAYS:
        ways = ", ".join(WAYS)
        raise SourceError(f"mail server {server.name}: security={server.security} is none of {ways}; correct it")
    if server.security == "none":
        return None
    try:
        made = ssl.create_default_context(cafile=server.ca_file or None)
    except OSError as error:
        cause = error.strerror or "it holds no certificate"
        raise SourceError(
            f"mail server {server.name}: the CA file {server.ca_file} cannot be used: {cause}; correct its path"
        ) from error
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made
