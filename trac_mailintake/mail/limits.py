"""parse: limits on how much of a hostile message is parsed.

Nothing beyond a limit is lost: the message gets a defect, and the bytes stay in an attachment or in the raw mail. But a
message has no author if a part of its header is beyond a limit.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one parse. Sizes are bytes as transferred, unless stated otherwise."""

    head: int = 128 * 1024
    """Bytes kept of one header block."""
    heads: int = 1024 * 1024
    """Bytes kept of the header blocks of all parts together; beyond that no multipart is parsed."""
    field: int = 16 * 1024
    """Bytes kept of one header field."""
    depth: int = 50
    """Multiparts within one another."""
    parts: int = 1000
    """Entities of the MIME tree, multiparts included."""
    text: int = 1024 * 1024
    """Decoded bytes of body text, over all text parts."""
    html: int = 512 * 1024
    """Characters of HTML that are converted to wiki text; longer HTML only has its tags removed."""
    ids: int = 200
    """Message ids kept of References: the first and the newest."""
    addresses: int = 1000
    """Addresses kept from one header field."""


LIMITS = Limits()
