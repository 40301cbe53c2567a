"""parse: how much of a hostile message is looked at: what the libraries, or a person, can bear.

What lies beyond a limit is never lost: it is a defect of the message, and its bytes stay in an attachment
or in the raw mail. But nobody is taken for the author of a mail of which a part of the header lies beyond one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one parse. Sizes are bytes as they lie on the wire, unless they say otherwise."""

    head: int = 128 * 1024
    """Bytes kept of one header block."""
    heads: int = 1024 * 1024
    """Bytes kept of the header blocks of all parts together; no multipart is looked into behind it."""
    field: int = 16 * 1024
    """Bytes kept of one header field."""
    depth: int = 50
    """Multiparts within one another."""
    parts: int = 1000
    """Entities of the MIME tree, multiparts included."""
    text: int = 1024 * 1024
    """Decoded bytes of body text, over all text parts."""
    html: int = 512 * 1024
    """Characters of HTML that are turned into wiki text; longer HTML is stripped of its tags instead."""
    ids: int = 200
    """Message ids kept of References: the first and the newest."""
    addresses: int = 1000
    """Addresses kept of one header field."""


LIMITS = Limits()
