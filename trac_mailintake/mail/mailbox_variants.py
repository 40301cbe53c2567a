"""record: one spelling for all addresses that may reach the same mailbox, so that letters to it can be counted.

It is coarser than `mailbox_key`, and must never decide who somebody is. Two people whose addresses look alike share a
count; so whoever forges addresses cannot multiply what we send by the ways in which one mailbox can be written:

- subaddresses (RFC 5233), whose separator each host chooses: `+` mostly, `-` with qmail and Yahoo, `=` elsewhere;
- dots, which Gmail ignores, and `_` and `-`, which Proton ignores;
- case, quotation marks, and compatibility characters (NFKC);
- the further domains of Gmail, Proton and iCloud.
"""

from __future__ import annotations

import re
import unicodedata
from types import MappingProxyType
from typing import Final

from trac_mailintake.mail.mailbox_key import domain_key

_SUBADDRESS: Final = re.compile(r"(?<=.)[+=-].*", re.DOTALL)
_IGNORED: Final = re.compile(r'[._"\\\s]')
_SAME: Final = MappingProxyType(
    {
        "googlemail.com": "gmail.com",
        "protonmail.com": "proton.me",
        "protonmail.ch": "proton.me",
        "pm.me": "proton.me",
        "me.com": "icloud.com",
        "mac.com": "icloud.com",
    }
)
"""Domains whose mailboxes are those of another domain."""
_PUBLIC: Final = 3
"""Letters of the last label but one up to which it is taken for a public suffix, as in `co.uk` and `com.au`."""


def one_mailbox(address: str) -> str:
    """The same text for all addresses that may be variants of one; "" has none."""
    local, _, domain = address.rpartition("@")
    plain = _IGNORED.sub("", unicodedata.normalize("NFKC", local).casefold())
    return f"{_SUBADDRESS.sub('', plain)}@{_host(domain)}"


def organisation(address: str) -> str:
    """The domain whose subdomains presumably have the same owner: its last two labels, or three of `a.co.uk`."""
    labels = _host(address.rpartition("@")[2]).split(".")
    public = len(labels) > 1 and len(labels[-2]) <= _PUBLIC
    return ".".join(labels[-3 if public else -2 :])


def _host(domain: str) -> str:
    host = domain_key(unicodedata.normalize("NFKC", domain)).strip(". ")
    return _SAME.get(host, host)
