"""parse: one spelling for each mailbox, so that two addresses can be compared.

RFC 5321, 2.4: only the receiving host may interpret a local part. Hosts ignore the case of its ASCII letters in
practice, and nothing more: `ſam@` and `sam@` may be two people, although Unicode's case folding makes them one.
"""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase
from typing import Final

import idna

_LOWER: Final = str.maketrans(ascii_uppercase, ascii_lowercase)
_DOMAIN_LENGTH: Final = 255
"""Characters of a longer domain are not examined: no such domain can exist (RFC 1035, 2.3.4)."""


def mailbox_key(written: str) -> str:
    """An addr-spec for comparison: without the case of ASCII letters, with the domain as A-labels.

    Text without an `@`, such as a username, only loses the case of its ASCII letters.
    """
    if written.isascii():
        return written.lower()
    local, at, domain = written.rpartition("@")
    return f"{_lower(local)}@{domain_key(domain)}" if at else _lower(written)


def domain_key(written: str) -> str:
    """A domain for comparison: in lower case, as A-labels (RFC 5891, with the mapping of UTS 46, nontransitional).

    `straße.example` and `strasse.example` are two domains. A domain that IDNA 2008 refuses stays as it is written.
    """
    if written.isascii() or len(written) > _DOMAIN_LENGTH:
        return _lower(written)
    try:
        return idna.encode(written, uts46=True, transitional=False).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return _lower(written)


def _lower(text: str) -> str:
    return text.lower() if text.isascii() else text.translate(_LOWER)
